/** Joins conditions so that nothing stands twice: what is derived of rules is nested as they are. */
import type { Condition, Scalar } from "../contract.js";
import { always, conditionLimits, never } from "../contract.js";

/** All of them hold. */
export function all(members: readonly Condition[]): Condition {
  const flat = flatten("and", members);
  if (flat.some(isNever)) return never;
  const distinct = once(flat);
  const tested = new Set(distinct.flatMap((one) => (isTest(one) && needsField(one) ? [one.field] : [])));
  // a test of a field says that it is there
  const left = distinct.filter((one) => !isThere(one) || !tested.has(one.field));
  return wrap("and", left);
}

/** One of them holds. What all of them ask stands once, before what they differ in. */
export function any(members: readonly Condition[]): Condition {
  const flat = flatten("or", members);
  if (flat.some(isAlways)) return always;
  const distinct = once(flat);
  return distinct.length < 2 ? wrap("or", distinct) : factored(inLists(distinct));
}

/** It doesn't hold. */
export function none(one: Condition): Condition {
  if (isAlways(one)) return never;
  if (isNever(one)) return always;
  if (one.type === "compound" && one.operator === "not") return one.value[0] ?? never;
  if (one.type === "field" && one.operator === "exists") return { ...one, value: one.value !== true };
  return { type: "compound", operator: "not", value: [one] };
}

type Test = Extract<Condition, { type: "field" }>;

function isTest(one: Condition): one is Test {
  return one.type === "field";
}

function isThere(one: Condition): one is Test {
  return isTest(one) && one.operator === "exists" && one.value === true;
}

function needsField({ operator }: Test): boolean {
  return operator !== "exists";
}

function isAlways(one: Condition): boolean {
  return one.type === "compound" && one.operator === "and" && one.value.length === 0;
}

function isNever(one: Condition): boolean {
  return one.type === "compound" && one.operator === "or" && one.value.length === 0;
}

/** Opens what is of the same kind: an `and` of none goes away in an `and`, an `or` of none in an `or`. */
function flatten(operator: "and" | "or", members: readonly Condition[]): Condition[] {
  return members.flatMap((one) =>
    one.type === "compound" && one.operator === operator ? [...one.value] : [one],
  );
}

function wrap(operator: "and" | "or", members: readonly Condition[]): Condition {
  const [only] = members;
  return only !== undefined && members.length === 1 ? only : { type: "compound", operator, value: members };
}

function once(members: readonly Condition[]): Condition[] {
  if (members.length < 2) return [...members];
  const known = new Map<string, Condition>();
  for (const one of members) {
    const key = JSON.stringify(one);
    if (!known.has(key)) known.set(key, one);
  }
  return [...known.values()];
}

/**
 * Makes one of those that ask all the same but for the value of one field: that is then one of a list. A lookup in facts
 * gives one way for each of its keys, two lookups one for each pair of keys.
 */
function inLists(members: readonly Condition[]): Condition[] {
  let ways = members.map(partsOf);
  const fields = new Set(ways.flat().flatMap((one) => (isValue(one) ? [one.field] : [])));
  for (const field of fields) {
    const known = new Map<string, { rest: Condition[]; values: Set<Scalar> }>();
    const next: ({ rest: Condition[]; values: Set<Scalar> } | Condition[])[] = [];
    for (const way of ways) {
      const [test, ...more] = way.filter((one): one is Test => isValue(one) && one.field === field);
      if (test === undefined || more.length > 0) {
        next.push(way);
        continue;
      }
      const rest = way.filter((one) => one !== test);
      const key = JSON.stringify(rest);
      let group = known.get(key);
      if (group === undefined) {
        known.set(key, (group = { rest, values: new Set() }));
        next.push(group);
      }
      for (const value of valuesOf(test)) group.values.add(value);
    }
    ways = next.map((one) => (Array.isArray(one) ? one : [...one.rest, listed(field, [...one.values])]));
  }
  return ways.map((way) => wrap("and", way));
}

/** Puts what all ask before what they differ in. */
function factored(members: readonly Condition[]): Condition {
  if (members.length < 2) return wrap("or", members);
  const [first, ...others] = members.map(
    (one) => new Map(partsOf(one).map((part) => [JSON.stringify(part), part])),
  );
  if (first === undefined) return never;
  const common = [...first].filter(([key]) => others.every((one) => one.has(key)));
  if (common.length === 0) return wrap("or", members);
  const rests = [first, ...others].map((one) => {
    for (const [key] of common) one.delete(key);
    return wrap("and", [...one.values()]);
  });
  return all([...common.map(([, part]) => part), any(rests)]);
}

function partsOf(one: Condition): Condition[] {
  return one.type === "compound" && one.operator === "and" ? [...one.value] : [one];
}

function isValue(one: Condition): one is Test {
  return isTest(one) && (one.operator === "eq" || one.operator === "in");
}

function valuesOf({ value }: Test): readonly Scalar[] {
  return typeof value === "object" ? value : [value];
}

function listed(field: string, values: readonly Scalar[]): Condition {
  const [only] = values;
  if (only !== undefined && values.length === 1) return { type: "field", operator: "eq", field, value: only };
  const out: Condition[] = [];
  for (let from = 0; from < values.length; from += conditionLimits.listed) {
    const value = values.slice(from, from + conditionLimits.listed);
    out.push({ type: "field", operator: "in", field, value });
  }
  return wrap("or", out);
}
