import { JsonNumber, type Identity, type Json, type JsonObject } from "../../contract.js";
import { isName } from "./chain.js";
import { lookUp } from "./look-up.js";
import type { ClaimName, ClaimRules } from "./types.js";

/** The scopes, the human's authentication and its session, as far as a payload tells; or the claim that is of the wrong type. */
export interface SessionFacts {
  readonly scopes?: readonly string[];
  readonly authentication?: NonNullable<Identity["authentication"]>;
  /** The user's session at the issuer. */
  readonly session?: string;
}

/**
 * Reads OAuth scopes (RFC 8693 section 4.2: `scope`, words; others: `scp`) and how and when the human was
 * authenticated (OpenID Connect Core section 2), and in which session (`sid`, OpenID Connect Front-Channel Logout section
 * 3), where nothing else is configured.
 * @param now epoch milliseconds
 */
export function readSession(payload: JsonObject, rules: ClaimRules, now: number): SessionFacts | ClaimName {
  const claim = (name: ClaimName, standard: string): Json | undefined => {
    const path = rules.claims[name];
    return path === null ? undefined : lookUp(payload, path ?? [standard]);
  };
  const scopes = readScopes(payload, rules);
  if (scopes === "wrong") return "scopes";
  const context = claim("assurance", "acr");
  if (context !== undefined && !isName(context)) return "assurance";
  const methods = claim("authentication_methods", "amr");
  if (methods !== undefined && !isNames(methods)) return "authentication_methods";
  const at = readTime(claim("authenticated_at", "auth_time"));
  // a login that is yet to come would satisfy any "not longer ago than"
  if (at === "wrong" || (at !== undefined && at > now / 1000 + rules.clock_skew_seconds)) {
    return "authenticated_at";
  }
  const session = claim("session", "sid");
  if (session !== undefined && !isName(session)) return "session";
  const authentication = {
    ...(context === undefined ? {} : { context }),
    ...(methods === undefined ? {} : { methods }),
    ...(at === undefined ? {} : { at }),
  };
  return {
    ...(scopes === undefined ? {} : { scopes }),
    ...(Object.keys(authentication).length === 0 ? {} : { authentication }),
    ...(session === undefined ? {} : { session }),
  };
}

function readScopes(payload: JsonObject, rules: ClaimRules): readonly string[] | undefined | "wrong" {
  const path = rules.claims.scopes;
  if (path === null) return undefined;
  if (path !== undefined) return scopesOf(lookUp(payload, path));
  const [scope, scp] = [scopesOf(payload["scope"]), scopesOf(payload["scp"])];
  if (scope === "wrong" || scp === "wrong") return "wrong";
  if (scope === undefined || scp === undefined) return scope ?? scp;
  const same = scope.length === scp.length && scope.every((one) => scp.includes(one));
  return same ? scope : "wrong";
}

function scopesOf(value: Json | undefined): readonly string[] | undefined | "wrong" {
  if (value === undefined) return undefined;
  const words = typeof value === "string" ? value.split(" ").filter((word) => word !== "") : value;
  return isNames(words) ? [...new Set(words)] : "wrong";
}

function readTime(value: Json | undefined): number | undefined | "wrong" {
  if (value === undefined) return undefined;
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  return typeof number === "number" && number >= 0 && number <= 253_402_300_799 ? number : "wrong";
}

export function isNames(value: Json): value is string[] {
  return Array.isArray(value) && value.every((one) => isName(one));
}
