import { digestKey, makeKey } from "./format.js";
import { KeyFileRefused } from "./change-file.js";
import type { ApiKey } from "./key-list.js";

/** A key as it is told once: after this only its digest is left. */
export interface NewKey {
  readonly key: string;
  readonly entry: ApiKey;
}

export type KeyFacts = Omit<ApiKey, "id" | "sha256" | "created" | "revoked" | "replaced_by">;

/** Makes a key for these facts. */
export function createKey(prefix: string, facts: KeyFacts, now: Date): NewKey {
  const { key, id } = makeKey(prefix);
  return { key, entry: { id, ...facts, created: now.toISOString(), sha256: digestKey(key) } };
}

/**
 * Rotates a key: a new one with the same facts, while the old one holds until `until` at most.
 * @throws KeyFileRefused where the old key is unknown or not in force any more
 */
export function rotateKey(
  keys: readonly ApiKey[],
  id: string,
  fresh: { readonly prefix: string; readonly expires: Date; readonly until: Date; readonly now: Date },
): { readonly keys: readonly ApiKey[]; readonly made: NewKey } {
  const { prefix, expires, until, now } = fresh;
  const old = find(keys, id);
  if (stateOf(old, now) !== "active")
    throw new KeyFileRefused(`${id} is ${stateOf(old, now)}: create a new key`);
  if (old.replaced_by !== undefined) throw new KeyFileRefused(`${id} was rotated into ${old.replaced_by}`);
  const { name, tenant, subject, scopes, groups, roles } = old;
  const facts = { name, tenant, subject, ...(scopes === undefined ? {} : { scopes }), groups, roles };
  const made = createKey(prefix, { ...facts, expires: expires.toISOString() }, now);
  const end = new Date(Math.min(until.getTime(), Date.parse(old.expires))).toISOString();
  const changed = { ...old, expires: end, replaced_by: made.entry.id };
  return { keys: [...keys.map((key) => (key === old ? changed : key)), made.entry], made };
}

/** Revokes a key for good; once more changes nothing. @throws KeyFileRefused */
export function revokeKey(keys: readonly ApiKey[], id: string, now: Date): readonly ApiKey[] {
  const old = find(keys, id);
  if (old.revoked !== undefined) return keys;
  return keys.map((key) => (key === old ? { ...key, revoked: now.toISOString() } : key));
}

/** Tells what a key is good for. */
export function stateOf({ revoked, expires }: ApiKey, now: Date): "active" | "revoked" | "expired" {
  if (revoked !== undefined) return "revoked";
  return now.getTime() < Date.parse(expires) ? "active" : "expired";
}

function find(keys: readonly ApiKey[], id: string): ApiKey {
  const key = keys.find((one) => one.id === id);
  if (key === undefined) throw new KeyFileRefused(`there is no key ${id}`);
  return key;
}
