import type { Json, JsonObject } from "../../contract.js";
import { isObject, JsonNumber } from "../../contract.js";

export interface KeyerOptions {
  /** Digest over everything that the entrypoint is answered from. */
  readonly bundleDigest: string;
  readonly entrypoint: string;
  /** Paths under `input` that the compiled rules read; `[]` is the whole input. */
  readonly paths: readonly (readonly string[])[];
}

export type Keyer = (input: Json, tenant: string) => string;

/**
 * Makes the function that names everything which can change an entrypoint's answer: bundle, entrypoint, tenant and
 * the values at the paths that it reads. Two inputs with one key are one question to the policy.
 *
 * INVARIANT: the encoding is injective. The paths are fixed by the digest and walked in one order, and no token is the
 * beginning of another: texts carry their length, numbers end with a comma, the rest are single characters.
 */
export function createKeyer({ bundleDigest, entrypoint, paths }: KeyerOptions): Keyer {
  const reads = treeOf(paths);
  const head = text(bundleDigest) + text(entrypoint);
  return (input, tenant) => head + text(tenant) + project(reads, input);
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

/** The length makes escaping needless, whatever the text holds. */
function text(value: string): string {
  return `"${value.length}:${value}`;
}
