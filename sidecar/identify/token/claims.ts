import {
  isObject,
  refuse,
  type ChainLink,
  type Identity,
  type Json,
  type JsonObject,
  type Refusal,
} from "../../contract.js";
import { isName, readChain, subjectTypes } from "./chain.js";
import type { SubjectFacts } from "../verified.js";
import type { ClaimName, Issuer } from "./types.js";

/**
 * Maps a verified payload to its subject by the issuer's configuration. A claim that is there but of the
 * wrong type refuses the token: read leniently, a group named by a string would be a group more or less.
 */
export function readSubject(
  payload: JsonObject,
  issuer: Issuer,
): { kind: "subject"; subject: SubjectFacts } | Refusal {
  const claim = (name: ClaimName): Json | undefined => lookUp(payload, issuer.claims[name]);
  // Defaults stand in for an absent claim only: null is a value, and of the wrong type.
  const {
    type = "user",
    groups = [],
    roles = [],
  } = {
    type: claim("type"),
    groups: claim("groups"),
    roles: claim("roles"),
  };
  if (!subjectTypes.has(type)) return wrong("type");
  const chain = readChain(payload, type as ChainLink["type"], issuer);
  if (chain.kind === "refusal") return chain;
  const caller = chain.links[chain.links.length - 1] ?? chain.links[0];

  const tenant = issuer.claims.tenant === undefined ? issuer.tenants[0] : claim("tenant");
  if (!isName(tenant)) return wrong("tenant");
  if (!issuer.tenants.includes("*") && !issuer.tenants.includes(tenant)) return refuse("token_tenant");
  if (!isNames(groups)) return wrong("groups");
  if (!isNames(roles)) return wrong("roles");
  const department = claim("department");
  if (department !== undefined && !isName(department)) return wrong("department");
  const device = readDevice(claim("device"));
  if (device === "wrong") return wrong("device");

  const subject: SubjectFacts = {
    type: caller.type,
    id: caller.id,
    tenant,
    issuer: issuer.issuer,
    groups,
    roles,
    ...(department === undefined ? {} : { department }),
    ...(device === undefined ? {} : { device }),
    chain: chain.links,
    claims: expose(payload, issuer.expose),
  };
  return { kind: "subject", subject };
}

function wrong(name: ClaimName): Refusal {
  return refuse("token_claims", name);
}

/** Finds a claim; a step of the path through anything but an object finds a value of the wrong type. */
function lookUp(payload: JsonObject, path: readonly string[] | undefined): Json | undefined {
  if (path === undefined) return undefined;
  let value: Json | undefined = payload;
  for (const key of path) {
    if (value === undefined) return undefined;
    if (!isObject(value)) return null;
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

function isNames(value: Json): value is string[] {
  return Array.isArray(value) && value.every((one) => isName(one));
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
