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

/** One of them holds. */
export function any(members: readonly Condition[]): Condition {
  const flat = flatten("or", members);
  if (flat.some(isAlways)) return always;
  return wrap("or", once(inLists(flat)));
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

/** Of several values of one field, a list; where the first of them stood. */
function inLists(members: readonly Condition[]): Condition[] {
  const lists = new Map<string, Set<Scalar>>();
  const out: (Condition | string)[] = [];
  for (const one of members) {
    if (!isTest(one) || (one.operator !== "eq" && one.operator !== "in")) {
      out.push(one);
      continue;
    }
    const values: readonly Scalar[] = typeof one.value === "object" ? one.value : [one.value];
    let known = lists.get(one.field);
    if (known === undefined) {
      lists.set(one.field, (known = new Set()));
      out.push(one.field);
    }
    for (const value of values) known.add(value);
  }
  return out.flatMap((one) => (typeof one === "string" ? listed(one, [...(lists.get(one) ?? [])]) : [one]));
}

function listed(field: string, values: readonly Scalar[]): Condition[] {
  const [only] = values;
  if (only !== undefined && values.length === 1)
    return [{ type: "field", operator: "eq", field, value: only }];
  const out: Condition[] = [];
  for (let from = 0; from < values.length; from += conditionLimits.listed) {
    out.push({
      type: "field",
      operator: "in",
      field,
      value: values.slice(from, from + conditionLimits.listed),
    });
  }
  return out;
}
