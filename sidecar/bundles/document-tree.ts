import type { Json, JsonObject } from "../contract.js";
import { isObject, parseJson, stringifyJson } from "../contract.js";

/**
 * A JSON document as texts: an object that is large, or that was changed, is a map of its members, everything else its
 * own text. So 25 MB of JSON take little more than 25 MB (as JavaScript objects ten times that), and a member is found
 * without reading the others.
 */
export type Node = string | Branch | OpenArray;
export type Branch = Map<string, Node>;

/** An array while a list of changes is being carried out on it. */
export class OpenArray {
  constructor(
    readonly items: Json[],
    /** Of the text before. */
    readonly bytes: number,
  ) {}
}

/** An object whose text is shorter stays one text. */
const splitFrom = 2_048;
/** What is stored nests no deeper: the longest path and the deepest value together. */
const depth = 512;

/** Makes the node of a value. */
export function nodeOf(value: Json): Node {
  if (!isObject(value)) return stringifyJson(value);
  const branch: Branch = new Map();
  let size = 0;
  for (const key of Object.keys(value)) {
    const node = nodeOf(value[key] as Json);
    branch.set(key, node);
    size += typeof node === "string" ? key.length + node.length : splitFrom;
  }
  return size < splitFrom ? textOf(branch) : branch;
}

/** Gives the JSON text of a node. */
export function textOf(node: Node): string {
  if (typeof node === "string") return node;
  if (node instanceof OpenArray) return stringifyJson(node.items);
  const parts: string[] = ["{"];
  for (const [key, member] of node) parts.push(stringifyJson(key), ":", textOf(member), ",");
  if (parts.length > 1) parts.pop();
  parts.push("}");
  // joined, not added up: V8 keeps the pieces of a sum
  return parts.join("");
}

/** Bytes of texts and keys; of an open array, what it had before. */
function sizeOf(node: Node): number {
  if (typeof node === "string") return Buffer.byteLength(node);
  if (node instanceof OpenArray) return node.bytes;
  let size = 2;
  for (const [key, member] of node) size += memberSize(key, member);
  return size;
}

/** What a member adds to the size of its object. */
export function memberSize(key: string, node: Node | undefined): number {
  return node === undefined ? 0 : Buffer.byteLength(key) + 4 + sizeOf(node);
}

export function isArray(node: Node): boolean {
  return node instanceof OpenArray || (typeof node === "string" && node.startsWith("["));
}

/** Gives an object's members, splitting its text; undefined where the node is no object. */
export function membersOf(node: Node): Branch | undefined {
  if (node instanceof Map) return node;
  if (typeof node !== "string" || !node.startsWith("{")) return undefined;
  const value = parseStored(node) as JsonObject;
  return new Map(Object.keys(value).map((key) => [key, nodeOf(value[key] as Json)]));
}

/** Opens an array for changes. */
export function openArray(node: Node): OpenArray {
  if (node instanceof OpenArray) return node;
  return new OpenArray(parseStored(textOf(node)) as Json[], sizeOf(node));
}

export function parseStored(text: string): Json {
  return parseJson(text, { depth });
}
