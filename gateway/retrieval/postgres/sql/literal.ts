/** Reads values that are to be stored as policy will see them, and writes what policy says of them. */
import type { Json } from "../../../../sidecar/contract.js";
import { JsonNumber, parseJson, plainNumber, stringifyJson } from "../../../../sidecar/contract.js";
import type { Column } from "../settings.js";
import type { Node, Tree } from "./nodes.js";
import { cast, isNode, listOf, nameOf, open } from "./nodes.js";
import { NotAllowed } from "./refuse.js";
import type { Value, Values } from "./values.js";
import { arrayText } from "./values.js";

/** The types (their OIDs) under which a parameter's text is taken as the column's own. */
const natural: Readonly<Record<string, readonly number[]>> = {
  text: [25, 1043, 705],
  varchar: [25, 1043, 705],
  uuid: [2950, 705],
  int2: [20, 21, 23, 705],
  int4: [20, 21, 23, 705],
  int8: [20, 21, 23, 705],
  float4: [20, 21, 23, 700, 701, 1700, 705],
  float8: [20, 21, 23, 700, 701, 1700, 705],
  numeric: [20, 21, 23, 700, 701, 1700, 705],
  bool: [16, 705],
  timestamptz: [1184, 705],
  jsonb: [114, 3802, 705],
};
const arrays = [1009, 1015, 705];

const wrong = (name: string): NotAllowed =>
  new NotAllowed(
    "42501",
    `of the column ${JSON.stringify(name)} policy has to see the value: give it plainly, as a constant or a parameter`,
    "document_refused",
  );

/**
 * Reads what an expression stores in a column that policy goes by; undefined: NULL.
 * @param bound the statement's own parameters, with their types as the client has them
 * @throws NotAllowed where that isn't plain to see
 */
export function readStored(
  expression: Node,
  kept: Column,
  bound: { readonly values: readonly Value[]; readonly types: readonly number[] },
): Json | undefined {
  const one = open(bare(expression, kept));
  if (one?.tag === "ParamRef") {
    const number = Number(one.fields["number"]);
    const value = bound.values[number - 1];
    const type = bound.types[number - 1] ?? 0;
    if (value === undefined) throw wrong(kept.name);
    if (type !== 0 && !(kept.array ? arrays : (natural[kept.type] ?? [])).includes(type))
      throw wrong(kept.name);
    if (value.bytes === null) return undefined;
    return value.binary ? readBinary(value.bytes, kept, type) : readText(textOf(value.bytes, kept), kept);
  }
  if (one?.tag === "A_ArrayExpr" && kept.array)
    return listOf(one.fields["elements"]).map((item) => {
      const text = constantText(open(item));
      if (text === undefined) throw wrong(kept.name);
      return text;
    });
  if (one?.tag !== "A_Const") throw wrong(kept.name);
  const { isnull, ival, fval, boolval } = one.fields;
  if (isnull === true) return undefined;
  if (isNode(boolval)) return readText(String(boolval["boolval"] ?? false), kept);
  if (isNode(ival)) return readText(String(ival["ival"] ?? 0), kept);
  if (isNode(fval)) return readText(String(fval["fval"]), kept);
  const text = constantText(one);
  if (text === undefined) throw wrong(kept.name);
  return readText(text, kept);
}

function constantText(one: ReturnType<typeof open>): string | undefined {
  const sval = one?.tag === "A_Const" ? one.fields["sval"] : undefined;
  return isNode(sval) ? String(sval["sval"] ?? "") : undefined;
}

/** Takes a cast to the column's own type off. INVARIANT: no other, which could store something else. */
function bare(expression: Node, kept: Column): Tree {
  const one = open(expression);
  if (one?.tag !== "TypeCast") return expression;
  const { typeName, arg } = one.fields;
  if (!isNode(typeName) || !isNode(arg)) throw wrong(kept.name);
  const name = nameOf(listOf(typeName["names"]).at(-1));
  const array = listOf(typeName["arrayBounds"]).length === 1;
  const same = name === kept.type || (name === "text" && kept.type === "varchar");
  if (!same || array !== kept.array || listOf(typeName["typmods"]).length > 0) throw wrong(kept.name);
  return arg;
}

function textOf(bytes: Buffer, kept: Column): string {
  const text = bytes.toString("utf8");
  if (!Buffer.from(text).equals(bytes)) throw wrong(kept.name);
  return text;
}

const numeric = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;
const whole = /^-?(?:0|[1-9]\d*)$/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$/;

function readText(text: string, kept: Column): Json {
  const { type, name } = kept;
  if (kept.array) return readArray(text, name);
  switch (type) {
    case "text":
      return text;
    case "varchar":
      // blanks beyond its length are left out without a word
      if (text.endsWith(" ")) throw wrong(name);
      return text;
    case "uuid":
      if (!uuid.test(text.toLowerCase())) throw wrong(name);
      return text.toLowerCase();
    case "int2":
    case "int4":
    case "int8":
      if (!whole.test(text)) throw wrong(name);
      return plainNumber(new JsonNumber(text)) ?? new JsonNumber(text);
    case "float4":
    case "float8":
    case "numeric":
      if (!numeric.test(text)) throw wrong(name);
      // another precision could make it another number
      if (type === "float4" && Number.parseFloat(text) !== Number(Math.fround(Number(text)).toPrecision(6)))
        throw wrong(name);
      return plainNumber(new JsonNumber(text)) ?? new JsonNumber(text);
    case "bool":
      if (!/^(?:t|f|true|false)$/i.test(text)) throw wrong(name);
      return text.toLowerCase().startsWith("t");
    case "timestamptz":
      if (!time.test(text)) throw wrong(name);
      return text;
    case "jsonb":
      try {
        return parseJson(text);
      } catch {
        throw wrong(name);
      }
    default:
      throw wrong(name);
  }
}

function readBinary(bytes: Buffer, kept: Column, type: number): Json {
  const { name } = kept;
  if (kept.array) throw wrong(name);
  switch (kept.type) {
    case "text":
    case "varchar":
      return readText(textOf(bytes, kept), kept);
    case "bool":
      if (bytes.length !== 1) throw wrong(name);
      return bytes[0] !== 0;
    case "jsonb":
      if (type === 3802 && bytes[0] !== 1) throw wrong(name);
      return readText(textOf(type === 114 ? bytes : bytes.subarray(1), kept), kept);
    case "int2":
    case "int4":
    case "int8":
      // which of them it is the client must have said
      if (type === 0 || bytes.length !== { 21: 2, 23: 4, 20: 8 }[type]) throw wrong(name);
      return readText(
        String(bytes.length === 8 ? bytes.readBigInt64BE() : bytes.readIntBE(0, bytes.length)),
        kept,
      );
    default:
      throw wrong(name);
  }
}

/** A list of texts in its text form (PostgreSQL manual, 8.15.6): one dimension, no NULL. */
function readArray(text: string, name: string): Json {
  if (!/^\{.*\}$/s.test(text)) throw wrong(name);
  const inner = text.slice(1, -1);
  const out: string[] = [];
  const item = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\\s](?:[^",{}\\]*[^",{}\\\s])?))\s*(,|$)/gsy;
  while (item.lastIndex < inner.length) {
    const found = item.exec(inner);
    const last = found?.[3] === "";
    if (found === null || (!last && item.lastIndex === inner.length)) throw wrong(name);
    const [, quoted, plain] = found;
    if (quoted === undefined && plain?.toUpperCase() === "NULL") throw wrong(name);
    out.push(quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/gs, "$1"));
    if (last) break;
  }
  return out;
}

/** Writes a value of a document as an expression that stores it. */
export function writeStored(value: Json | undefined, kept: Column, values: Values): Node {
  const type = kept.type;
  if (value === undefined || value === null) return { A_Const: { isnull: true } };
  if (kept.array) {
    const items = Array.isArray(value) ? value.map(String) : [];
    return cast(values.add(arrayText(items)), type, true);
  }
  const plain = typeof value === "string" && type !== "jsonb" ? value : stringifyJson(value);
  return cast(values.add(plain), type);
}
