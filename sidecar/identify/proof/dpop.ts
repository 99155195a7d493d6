/** DPoP proofs: the caller holds the key that its access token is bound to. Source: RFC 9449. */
import { hash } from "node:crypto";
import { JsonNumber, refuse, type Credentials, type Json, type Refusal } from "../../contract.js";
import type { KeyNames, VerifyOutcome } from "../verified.js";
import type { Nonces } from "./nonces.js";
import { normalizeUrl, withoutQuery } from "./normalize-url.js";
import { readProofKey, type SignatureCheck } from "./proof-key.js";
import { readProof } from "./read-proof.js";
import type { ReplayStore } from "./replay.js";

export interface DpopConfig {
  /** JWS algorithms that a proof may be signed by. */
  readonly algorithms: readonly string[];
  /** How old a proof may be. */
  readonly max_age_seconds: number;
  /** How far ahead of ours the caller's clock may be. */
  readonly clock_skew_seconds: number;
  /** Whether a proof must hold a nonce of ours. */
  readonly nonce: boolean;
}

export interface DpopParts {
  readonly config: DpopConfig;
  readonly signatures: SignatureCheck;
  readonly replay: ReplayStore;
  /** Present where proofs must hold a nonce. */
  readonly nonces?: Nonces;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Target = NonNullable<Credentials["target"]>;

/** A proof is for one request; what it proves lasts as long as the token that it comes with. */
export const endOfTime = 8.64e15;
/** Longest `jti`, characters. */
export const longestId = 256;

/**
 * Verifies a proof for a token that holds. @param boundTo the keys that the token is bound to
 * INVARIANT: the proof is remembered only after all else was right, so that nobody can fill the store, or use up
 * another's proof, without a token and its key.
 */
export type VerifyDpop = (
  proof: string,
  token: string,
  target: Target,
  boundTo: KeyNames | undefined,
) => Promise<VerifyOutcome>;

/** Creates the method for DPoP proofs. */
export function createDpop({ config, signatures, replay, nonces, now }: DpopParts): VerifyDpop {
  const algorithms = new Set(config.algorithms);
  return async (proof, token, target, boundTo) => {
    // section 7.1: a token that isn't bound to a key isn't a DPoP token
    if (boundTo?.jkt === undefined) return wrong("the token is not bound to a key");
    const read = readProof(proof);
    if (typeof read === "string") return wrong(read);
    const { header, payload, alg, type } = read;
    if (type !== "dpop+jwt") return wrong("typ");
    if (!algorithms.has(alg)) return wrong("alg");
    const key = readProofKey(header["jwk"], alg);
    if (typeof key === "string") return wrong(key);
    if (key.jkt !== boundTo.jkt) return refuse("token_binding", "the proof is by another key");
    const { jti, htm, htu, ath } = payload;
    if (typeof jti !== "string" || jti === "" || jti.length > longestId) return wrong("jti");
    // methods are case-sensitive (RFC 9110 section 9.1)
    if (typeof htm !== "string" || htm !== target.method) return wrong("htm");
    if (typeof htu !== "string" || !sameUrl(htu, target.url)) return wrong("htu");
    if (ath !== hash("sha256", token, "base64url")) return wrong("ath");
    const late = checkTimes(payload, config, now());
    if (late !== undefined) return wrong(late);
    const { nonce } = payload;
    if (nonces !== undefined && (typeof nonce !== "string" || !nonces.accepts(nonce))) {
      return refuse("dpop_nonce_required");
    }
    if (!signatures.holds(key, read.signed, read.signature)) return wrong("signature");
    const id = hash("sha256", `${key.jkt} ${jti}`, "base64url");
    const used = await replay.use({ proof: id, holder: key.jkt, exchange: target.id ?? "" });
    if (used === "replayed") return refuse("dpop_replayed");
    if (used === "unknown") return refuse("proof_store_unavailable");
    return {
      kind: "verified",
      method: "dpop",
      credential: { method: "dpop", id: `sha256:${id}` },
      proves: { jkt: key.jkt },
      expiresAt: endOfTime,
      cached: false,
    };
  };
}

/** Compares an `htu` with the URL of the request, whose query and fragment don't count. */
function sameUrl(htu: string, url: string): boolean {
  const normal = normalizeUrl(htu);
  return normal !== undefined && normal === normalizeUrl(withoutQuery(url));
}

function checkTimes(
  payload: { readonly [name: string]: Json },
  { max_age_seconds, clock_skew_seconds }: DpopConfig,
  now: number,
): string | undefined {
  const clock = now / 1000;
  const iat = readTime(payload["iat"]);
  if (iat === undefined || iat > clock + clock_skew_seconds || iat < clock - max_age_seconds) return "iat";
  // not asked for by RFC 9449, but a limit that the caller sets itself counts
  for (const [name, holds] of [
    ["exp", (time: number) => clock < time],
    ["nbf", (time: number) => time <= clock + clock_skew_seconds],
  ] as const) {
    if (payload[name] === undefined) continue;
    const time = readTime(payload[name]);
    if (time === undefined || !holds(time)) return name;
  }
  return undefined;
}

/** Reads a NumericDate (RFC 7519 section 2). */
export function readTime(value: Json | undefined): number | undefined {
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  return typeof number === "number" && number >= 0 && number <= 253_402_300_799 ? number : undefined;
}

function wrong(what: string): Refusal {
  return refuse("dpop_invalid", what);
}
