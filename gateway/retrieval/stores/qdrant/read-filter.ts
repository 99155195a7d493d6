import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../../sidecar/contract.js";
import { namesOf, parsePath } from "./json-path.js";
import { readId } from "./read-id.js";
import { type Facts, members, unread } from "../strict.js";

const clauses = ["must", "must_not", "should", "min_should"];
const tests = [
  ...[
    "match",
    "range",
    "geo_bounding_box",
    "geo_radius",
    "geo_polygon",
    "values_count",
    "is_empty",
    "is_null",
  ],
];
const matches = ["value", "text", "text_any", "phrase", "prefix", "any", "except"];
const bounds = ["lt", "gt", "gte", "lte"];
/** Of one request. */
const mostConditions = 1_024;
const mostDepth = 16;

function refused(what: string): never {
  return unread("filter_refused", what);
}

function object(value: Json | undefined, known: readonly string[], place: string): JsonObject {
  return members(value, known, place, "filter_refused");
}

/**
 * Reads a caller's filter (documentation, Filtering): every clause and condition known, each of one form.
 * Notes the fields that it is on.
 * @throws Unread with `filter_refused`
 */
export function readFilter(value: Json, facts: Facts, prefix = "", depth = 0): void {
  if (depth > mostDepth) return refused("nested too deeply");
  const filter = object(value, clauses, "filter");
  for (const clause of ["must", "must_not", "should"]) {
    const found = filter[clause];
    if (found === undefined) continue;
    for (const one of Array.isArray(found) ? found : [found]) readCondition(one, facts, prefix, depth + 1);
  }
  if (filter["min_should"] === undefined) return;
  const least = object(filter["min_should"], ["conditions", "min_count"], "min_should");
  if (!Array.isArray(least["conditions"]) || !isWhole(least["min_count"])) return refused("min_should");
  for (const one of least["conditions"]) readCondition(one, facts, prefix, depth + 1);
}

/** Reads one condition of a filter, or of a formula. */
export function readCondition(value: Json, facts: Facts, prefix = "", depth = 0): void {
  if (++facts.conditions > mostConditions) return refused("too many conditions");
  if (!isObject(value)) return refused("a condition must be an object");
  if (Object.hasOwn(value, "key")) return readField(value, facts, prefix);
  if (Object.hasOwn(value, "has_id")) {
    const { has_id } = object(value, ["has_id"], "has_id");
    if (!Array.isArray(has_id) || has_id.length > 10_000) return refused("has_id must be a list of ids");
    for (const id of has_id) readId(id, "has_id");
    return;
  }
  if (Object.hasOwn(value, "has_vector")) {
    const { has_vector } = object(value, ["has_vector"], "has_vector");
    return typeof has_vector === "string" ? undefined : refused("has_vector must be a name");
  }
  if (Object.hasOwn(value, "slice")) {
    const { slice } = object(value, ["slice"], "slice");
    const { total, index } = object(slice, ["total", "index"], "slice");
    return isWhole(total) && isWhole(index) ? undefined : refused("slice");
  }
  if (Object.hasOwn(value, "nested")) {
    const { nested } = object(value, ["nested"], "nested");
    const { key, filter } = object(nested, ["key", "filter"], "nested");
    const path = readKey(key, facts, prefix);
    return filter === undefined
      ? refused("nested needs a filter")
      : readFilter(filter, facts, `${path}.`, depth + 1);
  }
  for (const name of ["is_empty", "is_null"]) {
    if (!Object.hasOwn(value, name)) continue;
    const { key } = object(object(value, [name], "condition")[name], ["key"], name);
    readKey(key, facts, prefix);
    return;
  }
  readFilter(value, facts, prefix, depth);
}

/** Reads a key and gives the names it leads through, from the payload's root. */
export function readKey(key: Json | undefined, facts: Facts, prefix = ""): string {
  const steps = typeof key === "string" ? parsePath(key) : undefined;
  if (steps === undefined) return refused("a key must be a path, as a.b");
  const path = `${prefix}${namesOf(steps)}`;
  facts.field(path);
  return path;
}

function readField(value: JsonObject, facts: Facts, prefix: string): void {
  const condition = object(value, ["key", ...tests], "condition");
  readKey(condition["key"], facts, prefix);
  const [test, ...others] = tests.filter((name) => condition[name] !== undefined);
  // of several, the store takes that which fits the value: that isn't one meaning
  if (test === undefined || others.length > 0) return refused("a condition on a key has one test");
  const tested = condition[test];
  switch (test) {
    case "match":
      return readMatch(tested);
    case "range":
      return readBounds(tested, "range", (one) => isNumber(one) || typeof one === "string");
    case "values_count":
      return readBounds(tested, "values_count", isWhole);
    case "is_empty":
    case "is_null":
      return typeof tested === "boolean" ? undefined : refused(`${test} must be true or false`);
    case "geo_radius": {
      const { center, radius } = object(tested, ["center", "radius"], "geo_radius");
      readPoint(center);
      return isNumber(radius) ? undefined : refused("radius must be a number");
    }
    case "geo_bounding_box": {
      const { top_left, bottom_right } = object(tested, ["top_left", "bottom_right"], "geo_bounding_box");
      readPoint(top_left);
      return readPoint(bottom_right);
    }
    default: {
      const { exterior, interiors = [] } = object(tested, ["exterior", "interiors"], "geo_polygon");
      if (!Array.isArray(interiors)) return refused("interiors must be a list");
      for (const line of [exterior, ...interiors]) {
        const { points } = object(line, ["points"], "geo_polygon");
        if (!Array.isArray(points) || points.length > 1_000) return refused("points must be a list");
        points.forEach(readPoint);
      }
    }
  }
}

function readMatch(value: Json | undefined): void {
  const match = object(value, matches, "match");
  const [name, ...others] = Object.keys(match);
  if (name === undefined || others.length > 0) return refused("match has one member");
  const wanted = match[name];
  if (name === "value") {
    return typeof wanted === "string" || typeof wanted === "boolean" || isInteger(wanted)
      ? undefined
      : refused("value must be a text, a whole number, true or false");
  }
  if (name === "any" || name === "except") {
    if (!Array.isArray(wanted) || wanted.length > 10_000) return refused(`${name} must be a list`);
    return wanted.every((one) => typeof one === "string") || wanted.every(isInteger)
      ? undefined
      : refused(`${name} holds texts, or whole numbers`);
  }
  if (typeof wanted !== "string" || wanted.length > 4_096) return refused(`${name} must be a text`);
}

function readBounds(value: Json | undefined, place: string, fits: (one: Json) => boolean): void {
  const range = object(value, bounds, place);
  const given = Object.values(range);
  if (!given.every(fits)) return refused(`${place} holds bounds`);
  // numbers or times, not both
  if (new Set(given.map((one) => typeof one === "string")).size > 1)
    return refused(`${place} holds bounds of one kind`);
}

function readPoint(value: Json | undefined): void {
  const { lon, lat } = object(value, ["lon", "lat"], "a place");
  return isNumber(lon) && isNumber(lat) ? undefined : refused("a place has lon and lat");
}

function isNumber(value: Json | undefined): boolean {
  return typeof value === "number" || value instanceof JsonNumber;
}
function isInteger(value: Json | undefined): boolean {
  return typeof value === "number"
    ? Number.isInteger(value)
    : value instanceof JsonNumber && /^-?\d{1,19}$/.test(value.text);
}
function isWhole(value: Json | undefined): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
