/** Conditions on numbers and times, by how an index holds them ("Numeric field types", "Date field type" of both). */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { JsonNumber } from "../../../../sidecar/contract.js";
import type { Leaf } from "../../conditions/compile.js";
import type { Said } from "./language.js";
import { and, exists, not, or } from "./language.js";
import type { FieldMapping } from "./settings.js";

/** Below which, and from whose negative, numbers of each whole type are. */
export const whole: Readonly<Record<string, number>> = {
  ...{ byte: 2 ** 7, short: 2 ** 15, integer: 2 ** 31, long: 2 ** 63 },
};
const lossy: ReadonlySet<string> = new Set(["float", "half_float"]);
const below = new JsonNumber("-0.0");
const above = new JsonNumber("0.0");

type Bound = "lt" | "lte" | "gt" | "gte";
const boundOf: Readonly<Record<string, Bound>> = { lt: "lt", le: "lte", gt: "gt", ge: "gte" };

/** How one kind of number is compared. */
interface Numbers {
  /** @returns undefined where that can't be said */
  equal(value: number): Said | undefined;
  bound(bound: Bound, value: number): Said | undefined;
  /** Whether what isn't equal can be told from what is. */
  readonly apart: boolean;
}

export function numberLeaf(leaf: Leaf, mapped: FieldMapping): Said | undefined {
  const numbers = numbersOf(mapped);
  return numbers === undefined ? undefined : compare(leaf, mapped, numbers);
}

function numbersOf({ type, field, uniform }: FieldMapping): Numbers | undefined {
  const range = (said: JsonObject): JsonObject => ({ range: { [field]: said } });
  const limit = whole[type];
  if (limit !== undefined) {
    const fits = (value: number): boolean => value >= -limit && value < limit;
    return {
      // 5.7 is indexed as 5 unless `coerce` is off, which a uniform field's values don't need
      apart: uniform,
      equal: (value) =>
        fits(value)
          ? { filter: { term: { [field]: Math.trunc(value) + 0 } }, exact: Number.isInteger(value) }
          : undefined,
      bound(bound, value) {
        if (!fits(value)) return undefined;
        const upper = bound === "lt" || bound === "lte";
        if (!uniform)
          return { filter: range({ [upper ? "lte" : "gte"]: Math.trunc(value) + 0 }), exact: false };
        if (Number.isInteger(value)) return { filter: range({ [bound]: value }), exact: true };
        return { filter: range(upper ? { lte: Math.floor(value) } : { gte: Math.ceil(value) }), exact: true };
      },
    };
  }
  if (type !== "double" && !lossy.has(type)) return undefined;
  const rounds = lossy.has(type);
  return {
    apart: !rounds,
    // -0.0 is another point than 0.0, and the same number
    equal: (value) => ({
      filter: value === 0 ? range({ gte: below, lte: above }) : { term: { [field]: value } },
      exact: !rounds,
    }),
    bound(bound, value) {
      const upper = bound === "lt" || bound === "lte";
      const used: Bound = rounds ? (upper ? "lte" : "gte") : bound;
      const zero = used === "lt" || used === "gte" ? below : above;
      return { filter: range({ [used]: value === 0 ? zero : value }), exact: !rounds };
    },
  };
}

function compare(
  { operator, value }: Leaf,
  { field, uniform, ignoreMalformed }: FieldMapping,
  numbers: Numbers,
) {
  const there: Said | undefined =
    uniform || !ignoreMalformed ? { filter: exists(field), exact: true } : undefined;
  if (operator === "exists") return there;
  const bound = boundOf[operator];
  if (bound !== undefined) return typeof value === "number" ? numbers.bound(bound, value) : undefined;
  const listed = typeof value === "object" ? value : [value];
  const said = listed.map((one) => (typeof one === "number" ? numbers.equal(one) : undefined));
  const known = said.filter((one) => one !== undefined);
  if (known.length < listed.length || known.length === 0) return undefined;
  const [first] = known;
  const any =
    known.length === 1 && first !== undefined ? first.filter : or(known.map(({ filter }) => filter));
  const exact = known.every((one) => one.exact);
  if (operator === "eq" || operator === "in") return { filter: any, exact };
  if (operator !== "ne" && operator !== "nin") return undefined;
  if (!numbers.apart || !exact) return there && { ...there, exact: false };
  return { filter: uniform ? and([exists(field), not(any)]) : not(any), exact: true };
}

/** Times are seconds to policy; an index holds milliseconds, or what the document's number says. */
export function timeLeaf(leaf: Leaf, mapped: FieldMapping): Said | undefined {
  const { type, field, uniform } = mapped;
  const { form = "rfc3339" } = leaf.field;
  const dated = type === "date" || type === "date_nanos";
  if (!dated && form === "rfc3339") return undefined;
  if (!dated && form === "epoch_s") return numberLeaf(leaf, mapped);
  const sharp = dated ? form === "rfc3339" : uniform && whole[type] !== undefined;
  if (!dated && numbersOf(mapped) === undefined) return undefined;
  const range = (said: Record<string, Json>): JsonObject => ({
    range: { [field]: dated ? { ...said, format: "epoch_millis" } : said },
  });
  const within = (from: number | undefined, to: number | undefined, exact: boolean): Said | undefined => {
    if ((from ?? 0) < 0 || (to ?? 0) < 0) return undefined;
    // of a date that is written as a number, four digits are a year to the store
    if (dated && form !== "rfc3339" && from !== undefined && from < 10_000) return undefined;
    const said = { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) };
    return { filter: range(said), exact };
  };
  // [from, to): what is written more finely than milliseconds is in the millisecond that it begins with
  const millisecond = (value: number): readonly [from: number, to: number, exact: boolean] => {
    const near = Math.round(value * 1_000);
    return sharp && near / 1_000 === value ? [near, near + 1, true] : [near - 2, near + 3, false];
  };
  return compare(leaf, mapped, {
    apart: sharp,
    equal(value) {
      const [from, to, exact] = millisecond(value);
      return within(from, to, exact);
    },
    bound(bound, value) {
      const [from, to, exact] = millisecond(value);
      switch (bound) {
        case "lt":
          return within(undefined, exact ? from : to, exact);
        case "lte":
          return within(undefined, to, exact);
        case "gt":
          return within(exact ? to : from, undefined, exact);
        case "gte":
          return within(from, undefined, exact);
      }
    },
  });
}
