import type { Json } from "../../contract.js";
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
 * INVARIANT: the encoding is injective; each part is JSON text or a mark that no JSON text begins with.
 */
export function createKeyer({ bundleDigest, entrypoint, paths }: KeyerOptions): Keyer {
  const read = withoutCovered(paths);
  const head = JSON.stringify([bundleDigest, entrypoint]);
  return (input, tenant) => {
    let key = head + JSON.stringify(tenant);
    for (const path of read) key += `\n${project(input, path)}`;
    return key;
  };
}

/** A path under one that is read whole adds nothing. */
function withoutCovered(paths: readonly (readonly string[])[]): (readonly string[])[] {
  const sorted = [...paths].sort((a, b) => a.length - b.length);
  const kept: (readonly string[])[] = [];
  for (const path of sorted) {
    if (!kept.some((short) => short.every((segment, i) => path[i] === segment))) kept.push(path);
  }
  return kept;
}

/**
 * Gives the value at a path in canonical form. An undefined path gives its longest defined prefix and what stands
 * there: `u := input.user; not u.suspended` tells `{}` from `{"user":{}}` though both lack `user.suspended`.
 */
function project(input: Json, path: readonly string[]): string {
  let at: Json = input;
  for (const [depth, segment] of path.entries()) {
    const next: Json | undefined = isObject(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
    if (next === undefined) {
      // an array can be read with a string that is a number in Rego's eyes: keep it whole, to be safe
      const what = Array.isArray(at) ? canonical(at) : isObject(at) ? "o" : typeof at;
      return `?${depth}${what}`;
    }
    at = next;
  }
  return canonical(at);
}

/** Writes a value with sorted keys; numbers keep the text that they came with. */
export function canonical(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value instanceof JsonNumber) return value.text;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonical(member)}`);
  }
  return `{${members.join()}}`;
}
