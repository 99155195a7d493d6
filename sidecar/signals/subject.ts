/** Finds whom an event is about. Source: RFC 9493, OpenID SSF 1.0 section 3, RISC 1.0 section 4 (Google's older names). */
import type { Json, JsonObject } from "../contract.js";
import { isObject } from "../contract.js";
import type { IdFormat, TransmitterConfig } from "./config.js";
import type { TargetKind } from "./events.js";

/** Whom an event is about, in the words of fences. */
export interface Subject {
  readonly kind: "subject";
  /** Where it counts; `*`: in any tenant. */
  readonly tenants: readonly string[];
  readonly targets: ReadonlyMap<TargetKind, readonly string[]>;
}

export type SubjectRead =
  | Subject
  /** It is understood, but names nobody whom fences know. */
  | { readonly kind: "unmapped" }
  /** Its transmitter may not speak of it. */
  | { readonly kind: "foreign" }
  | { readonly kind: "malformed" };

type Config = Pick<TransmitterConfig, "subject" | "tenants" | "tenantNames">;
type Role = "plain" | "user" | "session" | "token" | "device" | "tenant";
/** What an identifier names, or what is wrong with it. */
type Named = readonly { readonly kind: TargetKind; readonly value: string }[] | "foreign" | "malformed";

/** The members of a complex subject that are read; what others say only narrows, and a fence may be wider. */
const roles = ["user", "session", "token", "device", "tenant"] as const;
/** Most identifiers in `aliases`. */
const mostAliases = 16;

/** Reads a subject identifier, simple or complex. Never throws. */
export function readSubject(value: Json | undefined, config: Config): SubjectRead {
  if (value === undefined || !isObject(value)) return { kind: "malformed" };
  const members = membersOf(value);
  const targets = new Map<TargetKind, string[]>();
  let tenants = config.tenants;
  for (const [role, id] of members) {
    const named = readIdentifier(id, role, config);
    if (typeof named === "string") return { kind: named };
    if (role === "tenant") {
      const tenant = tenantOf(named, config);
      if (tenant === undefined) return { kind: "foreign" };
      tenants = [tenant];
      targets.set("tenant", [tenant]);
      continue;
    }
    for (const { kind, value: one } of named) {
      const known = targets.get(kind) ?? [];
      if (!known.includes(one)) targets.set(kind, [...known, one]);
    }
  }
  if (targets.size === 0) return { kind: "unmapped" };
  const users = targets.get("subject");
  // who calls may be anybody in the chain
  if (users !== undefined) targets.set("chain", users);
  return { kind: "subject", tenants, targets };
}

/** Takes a complex subject apart; drafts of the framework had no `format` at it. */
function membersOf(value: JsonObject): [Role, Json][] {
  const { format, subject_type } = value;
  const isComplex = format === "complex" || (format === undefined && subject_type === undefined);
  if (!isComplex) return [["plain", value]];
  return roles.flatMap((role): [Role, Json][] => {
    const member = value[role];
    return member === undefined ? [] : [[role, member]];
  });
}

function readIdentifier(value: Json, role: Role, config: Config): Named {
  if (!isObject(value)) return "malformed";
  const format = formatOf(value);
  if (format === undefined) return "malformed";
  if (format !== "aliases") return readOne(value, format, role, config);
  const { identifiers } = value;
  if (!Array.isArray(identifiers) || identifiers.length === 0 || identifiers.length > mostAliases) {
    return "malformed";
  }
  const all: { kind: TargetKind; value: string }[] = [];
  let foreign = false;
  for (const one of identifiers) {
    // one inside another is refused (RFC 9493 section 3.2.8)
    if (!isObject(one)) return "malformed";
    const inner = formatOf(one);
    if (inner === undefined || inner === "aliases") return "malformed";
    const named = readOne(one, inner, role, config);
    if (named === "malformed") return named;
    if (named === "foreign") foreign = true;
    else all.push(...named);
  }
  return foreign ? "foreign" : all;
}

/** Gives the format; Google's older names are taken as what they became. */
function formatOf({ format, subject_type }: JsonObject): string | undefined {
  const name = format ?? subject_type;
  if (typeof name !== "string") return undefined;
  if (format !== undefined) return name;
  return name === "id_token_claims" ? "iss_sub" : name.replaceAll("-", "_");
}

/** The member that holds each format's value. */
const valueMember: Readonly<Record<IdFormat, string>> = {
  iss_sub: "sub",
  email: "email",
  account: "uri",
  opaque: "id",
  phone_number: "phone_number",
  did: "url",
  uri: "uri",
};

function readOne(value: JsonObject, format: string, role: Role, config: Config): Named {
  const { subject } = config;
  if (format === "jwt_id") {
    const { iss, jti } = value;
    if (typeof iss !== "string" || !isName(jti)) return "malformed";
    if (!subject.issuers.includes(iss)) return "foreign";
    return role === "plain" || role === "session" || role === "token" ? [{ kind: "token", value: jti }] : [];
  }
  if (!Object.hasOwn(valueMember, format)) return [];
  const known = format as IdFormat;
  const text = value[valueMember[known]];
  if (!isName(text)) return "malformed";
  if (known === "iss_sub") {
    const { iss } = value;
    if (typeof iss !== "string") return "malformed";
    if (!subject.issuers.includes(iss)) return "foreign";
  }
  return namesOf(known, text, role, config);
}

function namesOf(format: IdFormat, text: string, role: Role, { subject }: Config): Named {
  switch (role) {
    case "session":
    case "token":
    case "device":
      return format === "opaque" || format === "iss_sub" ? [{ kind: role, value: text }] : [];
    case "tenant":
      return [{ kind: "tenant", value: text }];
    case "plain":
      if (format === "opaque") return [{ kind: subject.opaque, value: text }];
      break;
    case "user":
      break;
  }
  if (!subject.formats.includes(format)) return [];
  const spelled = format === "account" ? text.replace(/^acct:/, "") : text;
  // two spellings of one mailbox: the part of who sends it, and the common one
  const lower = format === "email" || format === "account" ? spelled.toLowerCase() : spelled;
  return [...new Set([spelled, lower])].map((one) => ({ kind: "subject", value: one }));
}

/** INVARIANT: a transmitter speaks for its own tenants only. */
function tenantOf(named: Exclude<Named, string>, { tenants, tenantNames }: Config): string | undefined {
  const [theirs, ...others] = named;
  if (theirs === undefined || others.length > 0) return undefined;
  if (Object.hasOwn(tenantNames, theirs.value)) return tenantNames[theirs.value];
  return tenants[0] === "*" ? theirs.value : undefined;
}

/** Tells whether a value can name a party: text of sane length without control characters. */
export function isName(value: Json | undefined): value is string {
  return (
    typeof value === "string" &&
    value !== "" &&
    value.length <= 512 &&
    !/[\u0000-\u001f\u007f-\u009f]/.test(value)
  );
}
