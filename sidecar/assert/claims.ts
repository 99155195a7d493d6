import type { AssertionRequest, ClaimSource, Identity, Json, JsonObject } from "../contract.js";
import { writeActors } from "./chain.js";

/** What an assertion may speak of. */
export interface AssertionFacts {
  readonly identity: Identity;
  readonly decisionId: string;
  /** Of the bundle that decided. */
  readonly revision: string;
}

const defaults: Readonly<Record<string, ClaimSource>> = {
  sub: "subject.id",
  sub_type: "subject.type",
  sub_iss: "subject.issuer",
  tenant: "tenant",
  groups: "groups",
  act: "act",
  decision_id: "decision_id",
  policy_revision: "policy_revision",
};

/** Writes the claims that are asked for; a source without a value leaves its claim out. Undefined: nobody is named. */
export function writeClaims(wanted: AssertionRequest, facts: AssertionFacts): JsonObject | undefined {
  const sources = wanted.claims === undefined ? defaults : { ...defaults, ...wanted.claims };
  // a claim's name may be any, `__proto__` too
  const claims = Object.create(null) as JsonObject;
  for (const name in sources) {
    const source = sources[name];
    const value = source === undefined ? undefined : valueOf(source, wanted, facts);
    if (value !== undefined) claims[name] = value;
  }
  const { sub } = claims;
  return typeof sub === "string" && sub !== "" ? claims : undefined;
}

/** Finds a source's value. INVARIANT: everything here was verified, or is the sidecar's own. */
function valueOf(
  source: ClaimSource,
  wanted: AssertionRequest,
  { identity, decisionId, revision }: AssertionFacts,
): Json | undefined {
  switch (source) {
    case "subject.id":
      return identity.chain[0]?.id;
    case "subject.type":
      return identity.chain[0]?.type;
    case "subject.issuer":
      return identity.chain[0]?.issuer;
    case "caller.id":
      return identity.id;
    case "caller.type":
      return identity.type;
    case "caller.issuer":
      return identity.chain.at(-1)?.issuer;
    case "tenant":
      return identity.tenant;
    case "groups":
      return groupsOf(identity, wanted.groups);
    case "roles":
      return identity.roles as string[];
    case "department":
      return identity.department;
    case "scopes":
      return identity.scopes?.join(" ");
    case "assurance":
      return identity.assurance;
    case "method":
      return identity.method;
    case "device.id":
      return identity.device?.id;
    case "workload.id":
      return identity.workload?.id;
    case "authentication.context":
      return identity.authentication?.context;
    case "authentication.methods":
      return identity.authentication?.methods as string[] | undefined;
    case "authentication.at":
      return identity.authentication?.at;
    case "credential.id":
      return identity.credentials[0]?.id;
    case "chain":
      return identity.chain.map(({ type, id, issuer }) => ({ type, id, issuer }));
    case "act":
      return writeActors(identity.chain);
    case "decision_id":
      return decisionId;
    case "policy_revision":
      return revision;
    case "none":
      return undefined;
    default: {
      const name = source.slice("claims.".length);
      return Object.hasOwn(identity.claims, name) ? identity.claims[name] : undefined;
    }
  }
}

function groupsOf({ groups }: Identity, known: readonly string[] | undefined): string[] {
  return known === undefined ? (groups as string[]) : groups.filter((group) => known.includes(group));
}
