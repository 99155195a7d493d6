/** Parameters as text, and text as parameters (OpenAPI 3.1.1, section 4.8.12.4). INVARIANT: there and back gives the same. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, JsonRefused, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { Parameter } from "./operation.js";
import type { Scalar, Shape } from "./shape.js";

const integerForm = /^-?(?:0|[1-9][0-9]{0,400})$/;
const numberForm = /^-?(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?$/;

/** Reads a scalar; what is of none of the types stays text, which the schema will refuse. */
export function readScalar(text: string, types: ReadonlySet<Scalar>): Json {
  if (types.has("boolean") && (text === "true" || text === "false")) return text === "true";
  const form = types.has("number") ? numberForm : types.has("integer") ? integerForm : undefined;
  // minus zero is a number, and no integer
  return form?.test(text) === true && text !== "-0" ? parseJson(text) : text;
}

/** Writes a scalar; undefined where it is none. */
export function writeScalar(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value instanceof JsonNumber ? value.text : undefined;
}

const delimiters: Partial<Record<Parameter["style"], string>> = {
  simple: ",",
  form: ",",
  spaceDelimited: " ",
  pipeDelimited: "|",
};

/** Reads one text of a parameter: a scalar, JSON, or all of a list. */
export function readOne(text: string, { style, shape }: Pick<Parameter, "style" | "shape">): Json {
  if (style === "json") return readJsonText(text);
  if (shape.kind !== "list") return readScalar(text, shape.kind === "scalar" ? shape.types : new Set());
  return text.split(delimiters[style] ?? ",").map((item) => readScalar(item, shape.types));
}

/** Writes a parameter as one text, each piece through `escape`; undefined where it can't be. */
export function writeOne(
  value: Json,
  { style, shape }: Pick<Parameter, "style" | "shape">,
  escape: (text: string) => string,
): string | undefined {
  if (style === "json") return escape(stringifyJson(value));
  if (shape.kind !== "list") {
    const text = writeScalar(value);
    return text === undefined ? undefined : escape(text);
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const items = value.map(writeScalar);
  if (!items.every((item) => item !== undefined)) return undefined;
  const delimiter = delimiters[style] ?? ",";
  return items.map(escape).join(delimiter === "," ? "," : escape(delimiter));
}

/** Text that isn't JSON stays text. */
function readJsonText(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonRefused) return text;
    throw error;
  }
}

type Pair = readonly [name: string, value: string];

/** Reads pairs of a query or a form into members. */
export interface PairReader {
  /** Takes a pair; says what is wrong with it, by its name. */
  take(pair: Pair): string | undefined;
  readonly out: JsonObject;
}

/** One that pairs may be of. */
export type PairTaker = Pick<Parameter, "key" | "name" | "style" | "explode" | "shape">;

/** Creates a reader for what is declared. INVARIANT: what isn't declared is refused, and so is what is there twice. */
export function createPairReader(declared: readonly PairTaker[]): PairReader {
  const out = Object.create(null) as JsonObject;
  const byName = new Map(declared.map((one) => [one.name, one]));
  const take = ([name, value]: Pair): string | undefined => {
    const one = byName.get(name);
    if (one !== undefined && one.style !== "deepObject") {
      const repeats = one.shape.kind === "list" && one.style === "form" && one.explode;
      const before = out[one.key];
      if (repeats && one.shape.kind === "list") {
        const item = readScalar(value, one.shape.types);
        if (Array.isArray(before)) before.push(item);
        else out[one.key] = [item];
        return undefined;
      }
      if (before !== undefined) return "is given twice";
      out[one.key] = readOne(value, one);
      return undefined;
    }
    const [, base = "", member = ""] = /^([^[\]]{1,128})\[([^[\]]{1,128})\]$/.exec(name) ?? [];
    const deep = byName.get(base);
    if (deep?.style !== "deepObject" || deep.shape.kind !== "object") return "is not known";
    return takeMember(deep, deep.shape.members.get(member), member, value);
  };
  const takeMember = (
    deep: PairTaker,
    shape: Shape | undefined,
    member: string,
    value: string,
  ): string | undefined => {
    if (shape === undefined || shape.kind === "object" || member === "__proto__") return "is not known";
    const object = (out[deep.key] ??= Object.create(null) as JsonObject);
    if (!isObject(object)) return "is not known";
    const before = object[member];
    const item = readScalar(value, shape.types);
    if (shape.kind === "list") {
      if (Array.isArray(before)) before.push(item);
      else object[member] = [item];
      return undefined;
    }
    if (before !== undefined) return "is given twice";
    object[member] = item;
    return undefined;
  };
  return { take, out };
}

const escapePart = encodeURIComponent;

/** Writes a member as `name=value` pairs; undefined where it can't be. */
export function writePairs(value: Json, one: PairTaker): string[] | undefined {
  const { name, style, shape, explode } = one;
  const escaped = escapePart(name);
  if (style === "deepObject") {
    if (!isObject(value) || shape.kind !== "object" || Object.keys(value).length === 0) return undefined;
    const pairs = Object.entries(value).map(([member, given]) => {
      const items = Array.isArray(given) ? given : [given];
      const texts = items.map(writeScalar);
      if (texts.length === 0 || !texts.every((text) => text !== undefined)) return undefined;
      return texts.map((text) => `${escapePart(`${name}[${member}]`)}=${escapePart(text)}`);
    });
    return pairs.every((pair) => pair !== undefined) ? pairs.flat() : undefined;
  }
  if (shape.kind === "list" && style === "form" && explode) {
    if (!Array.isArray(value) || value.length === 0) return undefined;
    const texts = value.map(writeScalar);
    if (!texts.every((text) => text !== undefined)) return undefined;
    return texts.map((text) => `${escaped}=${escapePart(text)}`);
  }
  const text = writeOne(value, one, escapePart);
  return text === undefined ? undefined : [`${escaped}=${text}`];
}
