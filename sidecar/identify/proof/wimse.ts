/** Workload identity tokens with proof. Source: draft-ietf-wimse-workload-creds-02, draft-ietf-wimse-wpt-01. */
import { hash } from "node:crypto";
import { isObject, refuse, type Json, type JsonObject, type Refusal } from "../../contract.js";
import type { BesideProof, Methods } from "../identify.js";
import { longestId, readTime } from "./dpop.js";
import { normalizeUrl, withoutQuery } from "./normalize-url.js";
import type { WimseConfig } from "./parse-wimse.js";
import type { SignatureCheck } from "./proof-key.js";
import { readProof } from "./read-proof.js";
import type { ReplayStore } from "./replay.js";
import type { WorkloadToken } from "./workload-token.js";

export interface WimseParts {
  readonly config: WimseConfig;
  readonly verifyToken: (token: string) => Promise<WorkloadToken | Refusal>;
  readonly signatures: SignatureCheck;
  readonly replay: ReplayStore;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** How far ahead of ours the caller's clock may be, seconds. */
const skew = 10;

/** Creates the method for workload identity tokens (WIT) with their proofs (WPT). */
export function createWimse(parts: WimseParts): NonNullable<Methods["workload"]> {
  const { config, verifyToken, signatures, replay, now } = parts;
  return async (token, proof, target, beside) => {
    const held = await verifyToken(token);
    if (held.kind === "refusal") return held;
    const read = readProof(proof);
    if (typeof read === "string") return wrong(read);
    const { header, payload } = read;
    if (read.type !== "wpt+jwt") return wrong("typ");
    if (Object.hasOwn(header, "jwk")) return wrong("jwk");
    if (read.alg !== held.alg) return wrong("alg");
    const { jti, aud, wth } = payload;
    if (typeof jti !== "string" || jti === "" || jti.length > longestId) return wrong("jti");
    if (!isFor(aud, target.url, config.audiences)) return wrong("aud");
    if (wth !== digest(token)) return wrong("wth");
    const unnamed = unnamedToken(payload, beside);
    if (unnamed !== undefined) return wrong(unnamed);
    const late = checkTimes(payload, config.proof_lifetime_seconds, now() / 1000);
    if (late !== undefined) return wrong(late);
    if (!signatures.holds(held.key, read.signed, read.signature)) return wrong("signature");
    const { workload, domain, key } = held;
    const id = hash("sha256", `wpt ${key.jkt} ${jti}`, "base64url");
    const used = await replay.use({ proof: id, holder: key.jkt, exchange: target.id ?? "" });
    if (used === "replayed") return refuse("workload_proof_replayed");
    if (used === "unknown") return refuse("proof_store_unavailable");
    return {
      kind: "verified",
      method: "wimse",
      credential: { method: "wimse", id: held.id, issuer: held.issuer },
      workload: { ...workload, tenants: domain.tenants, attested: domain.attested },
      boundTo: { jkt: key.jkt },
      proves: { jkt: key.jkt },
      expiresAt: held.expiresAt,
      ...(held.issuedAt === undefined ? {} : { issuedAt: held.issuedAt }),
      cached: false,
    };
  };
}

/** Tells whether a proof is for the request's URL, or for a configured name of ours. */
function isFor(aud: Json | undefined, url: string, audiences: readonly string[]): boolean {
  const [one, ...more] = Array.isArray(aud) ? aud : [aud];
  if (typeof one !== "string" || more.length > 0) return false;
  if (audiences.includes(one)) return true;
  const normal = normalizeUrl(one);
  return normal !== undefined && normal === normalizeUrl(withoutQuery(url));
}

/**
 * Finds a token beside the proof that the proof doesn't name, or one that it names and that isn't there.
 * INVARIANT: no token counts that the workload didn't put there itself.
 */
function unnamedToken(payload: JsonObject, { access, transaction, apiKey }: BesideProof): string | undefined {
  const { ath, tth, oth = {} } = payload;
  if (ath !== (access === undefined ? undefined : digest(access))) return "ath";
  if (tth !== (transaction === undefined ? undefined : digest(transaction))) return "tth";
  if (!isObject(oth)) return "oth";
  // the only other token that is looked at here is the API key; an entry for anything else isn't understood
  const known = Object.keys(oth).every((name) => name === "x-api-key");
  const named = oth["x-api-key"] === (apiKey === undefined ? undefined : digest(apiKey));
  return known && named ? undefined : "oth";
}

function checkTimes(payload: JsonObject, lifetime: number, clock: number): string | undefined {
  const exp = readTime(payload["exp"]);
  if (exp === undefined || clock >= exp || exp > clock + lifetime + skew) return "exp";
  for (const name of ["iat", "nbf"]) {
    if (payload[name] === undefined) continue;
    const time = readTime(payload[name]);
    if (time === undefined || time > clock + skew) return name;
  }
  return undefined;
}

function digest(token: string): string {
  return hash("sha256", token, "base64url");
}

function wrong(what: string): Refusal {
  return refuse("workload_proof_invalid", what);
}
