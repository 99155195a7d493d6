import type { Identity, Json, JsonObject } from "../contract.js";

/**
 * Describes who acts for whom, as `input.subject.properties.delegation`; `policies/lib/delegation.rego` reads it:
 * `{depth, principal, user?, caller, actors, scopes?}`. `depth` counts the actors, who are given from the oldest to the
 * one who calls; `user` is there where the principal is a human; `scopes` where the credential is scoped.
 */
export function describeDelegation({ chain, scopes }: Pick<Identity, "chain" | "scopes">): JsonObject {
  const links = chain.map(({ type, id, issuer }): JsonObject => ({ type, id, issuer }));
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
