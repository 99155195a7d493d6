import { Fields, isObject, parseJson, Problems, type ChainLink, type Json } from "../../contract.js";

/** One API key at rest: who it speaks for, and a digest instead of the key. */
export interface ApiKey {
  readonly id: string;
  /** For people: what it is used for. */
  readonly name: string;
  readonly tenant: string;
  readonly subject: { readonly type: ChainLink["type"]; readonly id: string };
  /** Absent: the key isn't scoped. */
  readonly scopes?: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** RFC 3339, as all times here. */
  readonly created: string;
  readonly expires: string;
  readonly revoked?: string;
  /** The id of the key that it was rotated into. */
  readonly replaced_by?: string;
  /** SHA-256 of the key, base64url. */
  readonly sha256: string;
}

/** A file of keys that can't be used. The message names places, never values. */
export class KeyListInvalid extends Error {
  override readonly name = "KeyListInvalid";
}

/** Most keys in a file. */
export const mostKeys = 10_000;
const types = ["user", "agent", "workload"] as const;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

/**
 * Parses the file strictly: one key that can't be read refuses them all, as it might be one that was revoked.
 * @throws KeyListInvalid
 */
export function parseKeyList(bytes: Uint8Array): ApiKey[] {
  let json: Json;
  try {
    json = parseJson(bytes, { depth: 8 });
  } catch {
    throw new KeyListInvalid("not strict JSON");
  }
  const problems = new Problems();
  const top = new Fields(json, "", problems);
  if (!isObject(json) || top.integer("version", 1, 1) === undefined) problems.add("version", "must be 1");
  const keys = top.items("keys").map((fields) => readApiKey(fields, problems));
  top.end();
  if (keys.length > mostKeys) problems.add("keys", `at most ${mostKeys}`);
  if (new Set(keys.map(({ id }) => id)).size !== keys.length) problems.add("keys", "the same id twice");
  if (problems.list.length > 0) throw new KeyListInvalid(problems.list.slice(0, 5).join("; "));
  return keys;
}

/** Writes the file: one key to a line, so that changes are easy to see. */
export function writeKeyList(keys: readonly ApiKey[]): string {
  const lines = keys.map((key) => `\n    ${JSON.stringify(key)}`).join(",");
  return `{\n  "version": 1,\n  "keys": [${lines}${lines === "" ? "" : "\n  "}]\n}\n`;
}

function readApiKey(fields: Fields, problems: Problems): ApiKey {
  const name = (field: string, of: Fields = fields): string => {
    const value = of.required(field);
    if (!isPlain(value)) problems.add(of.at(field), "must be 1 to 512 characters without controls");
    return value;
  };
  const names = (field: string): string[] | undefined => {
    const values = fields.strings(field);
    if (values?.every(isPlain) === false) problems.add(fields.at(field), "must be plain names");
    return values;
  };
  const when = (field: string): string | undefined => {
    const value = fields.string(field);
    if (value !== undefined && (!time.test(value) || Number.isNaN(Date.parse(value)))) {
      problems.add(fields.at(field), "must be a time such as 2026-01-31T12:00:00Z");
    }
    return value;
  };
  const subject = fields.nested("subject");
  const type = subject.oneOf("type", types);
  if (type === undefined) problems.add(subject.at("type"), "is required");
  const scopes = names("scopes");
  const revoked = when("revoked");
  const replaced = fields.string("replaced_by");
  const sha256 = fields.required("sha256");
  if (!/^[\w-]{43}$/.test(sha256)) problems.add(fields.at("sha256"), "must be a SHA-256 in base64url");
  const key: ApiKey = {
    id: name("id"),
    name: name("name"),
    tenant: name("tenant"),
    subject: { type: type ?? "workload", id: name("id", subject) },
    ...(scopes === undefined ? {} : { scopes }),
    groups: names("groups") ?? [],
    roles: names("roles") ?? [],
    created: when("created") ?? "",
    expires: when("expires") ?? problems.add(fields.at("expires"), "is required") ?? "",
    ...(revoked === undefined ? {} : { revoked }),
    ...(replaced === undefined ? {} : { replaced_by: replaced }),
    sha256,
  };
  subject.end();
  fields.end();
  return key;
}

/** Tells whether a text can name something: of sane length, without control characters. */
export function isPlain(value: string): boolean {
  return value !== "" && value.length <= 512 && !/[\u0000-\u001f\u007f-\u009f]/.test(value);
}
