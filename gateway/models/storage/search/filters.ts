/** Filters of searches in OpenAI's stores of vectors. Source: OpenAI API reference, "ComparisonFilter", "CompoundFilter". */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Compiled, Language, Leaf } from "../../../retrieval/conditions/compile.js";
import { compile } from "../../../retrieval/conditions/compile.js";
import { isAlways } from "../../../retrieval/conditions/simplify.js";
import type { Narrowing } from "../../../retrieval/adapter.js";
import type { CollectionConfig } from "../../../retrieval/config.js";

const limits = { depth: 8, nodes: 256, listed: 256, key: 64, text: 512 } as const;
const ofOne = ["eq", "ne", "gt", "gte", "lt", "lte"];
const ofSeveral = ["in", "nin"];

/** Reads a caller's filter: the attributes that it looks at. INVARIANT: what isn't understood whole is refused. */
export function readFilter(value: Json | undefined): readonly string[] | Refusal {
  const keys: string[] = [];
  let nodes = 0;
  const read = (one: Json, depth: number): boolean => {
    if (++nodes > limits.nodes || depth > limits.depth || !isObject(one)) return false;
    const { type, key, value: given, filters, ...others } = one;
    if (typeof type !== "string" || Object.keys(others).length > 0) return false;
    if (type === "and" || type === "or") {
      if (key !== undefined || given !== undefined || !Array.isArray(filters)) return false;
      return filters.length > 0 && filters.every((member) => read(member, depth + 1));
    }
    if (filters !== undefined || typeof key !== "string" || key === "" || key.length > limits.key)
      return false;
    keys.push(key);
    if (ofOne.includes(type)) return isValue(given);
    return ofSeveral.includes(type) && Array.isArray(given) && given.length <= limits.listed
      ? given.every(isValue)
      : false;
  };
  if (value === undefined || value === null) return [];
  return read(value, 1) ? [...new Set(keys)] : refuse("filter_refused", "filters");
}

/** What an attribute may be. */
export function isValue(value: Json | undefined): boolean {
  if (typeof value === "string") return value.length <= limits.text;
  return typeof value === "boolean" || plainNumber(value) !== undefined;
}

/** Puts policy's condition around a caller's filter, which stays as it is. */
export function narrowFilter(
  given: Json | undefined,
  { condition }: Narrowing,
  { fields }: CollectionConfig,
): Compiled<JsonObject> {
  const own: JsonObject[] = isObject(given) ? [given] : [];
  if (isAlways(condition)) return { ...(own[0] === undefined ? {} : { filter: own[0] }), exact: true };
  const { filter, exact } = compile(condition, fields, language);
  const all = filter === undefined ? own : [...own, filter];
  const [first] = all;
  if (first === undefined) return { exact };
  return { filter: all.length === 1 ? first : and(all), exact };
}

const and = (filters: readonly JsonObject[]): JsonObject => ({ type: "and", filters: [...filters] });
const or = (filters: readonly JsonObject[]): JsonObject => ({ type: "or", filters: [...filters] });

/**
 * The reference doesn't say what a comparison makes of an attribute that is missing, or of another type. So nothing is
 * exact, and what is negated isn't said at all: where `ne` passed over files without the attribute, it would find too few.
 */
const language: Language<JsonObject> = {
  leaf(leaf) {
    const filter = leaf.negated ? undefined : say(leaf);
    return filter && { filter, exact: false };
  },
  and,
  or,
};

const bounds: Readonly<Record<string, string>> = { lt: "lt", le: "lte", gt: "gt", ge: "gte" };

function say({ field, operator, value }: Leaf): JsonObject | undefined {
  const [key = ""] = field.path;
  const written = (typeof value === "object" ? value : [value]).map((one) => write(one, field.form));
  const values = field.type === "time" ? written : [...(typeof value === "object" ? value : [value])];
  const known = values.filter((one) => one !== undefined);
  const [first] = known;
  if (first === undefined || known.length < values.length || !known.every(isValue)) return undefined;
  // of texts for times it isn't said how they are compared
  if (field.type === "time" && (field.form ?? "rfc3339") === "rfc3339") return undefined;
  switch (operator) {
    case "eq":
    case "ne":
      return { type: operator, key, value: first };
    case "in":
      return or_(known.map((one) => ({ type: "eq", key, value: one })));
    case "nin":
      return and_(known.map((one) => ({ type: "ne", key, value: one })));
    default: {
      const bound = bounds[operator];
      return bound === undefined || typeof first !== "number"
        ? undefined
        : { type: bound, key, value: first };
    }
  }
}

/** A time as the attribute has it; undefined where it would have to be rounded. */
function write(value: Json, form: string | undefined): Json | undefined {
  if (typeof value !== "number" || form !== "epoch_ms") return value;
  return Number.isInteger(value) ? value * 1_000 : undefined;
}

function or_(filters: readonly JsonObject[]): JsonObject | undefined {
  return filters.length > 1 ? or(filters) : filters[0];
}

function and_(filters: readonly JsonObject[]): JsonObject | undefined {
  return filters.length > 1 ? and(filters) : filters[0];
}
