/**
 * Says conditions in Weaviate's filters. What it means (Weaviate documentation, "Filters"; the server's inverted index,
 * `row_reader_roaring_set.go`, where it doesn't say):
 * - `Equal`, the bounds and `Like` find what has the property; `NotEqual` finds all others, what lacks the property too
 * - texts are compared as they are taken apart ("Tokenization"): in words, any order, any letters; with `field` as a whole
 *   without the white space around it
 * - dates are kept to the nanosecond, policy reads them to the millisecond
 * - `IsNull` works only where it is indexed, and takes empty lists for null: it isn't used
 */
import type { Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import type { PropertyType, Schema } from "./settings.js";
import type { LeafOperator, ValueMember, Where } from "./where.js";
import { joined } from "./where.js";

interface Said {
  readonly filter: Where;
  readonly exact: boolean;
}

export function languageOf({ properties }: Schema): Language<Where> {
  return {
    leaf(leaf) {
      const [name = "", ...deeper] = leaf.field.path;
      const type = properties.get(name);
      return type === undefined || deeper.length > 0 ? undefined : sayLeaf(name, type, leaf);
    },
    and: (filters) => joined("And", filters),
    or: (filters) => joined("Or", filters),
  };
}

function sayLeaf(name: string, type: PropertyType, leaf: Leaf): Said | undefined {
  switch (leaf.field.type) {
    case "string":
      return isText(type) || type === "uuid" ? sayText(name, type, leaf) : undefined;
    case "strings":
      return type === "text_field[]" || type === "keyword[]" ? sayTexts(name, type, leaf) : undefined;
    case "number":
      return type === "int" || type === "number" ? sayNumber(name, type, leaf) : undefined;
    case "boolean":
      return type === "boolean" ? sayBoolean(name, leaf) : undefined;
    case "time":
      return sayTime(name, type, leaf);
  }
}

function isText(type: PropertyType): boolean {
  return type === "text_field" || type === "keyword";
}

function test(operator: LeafOperator, name: string, member: ValueMember, value: Scalar): Where {
  return { operator, path: [name], member, value };
}

function sayText(name: string, type: PropertyType, { operator, value, negated }: Leaf): Said | undefined {
  const exact = type !== "text_field";
  // a uuid is written in small letters, whatever it was stored as
  const canBe = (one: Scalar): boolean =>
    typeof one === "string" && one !== "" && one === one.trim() && (type !== "uuid" || isUuid(one));
  const listed = typeof value === "object" ? value : [value];
  if (!listed.every(canBe)) return undefined;
  const each = (of: LeafOperator): Where[] => listed.map((one) => test(of, name, "valueText", one));
  switch (operator) {
    case "eq":
    case "in":
      // a text with white space around it would be left out with the one that it is compared as
      if (negated) return exact ? { filter: joined("And", each("NotEqual")), exact } : undefined;
      return { filter: joined("Or", each("Equal")), exact };
    case "ne":
    case "nin":
      if (negated) return undefined;
      // what lacks the property is found as well
      return exact ? { filter: joined("And", each("NotEqual")), exact: false } : undefined;
    case "startswith":
    case "contains":
    case "endswith": {
      if (negated || type === "uuid" || typeof value !== "string") return undefined;
      // `*` and `?` in the text stand for themselves too; letters' case may be left out of account
      const pattern = `${operator === "startswith" ? "" : "*"}${value}${operator === "endswith" ? "" : "*"}`;
      return { filter: test("Like", name, "valueText", pattern), exact: false };
    }
    default:
      return undefined;
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return uuid.test(text);
}

function sayTexts(name: string, type: PropertyType, { operator, value, negated }: Leaf): Said | undefined {
  if (operator !== "contains" || typeof value !== "string" || value === "" || value !== value.trim())
    return undefined;
  const exact = type === "keyword[]";
  if (!negated) return { filter: test("Equal", name, "valueText", value), exact };
  return exact ? { filter: test("NotEqual", name, "valueText", value), exact } : undefined;
}

const bounds = { lt: "LessThan", le: "LessThanEqual", gt: "GreaterThan", ge: "GreaterThanEqual" } as const;

function sayNumber(
  name: string,
  type: "int" | "number",
  { operator, value, negated }: Leaf,
): Said | undefined {
  const member = type === "int" ? "valueInt" : "valueNumber";
  const listed = typeof value === "object" ? value : [value];
  const most = Number.MAX_SAFE_INTEGER;
  // whole numbers beyond are missing for policy
  const within = [test("GreaterThanEqual", name, member, -most), test("LessThanEqual", name, member, most)];
  if (operator === "exists")
    return (value === true) === !negated ? { filter: joined("And", within), exact: true } : undefined;
  const fits = (one: Scalar): boolean =>
    typeof one === "number" && (Number.isSafeInteger(one) || (type === "number" && !Number.isInteger(one)));
  if (!listed.every(fits)) return undefined;
  const each = (of: LeafOperator): Where[] => listed.map((one) => test(of, name, member, one));
  switch (operator) {
    case "eq":
    case "in":
      return negated
        ? { filter: joined("And", each("NotEqual")), exact: true }
        : { filter: joined("Or", each("Equal")), exact: true };
    case "ne":
    case "nin":
      return negated ? undefined : { filter: joined("And", [...within, ...each("NotEqual")]), exact: true };
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return negated
        ? undefined
        : { filter: joined("And", [...within, ...each(bounds[operator])]), exact: true };
    default:
      return undefined;
  }
}

function sayBoolean(name: string, { operator, value, negated }: Leaf): Said | undefined {
  const is = (of: LeafOperator, one: boolean): Where => test(of, name, "valueBoolean", one);
  const either: Said = { filter: joined("Or", [is("Equal", true), is("Equal", false)]), exact: true };
  const none: Said = { filter: joined("And", [is("NotEqual", true), is("NotEqual", false)]), exact: true };
  if (operator === "exists") return (value === true) === !negated ? either : none;
  if (typeof value !== "boolean") return undefined;
  if (operator === "eq") return { filter: is(negated ? "NotEqual" : "Equal", value), exact: true };
  if (operator === "ne") return { filter: is(negated ? "NotEqual" : "Equal", !value), exact: true };
  return undefined;
}

/** A date is a number of nanoseconds to the index: years that this can't hold aren't said. */
const years = { from: Date.UTC(1700, 0) / 1_000, to: Date.UTC(2200, 0) / 1_000 } as const;

function sayTime(name: string, type: PropertyType, leaf: Leaf): Said | undefined {
  const { field, operator, value, negated } = leaf;
  if (type === "int" || type === "number") {
    // milliseconds are divided before they are compared
    if (field.form !== "epoch_s") return undefined;
    return sayNumber(name, type, leaf);
  }
  if (type !== "date" || negated || (field.form ?? "rfc3339") !== "rfc3339" || typeof value !== "number")
    return undefined;
  const ms = Math.round(value * 1_000);
  if (ms / 1_000 !== value || value < years.from || value > years.to) return undefined;
  const at = (of: LeafOperator, when: number): Where =>
    test(of, name, "valueDate", new Date(when).toISOString());
  switch (operator) {
    case "eq":
      return { filter: joined("And", [at("GreaterThanEqual", ms), at("LessThan", ms + 1)]), exact: true };
    case "lt":
      return { filter: at("LessThan", ms), exact: true };
    case "le":
      return { filter: at("LessThan", ms + 1), exact: true };
    case "gt":
      return { filter: at("GreaterThanEqual", ms + 1), exact: true };
    case "ge":
      return { filter: at("GreaterThanEqual", ms), exact: true };
    default:
      return undefined;
  }
}
