import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../../sidecar/contract.js";
import type { Facts } from "../strict.js";
import { unread } from "../strict.js";

/** By operator, what it compares with (guide "Filter by metadata", Metadata filter expressions). */
const operators: Readonly<Record<string, (value: Json) => boolean>> = {
  $eq: isScalar,
  $ne: isScalar,
  $gt: isNumber,
  $gte: isNumber,
  $lt: isNumber,
  $lte: isNumber,
  $in: isList,
  $nin: isList,
  $exists: (value) => typeof value === "boolean",
};

/** Of one request. */
const mostConditions = 1_024;
const mostDepth = 16;

/**
 * Reads a caller's filter: every operator known, each field's name one that can be stored. Notes the fields that it is on.
 * @throws Unread with `filter_refused`
 */
export function readFilter(value: Json, facts: Facts, depth = 0): JsonObject {
  if (depth > mostDepth || ++facts.conditions > mostConditions)
    return unread("filter_refused", "the filter is too large");
  if (!isObject(value)) return unread("filter_refused", "a filter must be an object");
  for (const name of Object.keys(value)) {
    const test = value[name] ?? null;
    if (name === "$and" || name === "$or") {
      if (!Array.isArray(test)) return unread("filter_refused", `${name} holds a list`);
      for (const one of test) readFilter(one, facts, depth + 1);
      continue;
    }
    if (name.startsWith("$") || name === "" || name.length > 1_024)
      return unread("filter_refused", "an operator that isn't known");
    facts.field(name);
    readTest(test, facts);
  }
  return value;
}

function readTest(value: Json, facts: Facts): void {
  // `{genre: "drama"}` says `$eq`
  if (!isObject(value)) {
    if (!isScalar(value))
      return unread("filter_refused", "a field is compared with a text, a number, or true or false");
    return;
  }
  const names = Object.keys(value);
  if (names.length === 0) return unread("filter_refused", "a field without a test");
  for (const name of names) {
    if (++facts.conditions > mostConditions) return unread("filter_refused", "the filter is too large");
    const fits = Object.hasOwn(operators, name) ? operators[name] : undefined;
    if (fits === undefined || !fits(value[name] ?? null))
      return unread("filter_refused", "an operator that isn't known, or a value that isn't its");
  }
}

function isScalar(value: Json): boolean {
  return typeof value === "string" || typeof value === "boolean" || isNumber(value);
}
function isNumber(value: Json): boolean {
  return typeof value === "number" || value instanceof JsonNumber;
}
function isList(value: Json): boolean {
  return Array.isArray(value) && value.length <= 10_000 && value.every(isScalar);
}
