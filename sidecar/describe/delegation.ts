import type { Identity, Json, JsonObject } from "../contract.js";

/**
 * Describes who acts for whom, as `input.subject.properties.delegation`; `policies/lib/delegation.rego` reads it:
 * `{depth, principal, user?, caller, actors, scopes?}`. `depth` counts the actors, who are given from the oldest to the
 * one who calls; `user` is there where the principal is a human; `scopes` where the credential is scoped. `key` names a
 * party in tables of rights: its id, and before it the issuer where that isn't the principal's (or the id holds a
 * blank), so that an agent of another issuer never gets the rights of its namesake here.
 */
export function describeDelegation({ chain, scopes }: Pick<Identity, "chain" | "scopes">): JsonObject {
  const home = chain[0]?.issuer;
  const links = chain.map(({ type, id, issuer }): JsonObject => {
    return { type, id, issuer, key: issuer === home && !id.includes(" ") ? id : keyOf(issuer, id) };
  });
  const [principal, ...actors] = links;
  // no chain, no delegation: nothing that a policy could take for one
  if (principal === undefined) return {};
  const facts: JsonObject = {
    depth: actors.length,
    principal,
    caller: actors[actors.length - 1] ?? principal,
    actors: actors as Json[],
  };
  if (principal["type"] === "user") facts["user"] = principal;
  if (scopes !== undefined) facts["scopes"] = [...scopes];
  return facts;
}

/** INVARIANT: different for different parties: the first blank is the one between, and no plain id has one. */
function keyOf(issuer: string, id: string): string {
  return `${issuer.replaceAll(" ", "%20")} ${id}`;
}
