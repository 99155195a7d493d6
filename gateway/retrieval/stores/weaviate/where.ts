/** Weaviate's filters (Weaviate documentation, "Filters", "Filter operands"), the same in GraphQL and REST. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, plainNumber } from "../../../../sidecar/contract.js";
import { list, members, unread } from "../strict.js";

export type Where =
  | { readonly operator: "And" | "Or"; readonly operands: readonly Where[] }
  | { readonly operator: "Not"; readonly operands: readonly Where[] }
  | {
      readonly operator: LeafOperator;
      readonly path: readonly string[];
      readonly member: ValueMember;
      readonly value: Json;
    };

const leafOperators = [
  ...["Equal", "NotEqual", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual", "Like"],
  ...["IsNull", "ContainsAny", "ContainsAll", "ContainsNone", "WithinGeoRange"],
] as const;
export type LeafOperator = (typeof leafOperators)[number];

const valueMembers = {
  valueText: "text",
  valueString: "text",
  valueDate: "text",
  valueInt: "number",
  valueNumber: "number",
  valueBoolean: "boolean",
  valueGeoRange: "geo",
  // REST's lists
  valueTextArray: "text",
  valueStringArray: "text",
  valueDateArray: "text",
  valueIntArray: "number",
  valueNumberArray: "number",
  valueBooleanArray: "boolean",
} as const;
export type ValueMember = keyof typeof valueMembers;

const limits = { depth: 16, nodes: 1_024, listed: 1_024, text: 8_192 } as const;
/** With a small letter first, as the store keeps it: older servers take `Pin` for `pin`. */
const propertyName = /^(?:[_a-z][_0-9A-Za-z]{0,230}|len\([_a-z][_0-9A-Za-z]{0,230}\))$/;
/** Of the object itself, not of a property. */
const own = new Set(["id", "_id", "_creationTimeUnix", "_lastUpdateTimeUnix"]);

/** Reads a caller's filter; a path through a reference reaches another collection and is refused. */
export function readWhere(value: Json): Where {
  let nodes = 0;
  const read = (one: Json, depth: number): Where => {
    if (depth > limits.depth || ++nodes > limits.nodes) return unread("filter_refused", "where is too large");
    const known = ["operator", "operands", "path", ...Object.keys(valueMembers)];
    if (!isObject(one)) return unread("filter_refused", "where");
    const given = members(one, known, "where");
    const { operator, operands, path, ...values } = given;
    if (operator === "And" || operator === "Or" || operator === "Not") {
      if (path !== undefined || Object.keys(values).length > 0) return unread("filter_refused", "where");
      const inner = list(operands, "operands").map((each) => read(each, depth + 1));
      if (inner.length === 0 || (operator === "Not" && inner.length !== 1))
        return unread("filter_refused", "operands");
      return { operator, operands: inner };
    }
    const leaf = leafOperators.find((each) => each === operator);
    const [member, ...others] = Object.keys(values) as ValueMember[];
    if (leaf === undefined || operands !== undefined || member === undefined || others.length > 0)
      return unread("filter_refused", "where");
    const at = list(path, "path");
    const [name] = at;
    if (at.length !== 1 || typeof name !== "string" || !propertyName.test(name))
      return unread("filter_refused", "path: one property");
    const found = values[member];
    if (found === undefined || !fits(leaf, valueMembers[member], found))
      return unread("filter_refused", member);
    return { operator: leaf, path: [name], member, value: found };
  };
  return read(value, 1);
}

function fits(operator: LeafOperator, type: "text" | "number" | "boolean" | "geo", value: Json): boolean {
  if (operator === "WithinGeoRange") return type === "geo" && isGeo(value);
  const scalar = (one: Json): boolean =>
    type === "text"
      ? typeof one === "string" && one.length <= limits.text
      : type === "number"
        ? plainNumber(one) !== undefined
        : type === "boolean" && typeof one === "boolean";
  if (Array.isArray(value)) return value.length <= limits.listed && value.every(scalar);
  return scalar(value);
}

function isGeo(value: Json): boolean {
  if (!isObject(value)) return false;
  const { geoCoordinates, distance, ...others } = value;
  if (Object.keys(others).length > 0 || !isObject(geoCoordinates) || !isObject(distance)) return false;
  const numbers = [geoCoordinates["latitude"], geoCoordinates["longitude"], distance["max"]];
  return (
    numbers.every((one) => plainNumber(one) !== undefined) &&
    Object.keys(geoCoordinates).length === 2 &&
    Object.keys(distance).length === 1
  );
}

/** The properties that a filter reads. */
export function pathsOf(where: Where): string[] {
  if ("operands" in where) return where.operands.flatMap(pathsOf);
  const [name = ""] = where.path;
  return own.has(name) ? [] : [name.replace(/^len\((.*)\)$/, "$1")];
}

/** Writes a filter as REST takes it. */
export function writeWhere(where: Where): JsonObject {
  if ("operands" in where) return { operator: where.operator, operands: where.operands.map(writeWhere) };
  return { operator: where.operator, path: [...where.path], [where.member]: where.value };
}

export function joined(operator: "And" | "Or", operands: readonly Where[]): Where {
  const [first] = operands;
  return operands.length === 1 && first !== undefined ? first : { operator, operands };
}

/** Documents with these ids. */
export function byIds(ids: readonly string[]): Where {
  return joined(
    "Or",
    ids.map((id): Where => ({ operator: "Equal", path: ["id"], member: "valueText", value: id })),
  );
}
