/** Reads what a request presents, for every door that people come to themselves. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Credentials } from "./credentials.js";
import type { Refusal } from "./errors.js";
import { refuse } from "./errors.js";

export interface Presented {
  /**
   * The address that clients know, without a slash at its end: what a proof of possession names. INVARIANT: never taken
   * from the request, whose Host is the sender's to choose.
   */
  readonly publicUrl: string | undefined;
  /** The client's certificates, leaf first, base64 of DER, where this listener's own TLS saw the key in use. */
  readonly certificates?: readonly string[];
  /** The local proxy whose Unix socket the request came through. */
  readonly proxy?: string;
  /** Whether it comes the way of Gemini's clients, whose token or key stands in `x-goog-api-key`. */
  readonly google?: boolean;
  /** Whether it comes the way of clients of vector stores, whose token stands in `api-key`. */
  readonly store?: boolean;
}

/** Visible ASCII without blanks (RFC 6750 section 2.1, wide enough for any token). */
const oneWord = /^[\x21-\x7e]+$/;

/**
 * Gathers all credentials that a request carries: what isn't looked at can't contradict.
 * INVARIANT: what only a proxy may say is believed from that proxy's own socket only.
 */
export function readCredentials(
  req: IncomingMessage,
  { publicUrl, certificates, proxy, google = false, store = false }: Presented,
): { readonly kind: "credentials"; readonly credentials: Credentials } | Refusal {
  const authorization = header(req, "authorization");
  const [, scheme = "", value = ""] = /^([A-Za-z][A-Za-z0-9-]*) +(.*)$/.exec(authorization ?? "") ?? [];
  if (authorization !== undefined && !oneWord.test(value))
    return refuse("credential_unsupported", "authorization");
  const isDpop = scheme.toLowerCase() === "dpop";
  if (authorization !== undefined && !isDpop && scheme.toLowerCase() !== "bearer") {
    return refuse("credential_unsupported", "the scheme of authorization");
  }
  const proof = header(req, "dpop");
  // a token that is sent with its proof under the bearer's scheme isn't proven by it (RFC 9449 section 7.1)
  if (isDpop !== (proof !== undefined))
    return refuse("token_binding", isDpop ? "no proof" : "the scheme isn't DPoP");
  const forwarded = header(req, "x-forwarded-client-cert");
  if (forwarded !== undefined && proxy === undefined) return refuse("forwarded_certificate_untrusted");
  const apiKey = header(req, "x-api-key");
  const googleKey = google ? header(req, "x-goog-api-key") : undefined;
  if (googleKey !== undefined) {
    if (!oneWord.test(googleKey)) return refuse("credential_unsupported", "x-goog-api-key");
    // two that say who calls: which one is meant isn't known, even where they are alike
    if (authorization !== undefined || apiKey !== undefined)
      return refuse("credentials_conflict", "x-goog-api-key beside another");
  }
  // some clients must send one: beside a credential of ours it is the store's, and nothing here
  const said = authorization ?? apiKey;
  const storeKey = store && said === undefined ? req.headers["api-key"] : undefined;
  if (storeKey !== undefined && (typeof storeKey !== "string" || !oneWord.test(storeKey)))
    return refuse("credential_unsupported", "api-key");
  const transaction = header(req, "txn-token");
  const held = header(req, "workload-identity-token");
  const holding = header(req, "workload-proof-token");
  if ((held === undefined) !== (holding === undefined))
    return refuse("token_binding", "workload-proof-token");
  const proven = isDpop || held !== undefined;
  const credentials: Credentials = {
    ...(authorization === undefined || isDpop ? {} : { bearer: value }),
    ...(googleKey === undefined ? {} : { bearer: googleKey }),
    ...(storeKey === undefined ? {} : { bearer: storeKey }),
    ...(proof === undefined ? {} : { dpop: { token: value, proof } }),
    ...(apiKey === undefined ? {} : { api_key: apiKey }),
    ...(certificates === undefined || certificates.length === 0 ? {} : { certificates }),
    ...(forwarded === undefined || proxy === undefined ? {} : { xfcc: { proxy, value: forwarded } }),
    ...(held === undefined || holding === undefined ? {} : { workload: { token: held, proof: holding } }),
    ...(transaction === undefined ? {} : { transaction }),
    ...(proven && publicUrl !== undefined
      ? // the id is made here and for this request: a proof may be asked about again within it, and in no other
        { target: { method: req.method ?? "", url: publicUrl + (req.url ?? ""), id: randomUUID() } }
      : {}),
  };
  return { kind: "credentials", credentials };
}

/** Headers that hold credentials; each may stand once. */
export const credentialHeaders = [
  "authorization",
  "dpop",
  "txn-token",
  "workload-identity-token",
  "workload-proof-token",
  "x-api-key",
  "x-forwarded-client-cert",
  "x-goog-api-key",
] as const;

function header(req: IncomingMessage, name: (typeof credentialHeaders)[number]): string | undefined {
  const value = req.headers[name];
  return typeof value === "string" ? value : undefined;
}
