import type { ChainLink, JsonObject } from "../contract.js";

/**
 * Writes the actors of a chain as nested `act` claims (RFC 8693 section 4.1): the one who calls outermost, the oldest
 * innermost. INVARIANT: the inverse of how tokens' chains are read; the first link is the subject, so it isn't an actor.
 */
export function writeActors([, ...actors]: readonly ChainLink[]): JsonObject | undefined {
  let act: JsonObject | undefined;
  for (const { id, issuer, type } of actors) {
    act = { sub: id, iss: issuer, type, ...(act === undefined ? {} : { act }) };
  }
  return act;
}
