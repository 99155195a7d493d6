/**
 * Conditions on a document's metadata: UCAST, in the JSON form that OPA's data filters give. What a policy states, or
 * what the toolchain derives from Rego, is compiled by an adapter to the store's own filter language.
 *
 * A condition is on *fields as they are configured*, each of one type: a value of another type, and null, counts as
 * missing. It is two-valued: nothing holds of a field that is missing, but `exists: false`, `not` and what they make.
 */
import type { Json } from "./json.js";
import { isObject, JsonNumber } from "./json.js";

export const comparisons = ["eq", "ne", "lt", "le", "gt", "ge"] as const;
export const fieldOperators = [
  ...comparisons,
  /** One of a list. */
  "in",
  /** Present, and none of a list. */
  "nin",
  /** Of a list of texts: has the text as an element. Of a text: has it as a part. */
  "contains",
  "startswith",
  "endswith",
  /** With `true`: the field is there; with `false`: it isn't. */
  "exists",
] as const;
export type FieldOperator = (typeof fieldOperators)[number];
export type Comparison = (typeof comparisons)[number];
export type Scalar = string | number | boolean;

export type Condition =
  | {
      readonly type: "field";
      readonly operator: FieldOperator;
      readonly field: string;
      /** A list for `in` and `nin`, a truth value for `exists`, else a scalar. */
      readonly value: Scalar | readonly Scalar[];
    }
  /** `not` has one member; `and` of none always holds, `or` of none never. */
  | {
      readonly type: "compound";
      readonly operator: "and" | "or" | "not";
      readonly value: readonly Condition[];
    };

export const always: Condition = { type: "compound", operator: "and", value: [] };
export const never: Condition = { type: "compound", operator: "or", value: [] };

/** What a condition may be at most. */
export const conditionLimits = { depth: 16, nodes: 1_024, listed: 1_024, text: 1_024 } as const;

const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Reads a condition; undefined where it is none, or larger than {@link conditionLimits}. */
export function parseCondition(value: Json | undefined): Condition | undefined {
  let nodes = 0;
  const read = (one: Json | undefined, depth: number): Condition | undefined => {
    if (++nodes > conditionLimits.nodes || depth > conditionLimits.depth || !isObject(one)) return undefined;
    const { type, operator, field, value: given, ...others } = one;
    if (Object.keys(others).length > 0) return undefined;
    if (type === "compound") {
      if (field !== undefined || !Array.isArray(given)) return undefined;
      if (operator !== "and" && operator !== "or" && operator !== "not") return undefined;
      if (operator === "not" && given.length !== 1) return undefined;
      const members: Condition[] = [];
      for (const item of given) {
        const member = read(item, depth + 1);
        if (member === undefined) return undefined;
        members.push(member);
      }
      return { type, operator, value: members };
    }
    if (type !== "field" || typeof field !== "string" || !fieldName.test(field)) return undefined;
    const known = fieldOperators.find((name) => name === operator);
    const fitting = known === undefined ? undefined : readValue(known, given);
    return known === undefined || fitting === undefined
      ? undefined
      : { type, operator: known, field, value: fitting };
  };
  return read(value, 1);
}

function readValue(operator: FieldOperator, value: Json | undefined): Scalar | readonly Scalar[] | undefined {
  if (operator === "in" || operator === "nin") {
    if (!Array.isArray(value) || value.length > conditionLimits.listed) return undefined;
    const listed = value.map(readScalar);
    return listed.every((one) => one !== undefined) ? listed : undefined;
  }
  if (operator === "exists") return typeof value === "boolean" ? value : undefined;
  if (operator === "contains" || operator === "startswith" || operator === "endswith")
    return typeof value === "string" ? readScalar(value) : undefined;
  return readScalar(value);
}

function readScalar(value: Json | undefined): Scalar | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return value.length <= conditionLimits.text ? value : undefined;
  return plainNumber(value);
}

/**
 * Gives a JSON number's value, also of `1.0`; undefined of anything else. INVARIANT: a whole number beyond 2^53 has none,
 * for it would be equal to its neighbours.
 */
export function plainNumber(value: Json | undefined): number | undefined {
  const number = value instanceof JsonNumber ? Number(value.text) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? undefined : number;
}
