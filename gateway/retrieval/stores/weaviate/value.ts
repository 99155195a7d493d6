/** Values of GraphQL, read to JSON and written from it: what is sent is written anew, in one form. */
import { Kind } from "graphql";
import type { ConstValueNode, ObjectFieldNode, ValueNode } from "graphql";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, stringifyJson } from "../../../../sidecar/contract.js";
import { unread } from "../strict.js";

const depth = 24;

/** Reads a value: words of an enumeration become texts; variables aren't taken. */
export function toJson(node: ValueNode, level = 0): Json {
  if (level > depth) return unread("filter_refused", "the query is too deep");
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT: {
      const number = Number(node.value);
      if (!Number.isFinite(number)) return unread("filter_refused", "a number");
      return String(number) === node.value ? number : new JsonNumber(node.value);
    }
    case Kind.STRING:
    case Kind.ENUM:
      return node.value;
    case Kind.BOOLEAN:
      return node.value;
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map((one) => toJson(one, level + 1));
    case Kind.OBJECT: {
      const out = Object.create(null) as JsonObject;
      for (const { name, value } of node.fields) {
        if (Object.hasOwn(out, name.value)) return unread("filter_refused", "a member stands twice");
        out[name.value] = toJson(value, level + 1);
      }
      return out;
    }
    case Kind.VARIABLE:
      return unread("filter_refused", "write values where they stand: variables aren't taken");
  }
}

/** Members whose texts are words of an enumeration. */
const words: ReadonlySet<string> = new Set(["operator", "fusionType", "order", "combinationMethod"]);

/** Writes a value as GraphQL has it. */
export function toNode(value: Json, member = ""): ConstValueNode {
  if (value === null) return { kind: Kind.NULL };
  if (typeof value === "boolean") return { kind: Kind.BOOLEAN, value };
  if (typeof value === "number" || value instanceof JsonNumber) {
    const text = stringifyJson(value);
    return /^-?\d+$/.test(text) ? { kind: Kind.INT, value: text } : { kind: Kind.FLOAT, value: text };
  }
  if (typeof value === "string") {
    if (!words.has(member)) return { kind: Kind.STRING, value };
    return /^[_A-Za-z][_0-9A-Za-z]*$/.test(value)
      ? { kind: Kind.ENUM, value }
      : unread("filter_refused", member);
  }
  if (Array.isArray(value)) return { kind: Kind.LIST, values: value.map((one) => toNode(one, member)) };
  if (!isObject(value)) return unread("filter_refused");
  return {
    kind: Kind.OBJECT,
    fields: Object.entries(value).map(
      ([name, one]): ObjectFieldNode & { readonly value: ConstValueNode } => ({
        kind: Kind.OBJECT_FIELD,
        name: { kind: Kind.NAME, value: name },
        value: toNode(one, name),
      }),
    ),
  };
}
