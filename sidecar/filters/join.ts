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
  if (members.length > few) return [...new Map(members.map((one) => [JSON.stringify(one), one])).values()];
  return members.filter((one, i) => !members.slice(0, i).some((other) => same(one, other)));
}

interface Group {
  readonly rest: readonly Condition[];
  readonly values: Set<Scalar>;
}

/**
 * Makes one of those that ask all the same but for the value of one field: that is then one of a list. A lookup in facts
 * gives one way for each of its keys, two lookups one for each pair of keys.
 */
function inLists(members: readonly Condition[]): Condition[] {
  let ways = members.map(partsOf);
  const times = new Map<string, number>();
  for (const way of ways)
    for (const one of way) if (isValue(one)) times.set(one.field, (times.get(one.field) ?? 0) + 1);
  for (const [field, count] of times) {
    if (count < 2) continue;
    const groupOf = createGroups();
    const next: (Group | readonly Condition[])[] = [];
    for (const way of ways) {
      const tests = way.filter((one): one is Test => isValue(one) && one.field === field);
      const [test] = tests;
      if (test === undefined || tests.length > 1) {
        next.push(way);
        continue;
      }
      const { group, fresh } = groupOf(way.filter((one) => one !== test));
      if (fresh) next.push(group);
      for (const value of valuesOf(test)) group.values.add(value);
    }
    ways = next.map((one) =>
      "values" in one && "rest" in one ? [...one.rest, listed(field, [...one.values])] : one,
    );
  }
  return ways.map((way) => wrap("and", way));
}

/** Finds the group of those that ask the same. */
function createGroups(): (rest: readonly Condition[]) => { group: Group; fresh: boolean } {
  const groups: Group[] = [];
  const byText = new Map<string, Group>();
  return (rest) => {
    const text = groups.length > few ? JSON.stringify(rest) : undefined;
    const known =
      text === undefined
        ? groups.find((one) => sameAll(one.rest, rest))
        : (byText.get(text) ?? groups.slice(0, few + 1).find((one) => sameAll(one.rest, rest)));
    if (known !== undefined) return { group: known, fresh: false };
    const group = { rest, values: new Set<Scalar>() };
    groups.push(group);
    if (text !== undefined) byText.set(text, group);
    return { group, fresh: true };
  };
}

/** Puts what all ask before what they differ in. */
function factored(members: readonly Condition[]): Condition {
  const ways = members.map(partsOf);
  const [first, ...others] = ways;
  if (first === undefined) return never;
  const inOthers = others.map(finder);
  const common = first.filter((part) => inOthers.every((has) => has(part)));
  if (common.length === 0 || others.length === 0) return wrap("or", members);
  const isCommon = finder(common);
  return all([
    ...common,
    any(
      ways.map((way) =>
        wrap(
          "and",
          way.filter((part) => !isCommon(part)),
        ),
      ),
    ),
  ]);
}

/** So many are compared one by one; of more, their texts. */
const few = 16;

function finder(parts: readonly Condition[]): (one: Condition) => boolean {
  if (parts.length <= few) return (one) => parts.some((part) => same(part, one));
  const texts = new Set(parts.map((part) => JSON.stringify(part)));
  return (one) => texts.has(JSON.stringify(one));
}

function same(a: Condition, b: Condition): boolean {
  if (a === b) return true;
  if (a.type === "field")
    return (
      b.type === "field" && a.operator === b.operator && a.field === b.field && sameValue(a.value, b.value)
    );
  return b.type === "compound" && a.operator === b.operator && sameAll(a.value, b.value);
}

function sameAll(a: readonly Condition[], b: readonly Condition[]): boolean {
  return a.length === b.length && a.every((one, i) => same(one, b[i] ?? never));
}

function sameValue(a: Test["value"], b: Test["value"]): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

function partsOf(one: Condition): readonly Condition[] {
  return one.type === "compound" && one.operator === "and" ? one.value : [one];
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
