/**
 * Conditions in Pinecone's filter language, by its guide "Filter by metadata" and "Indexing overview, Metadata":
 * - metadata is flat: texts, numbers (64-bit), truth values and lists of texts; there is no null
 * - `$eq` and `$in` hold of a list that has the text; `$gt` and its like are of numbers only; `$exists` tells nothing of types
 * - what `$ne` and `$nin` mean of a missing field, of a list or of another type isn't documented: they are used only where
 *   each reading is wide enough
 */
import type { JsonObject, Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import type { FieldConfig } from "../../document.js";

/**
 * @param typed whether the operator says that every record's configured fields hold values of their types or none: then
 *   texts and lists needn't be told apart
 */
export function pineconeLanguage(typed: boolean): Language<JsonObject> {
  return {
    and: (filters) => ({ $and: [...filters] }),
    or: (filters) => ({ $or: [...filters] }),
    leaf(leaf) {
      const [name, ...rest] = leaf.field.path;
      // metadata has no objects in objects, and names that begin with $ are operators
      if (name === undefined || rest.length > 0 || name.startsWith("$")) return undefined;
      return leaf.negated ? negated(leaf, name, typed) : said(leaf, name, typed);
    },
  };
}

interface Said {
  readonly filter: JsonObject;
  readonly exact: boolean;
}

function there(name: string, is = true): JsonObject {
  return { [name]: { $exists: is } };
}

function said({ field, operator, value }: Leaf, name: string, typed: boolean): Said | undefined {
  const values: readonly Scalar[] = typeof value === "object" ? value : [value];
  if (operator === "exists") {
    if (value === true) {
      const all =
        field.type === "boolean"
          ? anyOf(name, [true, false])
          : numeric(field)
            ? range(name, {})
            : there(name);
      return { filter: all, exact: typed || field.type === "boolean" || numeric(field) };
    }
    // a value of another type is missing, too, which isn't said
    return typed ? { filter: missing(field, name), exact: true } : undefined;
  }
  switch (field.type) {
    case "strings":
      // a single text has itself, too
      return operator === "contains"
        ? { filter: { [name]: { $eq: values[0] ?? "" } }, exact: typed }
        : undefined;
    case "string":
      if (operator === "eq") return { filter: { [name]: { $eq: values[0] ?? "" } }, exact: typed };
      if (operator === "in") return { filter: { [name]: { $in: [...values] } }, exact: typed };
      if (operator === "ne") return both(there(name), { [name]: { $ne: values[0] ?? "" } }, typed);
      if (operator === "nin") return both(there(name), { [name]: { $nin: [...values] } }, typed);
      return { filter: there(name), exact: false };
    case "boolean": {
      const isIn = operator === "eq" || operator === "in";
      const truths = [true, false].filter((one) => values.includes(one) === isIn);
      return { filter: anyOf(name, truths), exact: true };
    }
    default:
      return numeric(field) ? numbers(field, operator, values, name) : { filter: there(name), exact: false };
  }
}

function both(one: JsonObject, other: JsonObject, exact: boolean): Said {
  return { filter: { $and: [one, other] }, exact };
}

/** What must not hold: the complement, of what is missing as well. */
function negated(leaf: Leaf, name: string, typed: boolean): Said | undefined {
  const { field, operator, value } = leaf;
  // another type counts as missing, and what `$ne` means of it isn't known: nothing that is said would be wide enough
  if (operator === "exists") return said({ ...leaf, value: value !== true, negated: false }, name, typed);
  if (!typed || field.type === "strings") return undefined;
  const opposite = opposites[operator];
  const turned =
    opposite === undefined ? undefined : said({ ...leaf, operator: opposite, negated: false }, name, typed);
  if (turned === undefined || !turned.exact) return undefined;
  return { filter: { $or: [turned.filter, missing(field, name)] }, exact: true };
}

/** Where each record's field is of its type or none. */
function missing(field: FieldConfig, name: string): JsonObject {
  if (!numeric(field)) return there(name, false);
  return { $or: [there(name, false), { [name]: { $gt: most } }, { [name]: { $lt: -most } }] };
}

const opposites: Partial<Record<Leaf["operator"], Leaf["operator"]>> = {
  ...{ eq: "ne", ne: "eq", in: "nin", nin: "in", lt: "ge", ge: "lt", gt: "le", le: "gt" },
};

function anyOf(name: string, values: readonly Scalar[]): JsonObject {
  const tests = values.map((one) => ({ [name]: { $eq: one } }));
  // none: what never holds, said without an empty list
  if (tests.length === 0) return { $and: [{ [name]: { $eq: true } }, { [name]: { $eq: false } }] };
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : { $or: tests };
}

/** Times in RFC 3339 are texts, which have no order here. */
function numeric({ type, form = "rfc3339" }: FieldConfig): boolean {
  return type === "number" || (type === "time" && form !== "rfc3339");
}

/** Beyond it a whole number counts as missing, for it would be equal to its neighbours. */
const most = Number.MAX_SAFE_INTEGER;

function range(name: string, bounds: JsonObject): JsonObject {
  const low = "$gt" in bounds || "$gte" in bounds ? {} : { $gte: -most };
  const high = "$lt" in bounds || "$lte" in bounds ? {} : { $lte: most };
  return { [name]: { ...low, ...bounds, ...high } };
}

function numbers(
  field: FieldConfig,
  operator: Leaf["operator"],
  values: readonly Scalar[],
  name: string,
): Said | undefined {
  const asked = values.filter((one) => typeof one === "number").map((one) => scaled(one, field));
  const [first] = asked;
  if (first === undefined) return undefined;
  const exact = asked.every((one) => one.exact);
  // a bound that isn't certain is widened, and taken in
  const low = exact ? first.value : Math.floor(first.value) - 1;
  const high = exact ? first.value : Math.ceil(first.value) + 1;
  switch (operator) {
    case "lt":
      return { filter: range(name, { [exact ? "$lt" : "$lte"]: high }), exact };
    case "le":
      return { filter: range(name, { $lte: high }), exact };
    case "gt":
      return { filter: range(name, { [exact ? "$gt" : "$gte"]: low }), exact };
    case "ge":
      return { filter: range(name, { $gte: low }), exact };
    case "eq":
    case "in":
      if (!exact) return { filter: range(name, {}), exact };
      return { filter: { [name]: { $in: asked.map(({ value }) => value) } }, exact };
    case "ne":
    case "nin": {
      // as what lies between, which needs no `$ne`
      if (!exact) return { filter: range(name, {}), exact };
      const sorted = [...new Set(asked.map(({ value }) => value))].sort((a, b) => a - b);
      const between = [undefined, ...sorted].map((from, i) =>
        range(name, {
          ...(from === undefined ? {} : { $gt: from }),
          ...(sorted[i] === undefined ? {} : { $lt: sorted[i] }),
        }),
      );
      return { filter: { $or: between }, exact };
    }
    default:
      return undefined;
  }
}

/** A number as the store has it; `exact`: comparing there is comparing here. */
function scaled(
  value: number,
  { type, form }: FieldConfig,
): { readonly value: number; readonly exact: boolean } {
  if (type === "number" || form === "epoch_s") return { value, exact: true };
  const ms = Math.round(value * 1_000);
  return ms / 1_000 === value && Number.isSafeInteger(ms)
    ? { value: ms, exact: true }
    : { value: value * 1_000, exact: false };
}
