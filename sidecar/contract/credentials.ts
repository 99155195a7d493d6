/** What a caller presents to prove who it is, on the wire between PEP and sidecar. */
import type { Fields, Problems } from "./shape.js";

/**
 * Raw credentials as the caller presented them; verified by the sidecar, never recorded.
 * INVARIANT: a PEP passes on all that it was given: what isn't looked at can't contradict.
 */
export interface Credentials {
  /** The token of `Authorization: Bearer …`, without the scheme. */
  readonly bearer?: string;
  /** `Authorization: DPoP …` with the `DPoP` header (RFC 9449). */
  readonly dpop?: { readonly token: string; readonly proof: string };
  /** The value of the API key header. */
  readonly api_key?: string;
  /** The TLS client's certificates, leaf first, base64 of DER; the PEP's own TLS saw the leaf's key in use. */
  readonly certificates?: readonly string[];
  /** `X-Forwarded-Client-Cert`, and the name of the local proxy whose socket it came through. */
  readonly xfcc?: { readonly proxy: string; readonly value: string };
  /** `Workload-Identity-Token` and `Workload-Proof-Token` (WIMSE). */
  readonly workload?: { readonly token: string; readonly proof: string };
  /** `Txn-Token` (OAuth transaction tokens). */
  readonly transaction?: string;
  /**
   * What a proof must have been made for: the request as the client sent it, with its full URL. `id` is the PEP's own
   * random id of the request, never one that the client chose: a proof that serves one request may be asked about again.
   */
  readonly target?: { readonly method: string; readonly url: string; readonly id?: string };
}

const mostCertificates = 8;

/** Parses credentials strictly; the problems name fields, never values. */
export function parseCredentials(fields: Fields, problems: Problems): Credentials {
  const text = (name: "bearer" | "api_key" | "transaction"): object => {
    const value = fields.string(name);
    return value === undefined ? {} : { [name]: value };
  };
  const pair = (name: "dpop" | "xfcc" | "workload", of: readonly string[]): object => {
    if (!fields.has(name)) return {};
    const nested = fields.nested(name);
    const values = Object.fromEntries(of.map((field) => [field, nested.required(field)]));
    nested.end();
    return { [name]: values };
  };
  const certificates = fields.strings("certificates");
  if (certificates !== undefined && (certificates.length === 0 || certificates.length > mostCertificates)) {
    problems.add(fields.at("certificates"), `give 1 to ${mostCertificates}`);
  }
  const target = (): object => {
    if (!fields.has("target")) return {};
    const nested = fields.nested("target");
    const id = nested.string("id");
    const read = { method: nested.required("method"), url: nested.required("url") };
    nested.end();
    return { target: id === undefined ? read : { ...read, id } };
  };
  const credentials: Credentials = {
    ...text("bearer"),
    ...pair("dpop", ["token", "proof"]),
    ...text("api_key"),
    ...(certificates === undefined ? {} : { certificates }),
    ...pair("xfcc", ["proxy", "value"]),
    ...pair("workload", ["token", "proof"]),
    ...text("transaction"),
    ...target(),
  };
  fields.end();
  return credentials;
}

/** The ways in which a caller can be identified. */
export const methods = [
  "jwt",
  "introspection",
  "jwt_svid",
  "x509_svid",
  "wimse",
  "transaction_token",
  "api_key",
] as const;
export type Method = (typeof methods)[number];

/** What the record calls a credential: `jti`, a certificate's or key's id, or a digest; never the credential. */
export interface CredentialId {
  readonly method: Method | "dpop" | "x5t";
  readonly id: string;
  readonly issuer?: string;
}
