import {
  isObject,
  refuse,
  type ChainLink,
  type Json,
  type JsonObject,
  type Refusal,
} from "../../contract.js";

/** Members of `may_act` that say when or for whom the token holds, not who may act (RFC 8693 section 4.4). */
const notIdentity: ReadonlySet<string> = new Set(["exp", "nbf", "iat", "aud", "jti"]);

/**
 * Checks a chain that was read from a token: each party once, and the actor that the token's subject allowed.
 * @param links the subject first, the current actor last
 */
export function checkChain(payload: JsonObject, links: readonly ChainLink[]): Refusal | undefined {
  // who stands in the chain twice acts for itself, and hides who acts for whom
  const parties = new Set(links.map(({ id, issuer }) => JSON.stringify([issuer, id])));
  if (parties.size !== links.length) return refuse("actor_loop");
  const { act, may_act: allowed } = payload;
  if (allowed === undefined) return undefined;
  // INVARIANT: what can't be read allows nobody
  if (!isObject(allowed)) return refuse("token_claims", "may_act");
  if (act === undefined) return undefined;
  const [subject] = links;
  const current = links[links.length - 1];
  if (subject === undefined || current === undefined || !isObject(act)) return refuse("actor_not_allowed");
  const { sub, iss = subject.issuer, ...further } = allowed;
  const matches = sub === current.id && iss === current.issuer && sameIdentity(further, act);
  return matches ? undefined : refuse("actor_not_allowed");
}

/** Compares what else identifies the actor, e.g. `client_id`: all that is asked for must be said. */
function sameIdentity(asked: Readonly<Record<string, Json>>, act: JsonObject): boolean {
  return Object.entries(asked).every(
    ([name, value]) => notIdentity.has(name) || (typeof value === "string" && act[name] === value),
  );
}
