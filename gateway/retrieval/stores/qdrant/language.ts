/**
 * Conditions in Qdrant's filter language, by its documentation ("Filtering") and its server's own checker
 * (lib/segment/src/payload_storage/condition_checker.rs and query_checker.rs):
 * - of a list, one element that matches is enough; nothing matches null or what is missing
 * - `match` and `range` know types: "5" is not 5, true is not "true"; a range takes whole numbers and others
 * - `must_not` is the complement, so that it holds where the field is missing
 * - `key[]` leads to a list's elements and nowhere else: it is empty (`is_empty`) just where the field holds no list
 *   with anything but null in it. With it a test holds of single values only, as conditions have it.
 */
import type { JsonObject, Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import type { FieldConfig } from "../../document.js";
import { writePath } from "./json-path.js";

/** @param guarded whether a test may ask `key[]`, which has no index of its own (see docs/gateway-retrieval-qdrant.md) */
export function qdrantLanguage(guarded: boolean): Language<JsonObject> {
  return {
    and: (filters) => ({ must: [...filters] }),
    or: (filters) => ({ should: [...filters] }),
    leaf(leaf) {
      const key = writePath(leaf.field.path);
      if (key === undefined) return undefined;
      const said = say(leaf, key, guarded);
      if (said === undefined || !leaf.negated) return said;
      // the complement of what is wider would be narrower
      return said.exact ? { filter: { must_not: [said.filter] }, exact: true } : undefined;
    },
  };
}

interface Said {
  readonly filter: JsonObject;
  readonly exact: boolean;
}

function say(leaf: Leaf, key: string, guarded: boolean): Said | undefined {
  const { field, operator, value } = leaf;
  if (field.type === "strings") {
    if (operator !== "contains" || typeof value !== "string") return undefined;
    return sayListed(key, value, guarded);
  }
  const tests = single(leaf, key);
  if (tests === undefined) {
    // a field that is there at all: wider than any test of it
    const asks = operator === "exists" ? value === true : true;
    return asks ? { filter: { must_not: [{ is_empty: { key } }] }, exact: false } : undefined;
  }
  // none: what never holds, said without an empty list
  const any = tests.any.length > 0 ? tests.any : [{ must: [noList(key)], must_not: [noList(key)] }];
  const [only] = any;
  const test: JsonObject = any.length === 1 && only !== undefined ? only : { should: [...any] };
  if (operator === "exists" && value === false) {
    return guarded && tests.exact
      ? { filter: { must_not: [{ must: [test, noList(key)] }] }, exact: true }
      : undefined;
  }
  return guarded
    ? { filter: { must: [test, noList(key)] }, exact: tests.exact }
    : { filter: test, exact: false };
}

/** Holds where the field holds no list in which a test could find something. */
function noList(key: string): JsonObject {
  return { is_empty: { key: `${key}[]` } };
}

/** A list of texts that has this one. */
function sayListed(key: string, value: string, guarded: boolean): Said {
  const match = { value };
  if (!guarded) return { filter: { key, match }, exact: false };
  const each = `${key}[]`;
  return {
    exact: true,
    filter: {
      // the first has an index, the second leaves out a single text
      must: [
        { key, match },
        { key: each, match },
      ],
      // a list that holds anything but texts is none
      must_not: [
        { key: each, range: numbers },
        { key: each, match: { value: true } },
        { key: each, match: { value: false } },
        { key: each, values_count: { lt: 1 } },
        { must_not: [{ is_empty: { key: `${each}[]` } }] },
        { nested: { key, filter: {} } },
      ],
    },
  };
}

const numbers = { gte: -Number.MAX_VALUE, lte: Number.MAX_VALUE };
/** Beyond it a whole number counts as missing, for it would be equal to its neighbours. */
const most = Number.MAX_SAFE_INTEGER;

/** Tests of which one must hold of a single value. Undefined: no test says it. */
function single(
  { field, operator, value }: Leaf,
  key: string,
): { readonly any: readonly JsonObject[]; readonly exact: boolean } | undefined {
  const values: readonly Scalar[] = typeof value === "object" ? value : [value];
  switch (field.type) {
    case "string": {
      const texts = values.filter((one) => typeof one === "string");
      if (operator === "eq")
        return { any: texts.map((one) => ({ key, match: { value: one } })), exact: true };
      if (operator === "in") return { any: [{ key, match: { any: texts } }], exact: true };
      return undefined;
    }
    case "boolean": {
      const truths = [true, false].filter((one) => {
        if (operator === "exists") return true;
        if (operator === "eq" || operator === "in") return values.includes(one);
        return (operator === "ne" || operator === "nin") && !values.includes(one);
      });
      return { any: truths.map((one) => ({ key, match: { value: one } })), exact: true };
    }
    case "number":
    case "time": {
      const asked = intervals(
        operator,
        values.filter((one) => typeof one === "number"),
      );
      return asked === undefined ? undefined : ranges(asked, field, key);
    }
    default:
      return undefined;
  }
}

/** From, to; with or without the bound itself. */
interface Interval {
  readonly from: number;
  readonly to: number;
  readonly open: "none" | "from" | "to" | "both";
}

/** Says a test of numbers as intervals. */
function intervals(operator: Leaf["operator"], values: readonly number[]): readonly Interval[] | undefined {
  const [first = 0] = values;
  switch (operator) {
    case "exists":
      return [{ from: -Infinity, to: Infinity, open: "both" }];
    case "eq":
    case "in":
      return values.map((one) => ({ from: one, to: one, open: "none" }));
    case "ne":
    case "nin": {
      const sorted = [...new Set(values)].sort((a, b) => a - b);
      return [-Infinity, ...sorted].map((from, i) => ({ from, to: sorted[i] ?? Infinity, open: "both" }));
    }
    case "lt":
      return [{ from: -Infinity, to: first, open: "both" }];
    case "le":
      return [{ from: -Infinity, to: first, open: "from" }];
    case "gt":
      return [{ from: first, to: Infinity, open: "both" }];
    case "ge":
      return [{ from: first, to: Infinity, open: "to" }];
    default:
      return undefined;
  }
}

function ranges(
  asked: readonly Interval[],
  { type, form = "rfc3339" }: FieldConfig,
  key: string,
): { readonly any: readonly JsonObject[]; readonly exact: boolean } | undefined {
  if (type === "time" && form === "rfc3339") return times(asked, key);
  let exact = true;
  const any = asked.map(({ from, to, open }): JsonObject => {
    const [low, high] = [scaled(from, type, form), scaled(to, type, form)];
    exact &&= low.exact && high.exact;
    // a bound that isn't certain is widened, and taken in
    const range: JsonObject = {};
    if (low.value < -most) range["gte"] = -most;
    else
      range[low.exact && (open === "from" || open === "both") ? "gt" : "gte"] = low.exact
        ? low.value
        : Math.floor(low.value) - 1;
    if (high.value > most) range["lte"] = most;
    else
      range[high.exact && (open === "to" || open === "both") ? "lt" : "lte"] = high.exact
        ? high.value
        : Math.ceil(high.value) + 1;
    return { key, range };
  });
  return { any, exact };
}

/** A number as the store has it; `exact`: comparing there is comparing here. */
function scaled(value: number, type: FieldConfig["type"], form: string): { value: number; exact: boolean } {
  if (type === "number" || form === "epoch_s" || !Number.isFinite(value)) return { value, exact: true };
  const ms = Math.round(value * 1_000);
  return ms / 1_000 === value && Number.isSafeInteger(ms)
    ? { value: ms, exact: true }
    : { value: value * 1_000, exact: false };
}

/** What RFC 3339 can say: four digits of a year. */
const [firstMs, lastMs] = [Date.parse("0000-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];

/**
 * A stored time counts by whole milliseconds here, by microseconds there: bounds are said so that both mean the same.
 * The store also reads times without a zone, and dates: wider, never narrower.
 */
function times(
  asked: readonly Interval[],
  key: string,
): { readonly any: readonly JsonObject[]; readonly exact: boolean } | undefined {
  const any = asked.map(({ from, to, open }): JsonObject | undefined => {
    const range: JsonObject = {};
    // the first millisecond that counts, and the first that counts no more
    const first = from === -Infinity ? firstMs : millisecond(from, open === "from" || open === "both");
    const after = to === Infinity ? lastMs + 1 : millisecond(to, open === "none" || open === "from");
    if (first > lastMs || after <= firstMs || after <= first) return undefined;
    if (first > firstMs) range["gte"] = new Date(first).toISOString();
    if (after <= lastMs) range["lt"] = new Date(after).toISOString();
    // one bound there must be: what is no time at all is left out by it
    if (Object.keys(range).length === 0) range["lte"] = "9999-12-31T23:59:59.999999Z";
    return { key, range };
  });
  const said = any.filter((one) => one !== undefined);
  // none: a time that can't be stored; whatever is there is wider
  return said.length === 0 ? undefined : { any: said, exact: false };
}

/** The first millisecond at (or, `past`, after) a time in seconds, as whole milliseconds over 1,000 compare with it. */
function millisecond(seconds: number, past: boolean): number {
  if (seconds * 1_000 > lastMs) return lastMs + 1;
  if (seconds * 1_000 < firstMs) return firstMs;
  let ms = Math.ceil(seconds * 1_000);
  const counts = (one: number): boolean => (past ? one / 1_000 > seconds : one / 1_000 >= seconds);
  while (counts(ms - 1)) ms--;
  while (!counts(ms)) ms++;
  return ms;
}
