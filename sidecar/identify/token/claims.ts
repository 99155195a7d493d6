import {
  isObject,
  refuse,
  type ChainLink,
  type Identity,
  type Json,
  type JsonObject,
  type Refusal,
} from "../../contract.js";
import type { SubjectFacts } from "../verified.js";
import { isNames, readSession } from "./authentication.js";
import { isName, readChain, subjectTypes } from "./chain.js";
import { holds, lookUp } from "./look-up.js";
import type { ClaimName, ClaimRules } from "./types.js";

/**
 * Maps a verified payload to its subject by the issuer's configuration. A claim that is there but of the
 * wrong type refuses the token: read leniently, a group named by a string would be a group more or less.
 * @param now epoch milliseconds
 * @param resolved groups that the token left out
 */
export function readSubject(
  payload: JsonObject,
  rules: ClaimRules,
  now: number,
  resolved?: readonly string[],
): { kind: "subject"; subject: SubjectFacts } | Refusal {
  const claim = (name: ClaimName): Json | undefined => {
    const path = rules.claims[name] ?? undefined;
    return path === undefined ? undefined : lookUp(payload, path);
  };
  const elsewhere = leftOut(payload, rules).find((name) => name !== "groups" || resolved === undefined);
  if (elsewhere !== undefined)
    return elsewhere === "groups" ? refuse("groups_unavailable") : wrong(elsewhere);
  // Defaults stand in for an absent claim only: null is a value, and of the wrong type.
  const {
    type = subjectType(payload, rules),
    groups = resolved ?? [],
    roles = [],
  } = {
    type: claim("type"),
    groups: claim("groups"),
    roles: claim("roles"),
  };
  if (!subjectTypes.has(type)) return wrong("type");
  const chain = readChain(payload, type as ChainLink["type"], rules);
  if (chain.kind === "refusal") return chain;
  const caller = chain.links[chain.links.length - 1] ?? chain.links[0];

  const tenant = readTenant(claim("tenant"), rules);
  if (typeof tenant !== "string") return tenant;
  if (!isNames(groups as Json)) return wrong("groups");
  if (!isNames(roles)) return wrong("roles");
  const department = claim("department");
  if (department !== undefined && !isName(department)) return wrong("department");
  const device = readDevice(claim("device"));
  if (device === "wrong") return wrong("device");
  const session = readSession(payload, rules, now);
  if (typeof session === "string") return wrong(session);

  const subject: SubjectFacts = {
    type: caller.type,
    id: caller.id,
    tenant,
    issuer: rules.issuer,
    groups: groups as readonly string[],
    roles,
    ...(department === undefined ? {} : { department }),
    ...(device === undefined ? {} : { device }),
    chain: chain.links,
    claims: expose(payload, rules.expose),
    ...session,
  };
  return { kind: "subject", subject };
}

function wrong(name: ClaimName): Refusal {
  return refuse("token_claims", name);
}

function subjectType(payload: JsonObject, rules: ClaimRules): ChainLink["type"] {
  return rules.subject_types.find((one) => holds(payload, one))?.type ?? rules.subject_type;
}

function readTenant(claimed: Json | undefined, rules: ClaimRules): string | Refusal {
  if ((rules.claims.tenant ?? null) === null) return rules.tenants[0] ?? wrong("tenant");
  if (!isName(claimed)) return wrong("tenant");
  const { tenant_names: names } = rules;
  const tenant = names === undefined ? claimed : Object.hasOwn(names, claimed) ? names[claimed] : undefined;
  const may = tenant !== undefined && (rules.tenants.includes("*") || rules.tenants.includes(tenant));
  return may ? tenant : refuse("token_tenant");
}

/**
 * Names the mapped claims that stand elsewhere (OpenID Connect Core section 5.6.2), or that Entra ID says it left
 * out. INVARIANT: what a token left out never counts as empty.
 */
export function leftOut(payload: JsonObject, { claims }: ClaimRules): ClaimName[] {
  const { _claim_names: names, hasgroups } = payload;
  const mapped = Object.entries(claims) as [ClaimName, readonly string[] | null][];
  const out = mapped.filter(([, path]) => {
    const first = path?.[0];
    return first !== undefined && names !== undefined && (!isObject(names) || Object.hasOwn(names, first));
  });
  const all = out.map(([name]) => name);
  const more = hasgroups !== undefined && hasgroups !== false && (claims.groups ?? null) !== null;
  return more && !all.includes("groups") ? [...all, "groups"] : all;
}

function readDevice(value: Json | undefined): Identity["device"] | "wrong" {
  if (value === undefined) return undefined;
  if (!isObject(value)) return "wrong";
  const { id, managed, compliant } = value;
  if (id !== undefined && !isName(id)) return "wrong";
  if (managed !== undefined && typeof managed !== "boolean") return "wrong";
  if (compliant !== undefined && typeof compliant !== "boolean") return "wrong";
  return {
    ...(id === undefined ? {} : { id }),
    ...(managed === undefined ? {} : { managed }),
    ...(compliant === undefined ? {} : { compliant }),
  };
}

function expose(payload: JsonObject, names: readonly string[]): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const name of names) {
    const value = payload[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}
