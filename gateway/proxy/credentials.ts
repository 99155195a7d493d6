/** Who asks the proxy: what its clients can send, in `Proxy-Authorization` (RFC 9110, section 11.7.2) and by their certificate. */
import type { IncomingMessage } from "node:http";
import type { Credentials, Refusal } from "../../sidecar/contract.js";
import { credentialHeaders, peerCertificates, refuse } from "../../sidecar/contract.js";

const oneWord = /^[\x21-\x7e]+$/;
/** The user under which an API key stands for the password. */
const keyUser = "api_key";

/**
 * Reads them: `Bearer` with a token, or `Basic` with a token for the password, as clients make it of a proxy's address.
 * INVARIANT: no other header counts: what is for the host that is asked for is inside TLS.
 */
export function readProxyCredentials(
  req: IncomingMessage,
): { readonly kind: "credentials"; readonly credentials: Credentials } | Refusal {
  if (credentialHeaders.some((name) => req.headers[name] !== undefined))
    return refuse("credential_unsupported", "only proxy-authorization is taken");
  const certificates = peerCertificates(req.socket);
  const sent = certificates === undefined ? {} : { certificates };
  const header = req.headers["proxy-authorization"];
  if (header === undefined) return { kind: "credentials", credentials: sent };
  const [, scheme = "", value = ""] = /^(Bearer|Basic) +([\x21-\x7e]+)$/i.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer")
    return { kind: "credentials", credentials: { ...sent, bearer: value } };
  const basic = scheme === "" ? undefined : readBasic(value);
  if (basic === undefined) return refuse("credential_unsupported", "proxy-authorization");
  const own: Credentials = basic.user === keyUser ? { api_key: basic.password } : { bearer: basic.password };
  return { kind: "credentials", credentials: { ...sent, ...own } };
}

function readBasic(value: string): { readonly user: string; readonly password: string } | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  const text = Buffer.from(value, "base64").toString("latin1");
  const colon = text.indexOf(":");
  const password = text.slice(colon + 1);
  return colon < 0 || !oneWord.test(password) ? undefined : { user: text.slice(0, colon), password };
}
