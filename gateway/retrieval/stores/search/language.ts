/**
 * Conditions in the query DSL, which both stores share. What holds of an index isn't what holds of a document: a `term`
 * matches any element of a list, `"5"` and 5 are one to most mappings, a text past `ignore_above` isn't there, and `exists`
 * asks the index (Elasticsearch and OpenSearch, "Term query", "Exists query", "Arrays", "coerce", "ignore_above"). So a leaf
 * is exact only of a field that is stated to be uniform; of others it is wider, and what is negated isn't said at all.
 */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import { numberLeaf, timeLeaf } from "./numbers.js";
import type { FieldMapping } from "./settings.js";

export interface Said {
  readonly filter: JsonObject;
  readonly exact: boolean;
}

/** Patterns are run on each term: longer ones aren't made. */
const longestPattern = 128;

export const and = (filters: readonly JsonObject[]): JsonObject => ({ bool: { filter: [...filters] } });
export const or = (filters: readonly JsonObject[]): JsonObject => ({
  bool: { should: [...filters], minimum_should_match: 1 },
});
export const not = (filter: JsonObject): JsonObject => ({ bool: { must_not: [filter] } });
export const exists = (field: string): JsonObject => ({ exists: { field } });
export const nothing: JsonObject = { match_none: {} };

/** Speaks of a collection's fields as they are mapped. */
export function languageOf(mapping: Readonly<Record<string, FieldMapping>>): Language<JsonObject> {
  return {
    leaf(leaf) {
      const mapped = mapping[leaf.field.name];
      if (mapped === undefined) return undefined;
      const absent = leaf.operator === "exists" && leaf.value === false;
      const positive: Leaf = absent ? { ...leaf, value: true } : leaf;
      const said = say(positive, mapped);
      if (said === undefined) return undefined;
      if (leaf.negated === absent) return { filter: said.filter, exact: mapped.uniform && said.exact };
      // a list counts as missing to the condition and has its elements in the index: excluding could exclude too much
      return mapped.uniform && said.exact ? { filter: not(said.filter), exact: true } : undefined;
    },
    and,
    or,
  };
}

/** INVARIANT: holds wherever the leaf does, whatever is stored. `exact`: nowhere else where the field is uniform. */
function say(leaf: Leaf, mapped: FieldMapping): Said | undefined {
  const said = sayByType(leaf, mapped);
  // a value that isn't indexed may still be what is looked for
  if (said === undefined || mapped.uniform || !mapped.ignoreMalformed || mapped.type === "keyword")
    return said;
  return { filter: or([said.filter, not(exists(mapped.field))]), exact: false };
}

function sayByType(leaf: Leaf, mapped: FieldMapping): Said | undefined {
  switch (leaf.field.type) {
    case "string":
      return isText(mapped) ? textLeaf(leaf, mapped) : undefined;
    case "strings":
      return isText(mapped) ? listLeaf(leaf, mapped) : undefined;
    case "boolean":
      return mapped.type === "boolean" ? booleanLeaf(leaf, mapped) : undefined;
    case "number":
      return numberLeaf(leaf, mapped);
    case "time":
      return timeLeaf(leaf, mapped);
  }
}

function isText({ type }: FieldMapping): boolean {
  return type === "keyword" || type === "wildcard";
}

function textLeaf({ operator, value }: Leaf, mapped: FieldMapping): Said | undefined {
  const { field, uniform, normalizer } = mapped;
  switch (operator) {
    case "exists":
      return uniform ? { filter: exists(field), exact: true } : undefined;
    case "eq":
    case "in": {
      const terms = termsOf(value, mapped);
      return terms === undefined ? undefined : { filter: terms, exact: !normalizer };
    }
    case "ne":
    case "nin": {
      const terms = termsOf(value, mapped);
      if (terms === undefined || normalizer) return undefined;
      // without the test of being there: a text past `ignore_above` isn't, to the index
      return { filter: uniform ? and([exists(field), not(terms)]) : not(terms), exact: uniform };
    }
    default: {
      const filter =
        normalizer || typeof value !== "string" ? undefined : orderOrPart(operator, value, field);
      if (filter === undefined) return undefined;
      return uniform ? { filter, exact: true } : { filter: or([filter, not(exists(field))]), exact: false };
    }
  }
}

const bounds: Readonly<Record<string, string>> = { lt: "lt", le: "lte", gt: "gt", ge: "gte" };

function orderOrPart(operator: string, value: string, field: string): JsonObject | undefined {
  const bound = bounds[operator];
  // terms are compared by the bytes of UTF-8, as conditions are
  if (bound !== undefined) return { range: { [field]: { [bound]: value } } };
  if (value === "") return exists(field);
  if (value.length > longestPattern) return undefined;
  if (operator === "startswith") return { prefix: { [field]: { value } } };
  const escaped = value.replace(/[\\*?]/g, "\\$&");
  if (operator === "endswith") return { wildcard: { [field]: { value: `*${escaped}` } } };
  return operator === "contains" ? { wildcard: { [field]: { value: `*${escaped}*` } } } : undefined;
}

/** An empty list is there to a condition, and isn't to the index: of `exists` nothing is said. */
function listLeaf({ operator, value }: Leaf, mapped: FieldMapping): Said | undefined {
  if (operator !== "contains") return undefined;
  const terms = termsOf(value, mapped);
  return terms === undefined ? undefined : { filter: terms, exact: !mapped.normalizer };
}

function booleanLeaf(
  { operator, value }: Leaf,
  { field, uniform, ignoreMalformed }: FieldMapping,
): Said | undefined {
  const is = (one: Json): JsonObject => ({ term: { [field]: one } });
  const listed = Array.isArray(value) ? (value as readonly boolean[]) : [value as boolean];
  switch (operator) {
    case "exists":
      return uniform || !ignoreMalformed ? { filter: exists(field), exact: true } : undefined;
    case "eq":
    case "in":
      return { filter: { terms: { [field]: [...listed] } }, exact: true };
    case "ne":
    case "nin":
      return listed.includes(true) && listed.includes(false)
        ? { filter: nothing, exact: true }
        : { filter: is(!listed[0]), exact: true };
    default:
      return undefined;
  }
}

/** Undefined where one of them can't be in the index though a document has it. */
function termsOf(value: Leaf["value"], { field, ignoreAbove }: FieldMapping): JsonObject | undefined {
  const listed = typeof value === "object" ? value : [value];
  const texts = listed.filter((one) => typeof one === "string" && one.length <= ignoreAbove);
  if (texts.length < listed.length || texts.length === 0) return undefined;
  const [first] = texts;
  if (texts.length === 1 && first !== undefined) return { term: { [field]: first } };
  return { terms: { [field]: [...texts] } };
}
