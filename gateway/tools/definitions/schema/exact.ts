/** Keywords that compare values: judged on what was sent, by its own digits, not on the nearest double. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../../sidecar/contract.js";
import { canonical } from "../canonical.js";
import type { Decimal } from "./decimal.js";
import { compare, decimalOf, isMultiple } from "./decimal.js";

/** Members of a schema, as they came. */
export type Exact = Readonly<Record<string, Json>>;

/** Gives the first keyword that a value fails. */
export type CheckExact = (value: Json) => string | undefined;

type Check = (value: Json) => boolean;

const bounds: Readonly<Record<string, (order: number) => boolean>> = {
  maximum: (order) => order <= 0,
  exclusiveMaximum: (order) => order < 0,
  minimum: (order) => order >= 0,
  exclusiveMinimum: (order) => order > 0,
};

export const exactKeywords: ReadonlySet<string> = new Set([
  ...Object.keys(bounds),
  "multipleOf",
  "const",
  "enum",
  "uniqueItems",
]);

export function createExact(exact: Exact): CheckExact {
  const checks = Object.keys(exact).map((keyword): [string, Check] => [
    keyword,
    checkOf(keyword, exact[keyword] ?? null),
  ]);
  return (value) => checks.find(([, check]) => !check(value))?.[0];
}

function checkOf(keyword: string, given: Json): Check {
  const bound = bounds[keyword];
  if (bound !== undefined) {
    const limit = digitsOf(given);
    const near = safe(given);
    return (value) => {
      if (!isNumber(value)) return true;
      const small = safe(value);
      return bound(
        near !== undefined && small !== undefined ? small - near : compare(digitsOf(value), limit),
      );
    };
  }
  if (keyword === "multipleOf") {
    const step = digitsOf(given);
    return (value) => !isNumber(value) || isMultiple(digitsOf(value), step);
  }
  if (keyword === "uniqueItems") {
    return (value) =>
      given !== true || !Array.isArray(value) || new Set(value.map(canonical)).size === value.length;
  }
  const values = keyword === "enum" ? (given as Json[]) : [given];
  const texts = new Set(values.filter((one) => typeof one === "string"));
  const others = new Set(values.filter((one) => typeof one !== "string").map(canonical));
  return (value) =>
    typeof value === "string" ? texts.has(value) : others.size > 0 && others.has(canonical(value));
}

const isNumber = (value: Json): value is number | JsonNumber =>
  typeof value === "number" || value instanceof JsonNumber;

/** A number that a double holds without doubt. */
function safe(value: Json): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

function digitsOf(value: Json): Decimal {
  return decimalOf(value instanceof JsonNumber ? value.text : String(value));
}

/** What a validator is given of a value: every number a double. */
export interface Plain {
  readonly value: unknown;
  /** What a part that was changed was before. */
  readonly before: WeakMap<object, Json>;
  /** How much there is to check: members, items, and characters by the hundred. */
  readonly count: number;
}

/** Why a value can't be judged: a place, and what is wrong there. */
export class Unjudged extends Error {
  override readonly name = "Unjudged";
  constructor(
    readonly path: readonly (string | number)[],
    readonly keyword: string,
  ) {
    super("not to be judged");
  }
}

const mostDigits = 1_100;

/**
 * Makes the plain copy; what needs none stays itself.
 * @throws Unjudged at a member `__proto__`, and at a number that isn't near any double: past a double's range, or whole as
 *   a double only
 */
export function plainOf(value: Json): Plain {
  const before = new WeakMap<object, Json>();
  const path: (string | number)[] = [];
  let count = 0;
  const walk = (one: Json): unknown => {
    count += typeof one === "string" ? 1 + one.length / 100 : 1;
    if (one instanceof JsonNumber) return plainNumber(one, path);
    if (Array.isArray(one)) {
      let changed = false;
      const items = one.map((item, i) => {
        path.push(i);
        const plain = walk(item);
        path.pop();
        changed ||= plain !== item;
        return plain;
      });
      if (!changed) return one;
      before.set(items, one);
      return items;
    }
    if (!isObject(one)) return one;
    const out = Object.create(null) as Record<string, unknown>;
    let changed = false;
    for (const key of Object.keys(one)) {
      // INVARIANT: generated code can't see it, so it would be sent unjudged
      if (key === "__proto__") throw new Unjudged(path, "__proto__");
      const member = one[key];
      if (member === undefined) continue;
      path.push(key);
      const plain = walk(member);
      path.pop();
      changed ||= plain !== member;
      out[key] = plain;
    }
    if (!changed) return one;
    before.set(out, one);
    return out;
  };
  return { value: walk(value), before, count };
}

/** Gives the double that stands for a number. @throws Unjudged where none does */
export function plainNumber(number: JsonNumber, path: readonly (string | number)[]): number {
  const near = number.valueOf();
  const { digits, exponent } = decimalOf(number.text);
  const lost =
    !Number.isFinite(near) ||
    digits.length > mostDigits ||
    (near === 0 && digits !== "") ||
    (exponent < 0 && Number.isInteger(near));
  if (lost) throw new Unjudged(path, "number");
  return near === 0 ? 0 : near;
}
