import type { RequestListener } from "node:http";
import type { ListenerTls, Refusal } from "../contract.js";
import { peerCertificates, refuse } from "../contract.js";
import { sendRefusal } from "./http.js";

/** Verifies a client's chain, leaf first, base64 of DER. Rejects on bugs only. */
export type VerifyClient = (certificates: readonly string[]) => Outcome | Promise<Outcome>;
type Outcome = { readonly kind: "verified" } | Refusal;

/**
 * Creates what listeners over TCP are put behind: where client certificates are required and no file of CAs says which,
 * they must be those of workloads.
 * @throws Error where nothing could say which
 */
export function guardListeners(
  tls: ListenerTls | undefined,
  verify: VerifyClient | undefined,
): (listener: RequestListener) => RequestListener {
  if (tls?.clientCertificates !== "required" || tls.caFile !== undefined) return (listener) => listener;
  if (verify === undefined) {
    throw new Error("required client certificates need a CA file (--tls-ca-cert-file) or identity.spiffe");
  }
  return (listener) => requireCertificate(listener, verify);
}

/**
 * Lets requests through whose connection has a client certificate that holds: `--authentication=tls` where trust
 * domains say who is known. INVARIANT: what is no clear yes is a refusal.
 */
function requireCertificate(listener: RequestListener, verify: VerifyClient): RequestListener {
  return (req, res) => {
    const certificates = peerCertificates(req.socket);
    if (certificates === undefined) {
      sendRefusal(res, refuse("unauthenticated"));
      return;
    }
    Promise.resolve(verify(certificates)).then(
      (outcome) => {
        if (outcome.kind === "verified") listener(req, res);
        else sendRefusal(res, outcome);
      },
      () => {
        sendRefusal(res, refuse("internal_error"));
      },
    );
  };
}
