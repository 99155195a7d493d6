/** JSON as Go's `encoding/json` and OPA's `json.*` have it. */
import type { Json } from "../../../contract.js";
import { JsonNumber, JsonRefused, parseJson } from "../../../contract.js";
import { goJson } from "../../engine/go-json.js";
import { numberOf } from "../../engine/read-value.js";
import type { RegoValue } from "../../engine/value.js";
import { compareValues, objectOf, RegoObject, RegoSet, setOf, typeName } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import type { Instead } from "./instead.js";
import { moduleIsRight } from "./instead.js";

/** Levels beyond which Go's decoder stops. */
const depth = 10_000;

function read(text: string): Json {
  return parseJson(text, { depth, lenient: true });
}

/** The largest binary exponent that OPA takes is 100,000. */
const mostExponent = 30_103;

/** Makes a Rego value of JSON. @throws BuiltinFault for a number that OPA doesn't take */
export function fromJson(value: Json): RegoValue {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof JsonNumber) {
    const exponent = /[eE]([-+]?\d+)$/.exec(value.text)?.[1];
    if (exponent !== undefined && Math.abs(Number(exponent)) > mostExponent) {
      throw new BuiltinFault("eval_builtin_error", "invalid number: number too big");
    }
    return numberOf(value.text);
  }
  if (Array.isArray(value)) return value.map(fromJson);
  return objectOf(Object.entries(value).map(([key, member]) => [key, fromJson(member)] as const));
}

function pathsOf(value: RegoValue): readonly (readonly RegoValue[])[] {
  const list =
    value instanceof RegoSet ? value.items : Array.isArray(value) ? (value as RegoValue[]) : undefined;
  if (list === undefined) {
    throw new BuiltinFault(
      "eval_type_error",
      `operand 2 must be one of {set, array} but got ${typeName(value)}`,
    );
  }
  return list.map(pathOf);
}

/** A JSON pointer, of which every leading slash may be missing, or an array of keys. */
function pathOf(path: RegoValue): readonly RegoValue[] {
  if (typeof path === "string") {
    if (path === "") return [];
    return path
      .replace(/^\/+/, "")
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  if (Array.isArray(path)) return path as readonly RegoValue[];
  throw new BuiltinFault(
    "eval_type_error",
    `operand 2 must be one of {set, array} containing string paths or array of path segments but got ${typeName(path)}`,
  );
}

/** The paths as a tree: a path that another one leads through ends there. */
interface Tree {
  readonly branches: { readonly key: RegoValue; node: Tree | "end" }[];
}

function treeOf(paths: readonly (readonly RegoValue[])[]): Tree {
  const root: Tree = { branches: [] };
  for (const path of paths) {
    let at: Tree = root;
    for (const [i, key] of path.entries()) {
      const found = branch(at, key);
      if (i === path.length - 1) {
        if (found === undefined) at.branches.push({ key, node: "end" });
        else found.node = "end";
      } else if (found?.node === "end") break;
      else if (found !== undefined) at = found.node;
      else {
        const next: Tree = { branches: [] };
        at.branches.push({ key, node: next });
        at = next;
      }
    }
  }
  return root;
}

const branch = ({ branches }: Tree, key: RegoValue) =>
  branches.find((one) => compareValues(one.key, key) === 0);

const isList = (value: RegoValue): value is readonly RegoValue[] => Array.isArray(value);

/** Keeps what lies at the tree's ends. */
function filter(value: RegoValue, tree: Tree | "end"): RegoValue {
  if (tree === "end") return value;
  const keep = (key: RegoValue, item: RegoValue): RegoValue[] => {
    const found = branch(tree, key);
    return found === undefined ? [] : [filter(item, found.node)];
  };
  if (value instanceof RegoObject) {
    return objectOf(
      value.entries.flatMap(([key, member]) => keep(key, member).map((kept) => [key, kept] as const)),
    );
  }
  if (value instanceof RegoSet) return setOf(value.items.flatMap((item) => keep(item, item)));
  return isList(value) ? value.flatMap((item, i) => keep(String(i), item)) : value;
}

/** Drops what lies at the tree's ends. */
function remove(value: RegoValue, tree: Tree | "end" | undefined): RegoValue | undefined {
  if (tree === undefined) return value;
  if (tree === "end") return undefined;
  const keep = (key: RegoValue, item: RegoValue): RegoValue[] => {
    const kept = remove(item, branch(tree, key)?.node);
    return kept === undefined ? [] : [kept];
  };
  if (value instanceof RegoObject) {
    return objectOf(
      value.entries.flatMap(([key, member]) => keep(key, member).map((kept) => [key, kept] as const)),
    );
  }
  if (value instanceof RegoSet) return setOf(value.items.flatMap((item) => keep(item, item)));
  return isList(value) ? value.flatMap((item, i) => keep(String(i), item)) : value;
}

function objectOperand(value: RegoValue | undefined): RegoObject {
  if (value instanceof RegoObject) return value;
  throw new BuiltinFault("eval_type_error", `operand 1 must be object but got ${typeName(value ?? null)}`);
}

export const json: ReadonlyMap<string, Instead> = new Map<string, Instead>([
  ["json.marshal", (_context, value) => goJson(value ?? null)],
  [
    "json.unmarshal",
    (_context, text) => {
      if (typeof text !== "string") {
        throw new BuiltinFault(
          "eval_type_error",
          `operand 1 must be string but got ${typeName(text ?? null)}`,
        );
      }
      try {
        return fromJson(read(text));
      } catch (error) {
        if (error instanceof JsonRefused) throw new BuiltinFault("eval_builtin_error", "invalid JSON");
        throw error;
      }
    },
  ],
  [
    "json.is_valid",
    (_context, text) => {
      if (typeof text !== "string") return false;
      try {
        read(text);
        return true;
      } catch {
        return false;
      }
    },
  ],
  ["json.filter", (_context, value, paths) => filter(objectOperand(value), treeOf(pathsOf(paths ?? null)))],
  ["json.remove", (_context, value, paths) => remove(objectOperand(value), treeOf(pathsOf(paths ?? null)))],
  [
    "object.union_n",
    (_context, list) =>
      isList(list ?? null) && (list as readonly RegoValue[]).length === 0 ? objectOf([]) : moduleIsRight,
  ],
]);
