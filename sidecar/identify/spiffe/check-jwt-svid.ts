import { compactVerify } from "jose";
import {
  isObject,
  JsonNumber,
  parseJson,
  refuse,
  type Json,
  type JsonObject,
  type Refusal,
} from "../../contract.js";
import type { DecodedToken } from "../token/jwt.js";
import type { JwtKey } from "./bundle.js";
import type { SpiffeConfig } from "./types.js";

/** Section 2: any other header member must not be there. */
const headerMembers = new Set(["alg", "kid", "typ"]);
const joseRefusals = new Set<unknown>(["ERR_JWS_SIGNATURE_VERIFICATION_FAILED", "ERR_JWS_INVALID"]);

/** Checks what stands in the header beside what picks the key. */
export function checkHeader(token: string): Refusal | undefined {
  const header = parseJson(Buffer.from(token.split(".", 1)[0] ?? "", "base64url"), { depth: 16 });
  if (!isObject(header)) return refuse("token_malformed");
  const extra = Object.keys(header).some((name) => !headerMembers.has(name));
  if (extra) return refuse("token_malformed", "a header member that a JWT-SVID doesn't have");
  const { typ } = header;
  return typ === undefined || typ === "JWT" || typ === "JOSE" ? undefined : refuse("token_type");
}

/** Verifies the signature with one key and exactly the header's algorithm. Throws on bugs only. */
export async function verifySignature(
  token: string,
  { key }: JwtKey,
  alg: string,
): Promise<Refusal | undefined> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return undefined;
  } catch (error) {
    if (!joseRefusals.has((error as { code?: unknown } | null)?.code)) throw error;
    return refuse("token_signature");
  }
}

/** Checks the audience, and that nothing is claimed that a JWT-SVID can't prove. */
export function checkClaims({ payload }: DecodedToken, audience: readonly string[]): Refusal | undefined {
  // a key or an actor in a token that is only its holder's own
  if (payload["cnf"] !== undefined) return refuse("token_binding");
  if (payload["act"] !== undefined) return refuse("token_claims", "act");
  const { aud } = payload;
  if (aud === undefined) return refuse("token_audience");
  const named = Array.isArray(aud) ? aud : [aud];
  if (!named.every((one) => typeof one === "string")) return refuse("token_claims", "aud");
  return named.some((one) => audience.includes(one)) ? undefined : refuse("token_audience");
}

/** Checks the times. @returns when it ends, epoch milliseconds */
export function checkTimes(
  payload: JsonObject,
  config: Pick<SpiffeConfig, "maxLifetimeSeconds" | "clockSkewSeconds">,
  now: number,
): number | Refusal {
  const [exp, nbf, iat] = ["exp", "nbf", "iat"].map((name) => seconds(payload[name]));
  if (exp === undefined || exp === "wrong") return refuse("token_claims", "exp");
  if (nbf === "wrong") return refuse("token_claims", "nbf");
  if (iat === "wrong") return refuse("token_claims", "iat");
  const clock = now / 1_000;
  const ahead = clock + config.clockSkewSeconds;
  if (clock >= exp) return refuse("token_expired");
  if ((nbf ?? 0) > ahead || (iat ?? 0) > ahead) return refuse("token_not_yet_valid");
  if (exp - (iat ?? clock) > config.maxLifetimeSeconds) return refuse("token_lifetime");
  return Math.floor(exp * 1_000);
}

function seconds(value: Json | undefined): number | undefined | "wrong" {
  if (value === undefined) return undefined;
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  return typeof number === "number" && number >= 0 && number <= 253_402_300_799 ? number : "wrong";
}
