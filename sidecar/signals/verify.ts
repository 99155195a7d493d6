/** Verifies a security event token. Source: RFC 8417, RFC 8725, OpenID SSF 1.0 section 4. */
import { createHash } from "node:crypto";
import type { Json, JsonObject, Refusal } from "../contract.js";
import { isObject, JsonNumber, stringifyJson } from "../contract.js";
import type { DecodedToken } from "../identify/token/jwt.js";
import type { Keys } from "../identify/token/keys.js";
import type { TrustedKey } from "../identify/token/key-set.js";
import type { TransmitterConfig } from "./config.js";
import { isName } from "./subject.js";

/** Codes of the registry of RFC 8935 section 2.4, and `invalid_state` of SSF 1.0 section 8.1.4.1. */
export type SetError =
  | "invalid_request"
  | "invalid_key"
  | "invalid_issuer"
  | "invalid_audience"
  | "authentication_failed"
  | "access_denied"
  | "invalid_state";

export interface SetRefused {
  readonly kind: "refused";
  readonly err: SetError;
  /** A fixed text: nothing of the token. */
  readonly description: string;
}

export interface SecurityEvent {
  /** URI of its type. */
  readonly uri: string;
  readonly body: JsonObject;
  readonly subject: Json | undefined;
  /** When it happened, epoch milliseconds. */
  readonly at: number;
  /** When the transmitter told it, epoch milliseconds. */
  readonly told: number;
}

export interface SecurityEventSet {
  readonly kind: "set";
  readonly jti: string;
  /** Names it, with what it says: the same one sent again has the same. */
  readonly digest: string;
  readonly events: readonly SecurityEvent[];
}

export interface VerifyParts {
  readonly decode: (token: string) => DecodedToken | Refusal;
  readonly verifySignature: (
    token: string,
    decoded: DecodedToken,
    key: TrustedKey,
  ) => Promise<Refusal | undefined>;
  readonly keys: Keys;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export type SetVerified = SecurityEventSet | SetRefused | { readonly kind: "unavailable" };

/** Characters of the longest SET. */
export const maxSet = 64 * 1024;
/** How far a transmitter's clock may be ahead, seconds. */
const skew = 120;
/** Most types in one SET, which are all to be names of one event. */
const mostEvents = 8;

/** Refuses a SET by a code and a fixed text. */
export function refuseSet(err: SetError, description: string): SetRefused {
  return { kind: "refused", err, description };
}

/** Verifies a SET of a transmitter; `unavailable`: its keys can't be had now. Throws on bugs only. */
export async function verifySet(
  token: string,
  config: TransmitterConfig,
  parts: VerifyParts,
): Promise<SetVerified> {
  if (token.length > maxSet) return refuseSet("invalid_request", "the SET is too large");
  const decoded = parts.decode(token);
  if (decoded.kind === "refusal") return refuseSet("invalid_request", "the SET is malformed");
  const { type, alg, kid, payload } = decoded;
  if (type !== "secevent+jwt") return refuseSet("invalid_request", "the type must be secevent+jwt");
  if (payload["iss"] !== config.issuer)
    return refuseSet("invalid_issuer", "the issuer isn't this transmitter's");
  if (!config.algorithms.includes(alg)) return refuseSet("invalid_key", "the algorithm isn't accepted");
  const key = await parts.keys.find(kid, alg);
  if ("kind" in key) {
    return key.code === "issuer_unavailable"
      ? { kind: "unavailable" }
      : refuseSet("invalid_key", "the key isn't known");
  }
  const refusal = await parts.verifySignature(token, decoded, key);
  if (refusal !== undefined) return refuseSet("invalid_key", "the signature doesn't verify");
  if (!isFor(payload["aud"], config.audience)) {
    return refuseSet("invalid_audience", "the SET is for another audience");
  }
  return readClaims(payload, config, parts.now());
}

function isFor(aud: Json | undefined, ours: readonly string[]): boolean {
  const named = Array.isArray(aud) ? aud : [aud];
  return named.some((one) => typeof one === "string" && ours.includes(one));
}

function readClaims(payload: JsonObject, config: TransmitterConfig, now: number): SetVerified {
  const { jti, events, sub_id: subId } = payload;
  // what has one of these is another kind of token, or can be taken for one (SSF 1.0 section 4.1.7)
  for (const claim of ["exp", "sub"] as const) {
    if (payload[claim] !== undefined) return refuseSet("invalid_request", `a SET must not have ${claim}`);
  }
  if (!isName(jti)) return refuseSet("invalid_request", "jti is missing or unfit");
  const iat = secondsOf(payload["iat"]);
  if (iat === undefined) return refuseSet("invalid_request", "iat is missing or unfit");
  if (iat * 1000 > now + skew * 1000) return refuseSet("invalid_request", "iat lies in the future");
  if (iat * 1000 < now - config.maxAge * 1000) return refuseSet("invalid_request", "the SET is too old");
  if (events === undefined || !isObject(events))
    return refuseSet("invalid_request", "events is missing or unfit");
  const types = Object.entries(events);
  if (types.length === 0 || types.length > mostEvents) {
    return refuseSet("invalid_request", "there must be one event, under few names");
  }
  const read: SecurityEvent[] = [];
  for (const [uri, body] of types) {
    if (!isObject(body) || uri.length > 512) return refuseSet("invalid_request", "an event isn't an object");
    const happened = secondsOf(body["event_timestamp"]) ?? secondsOf(payload["toe"]) ?? iat;
    // INVARIANT: nothing happened later than now: it would win over what really comes later
    const at = Math.min(toMillis(happened), now);
    read.push({ uri, body, subject: subId ?? body["subject"], at, told: iat * 1000 });
  }
  const text = stringifyJson([config.name, jti, subId ?? null, events]);
  return { kind: "set", jti, digest: createHash("sha256").update(text).digest("base64url"), events: read };
}

/** Reads seconds; some transmitters write milliseconds. */
function toMillis(time: number): number {
  return time > 100_000_000_000 ? time : time * 1000;
}

function secondsOf(value: Json | undefined): number | undefined {
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  return typeof number === "number" && number >= 0 && number <= 253_402_300_799_000 ? number : undefined;
}
