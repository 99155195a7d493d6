import type { Asker } from "../asker.js";
import type { Json, JsonObject } from "../../contract.js";
import { isObject, JsonNumber } from "../../contract.js";
import type { Branch, EntrypointFacts } from "../../rego/bundle.js";
import { valueAt } from "./value-at.js";

export interface KeyerOptions {
  /** Digest over the policy and its facts, without its data. */
  readonly policyDigest: string;
  readonly facts: Pick<EntrypointFacts, "path" | "input" | "branches" | "lookups" | "cache" | "clock">;
  readonly data: DataNames;
}

/** Names what an entrypoint reads of the base documents. INVARIANT: other content has another name. */
export interface DataNames {
  /** Of all that is read whole. */
  whole(): string;
  /**
   * Of what lies in a table, one of the facts' `lookups`, under a key; any value may be asked for, and none.
   * INVARIANT: no key, a key under which nothing lies, and keys that lead to different values have different names.
   */
  member(lookup: number, key: Json | undefined): string;
}

/** Gives undefined where METADATA keeps results to a subject or a task, and the asker names none. */
export type Keyer = (input: Json, asker: Asker) => string | undefined;

/**
 * Makes the function that names everything which can change an entrypoint's answer: policy, entrypoint, what is read of
 * the data, tenant, epoch, and the values at the paths that are read. Two inputs with one key are one question to the policy.
 *
 * INVARIANT: the encoding is injective. The paths are fixed by the digest and walked in one order, and no token is the
 * beginning of another: texts carry their length, numbers end with a comma, the rest are single characters. Whether a
 * branch is written is told by values that stand before it.
 */
export function createKeyer({ policyDigest, facts, data }: KeyerOptions): Keyer {
  const { input: paths, branches = [], lookups = [], cache } = facts;
  const inBranches = new Set(branches.flatMap((one) => one.input.map(idOf)));
  // two that lead to the same are one to the policy
  const alone = new Set(lookups.flatMap((one) => (one.alone === true ? [idOf(one.by)] : [])));
  const reads = treeOf([
    ...paths.filter((path) => !inBranches.has(idOf(path)) && !alone.has(idOf(path))),
    ...branches.flatMap(({ when }) => when.map(({ path }) => path)),
  ]);
  const conditional = branches.map(({ when, input }) => ({ when, reads: treeOf(input) }));
  const head = text(policyDigest) + text(facts.path);
  return (input, asker) => {
    const scope = scopeOf(cache?.scope, asker);
    if (scope === undefined) return undefined;
    let out = `${head}${data.whole()}${text(asker.tenant)}${scope}${asker.epoch},`;
    out += project(reads, input);
    if (reads !== "whole")
      for (const one of conditional) if (isMet(one.when, input)) out += project(one.reads, input);
    for (let n = 0; n < lookups.length; n++) out += data.member(n, valueAt(input, lookups[n]?.by ?? []));
    return out;
  };
}

function scopeOf(scope: "tenant" | "subject" | "task" | undefined, asker: Asker): string | undefined {
  if (scope === undefined || scope === "tenant") return "";
  const kept = scope === "subject" ? asker.subject : asker.task;
  return kept === undefined ? undefined : text(kept);
}

/**
 * Tells whether a branch is read. INVARIANT: true where the policy's comparison could be, in doubt also where it isn't: `1`
 * and `1.0` are equal to it.
 */
export function isMet(when: Branch["when"], input: Json): boolean {
  return when.every(({ path, equals }) => {
    const value = valueAt(input, path);
    if (value instanceof JsonNumber) return typeof equals === "number";
    return value === equals;
  });
}

function idOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** What is read of a value: all of it, or some members. */
type Reads = "whole" | readonly Member[];

interface Member {
  readonly name: string;
  /** Every object seems to have these: they must be asked for as its own. */
  readonly inherited: boolean;
  readonly reads: Reads;
}

/** Joins the paths by their beginnings; a path under one that is read whole adds nothing. */
function treeOf(paths: readonly (readonly string[])[]): Reads {
  if (paths.some(({ length }) => length === 0)) return "whole";
  const rests = new Map<string, string[][]>();
  for (const [name, ...rest] of paths) {
    if (name !== undefined) rests.set(name, [...(rests.get(name) ?? []), rest]);
  }
  return [...rests.keys()].sort().map((name) => ({
    name,
    inherited: name in Object.prototype,
    reads: treeOf(rests.get(name) ?? []),
  }));
}

/**
 * Writes what is read of a value. Where a path ends early, it says how: `u := input.user; not u.suspended` tells `{}`
 * from `{"user":{}}` though both lack `user.suspended`. An array, a scalar or null under a path is written whole.
 */
function project(reads: Reads, value: Json | undefined, depth = 0): string {
  if (value === undefined) return "u";
  if (reads === "whole" || !isObject(value)) return canonical(value);
  const lasting = depth > 0 && depth <= deepestLasting && Object.isFrozen(value);
  const known = lasting ? remembered.get(value) : undefined;
  if (known?.reads === reads) return known.text;
  let out = "o";
  for (const member of reads) out += project(member.reads, memberOf(value, member), depth + 1);
  if (lasting) remembered.set(value, { reads, text: out });
  return out;
}

/**
 * What was read of objects that stay as they are: who is calling, what surrounds the calls of one request, what is asked about
 * again and again. INVARIANT: who freezes a part of an input has frozen all that is in it, or lets nobody change it.
 */
const remembered = new WeakMap<JsonObject, { readonly reads: Reads; readonly text: string }>();
/** `subject.properties` and `resource`: deeper, looking costs more than reading. */
const deepestLasting = 2;

function memberOf(object: JsonObject, { name, inherited }: Member): Json | undefined {
  return inherited && !Object.hasOwn(object, name) ? undefined : object[name];
}

/**
 * Writes a value with sorted keys. Numbers keep their text: `1` and `1.0` are equal to a policy, and yet
 * `json.marshal` tells them apart.
 */
function canonical(value: Json): string {
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      return Object.is(value, -0) ? "-0," : `${value},`;
    case "boolean":
      return value ? "t" : "f";
    default:
      break;
  }
  if (value === null) return "n";
  if (value instanceof JsonNumber) return `${value.text},`;
  if (Array.isArray(value)) {
    let out = "[";
    for (const item of value) out += canonical(item);
    return `${out}]`;
  }
  let out = "{";
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined) out += text(name) + canonical(member);
  }
  return `${out}}`;
}

/** Writes a text so that it needs no escaping, whatever it holds: with its length. */
export function text(value: string): string {
  return `"${value.length}:${value}`;
}
