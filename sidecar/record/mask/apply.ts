/** Removes and replaces parts of an event, as its mask says; what was done is listed as `erased` and `masked`. */
import type { Json, JsonObject } from "../../contract.js";
import { bareObject, isObject, parseJson, stringifyJson } from "../../contract.js";
import type { MaskRule } from "./rules.js";

/**
 * Changes the event in place. A path that isn't there is passed over, as in OPA. A name is looked for as it is written, then as
 * JSON Pointer (`~1`) and URLs (`%2F`) write it: OPA finds only names that need none of this, and leaves the others in.
 */
export function applyMask(event: JsonObject, rules: readonly MaskRule[]): void {
  const erased: string[] = [];
  const masked: string[] = [];
  for (const rule of rules) {
    if (event[rule.root] === undefined) continue;
    const done = rule.op === "remove" ? remove(event, rule) : upsert(event, rule);
    if (done) (rule.op === "remove" ? erased : masked).push(nameOf(rule));
  }
  if (erased.length > 0) event["erased"] = erased;
  if (masked.length > 0) event["masked"] = masked;
}

function remove(event: JsonObject, { root, path }: MaskRule): boolean {
  const last = path.at(-1);
  if (last === undefined) return delete event[root];
  let node = event[root];
  for (const name of path.slice(0, -1)) node = childOf(node, name);
  if (Array.isArray(node)) {
    const index = indexOf(last, node.length);
    if (index === undefined) return false;
    node.splice(index, 1);
    return true;
  }
  const name = isObject(node) ? nameIn(node, last) : undefined;
  if (!isObject(node) || name === undefined) return false;
  return delete node[name];
}

function upsert(event: JsonObject, { root, path, value: given }: MaskRule): boolean {
  // a copy, since a later rule may lead into it
  const value = parseJson(stringifyJson(given), { depth: 512 });
  const last = path.at(-1);
  if (last === undefined) {
    event[root] = value;
    return true;
  }
  let node = event[root];
  for (const name of path.slice(0, -1)) {
    const next = childOf(node, name);
    if (next === undefined && isObject(node)) node = node[name] = bareObject();
    else node = next;
  }
  if (Array.isArray(node)) {
    const index = indexOf(last, node.length);
    if (index === undefined) return false;
    node[index] = value;
    return true;
  }
  if (!isObject(node)) return false;
  node[nameIn(node, last) ?? last] = value;
  return true;
}

function childOf(node: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(node)) {
    const index = indexOf(name, node.length);
    return index === undefined ? undefined : node[index];
  }
  if (!isObject(node)) return undefined;
  const known = nameIn(node, name);
  return known === undefined ? undefined : node[known];
}

/** A whole number below the length; there is no way to make a list longer. */
function indexOf(text: string, length: number): number | undefined {
  const index = /^\d{1,9}$/.test(text) ? Number(text) : length;
  return index < length ? index : undefined;
}

function nameIn(node: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(node, name)) return name;
  const pointer = name.replaceAll("~1", "/").replaceAll("~0", "~");
  if (Object.hasOwn(node, pointer)) return pointer;
  try {
    const decoded = decodeURIComponent(name);
    return Object.hasOwn(node, decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function nameOf({ root, path }: MaskRule): string {
  return `/${[root, ...path].join("/")}`;
}
