/**
 * Conditions in Chroma's `where`. What its operators do was tried with a Chroma 1.5.9 server of one node (what is stored
 * against what is asked; test/gateway/retrieval/stores/chroma/semantics.test.ts repeats it):
 *
 * | stored under the key | `$eq`, `$in` | `$ne`, `$nin` | `$lt` … `$gte` | `$contains` | `$not_contains` |
 * |---|---|---|---|---|---|
 * | nothing (null, `[]` and `{}` aren't stored) | no | **yes** | no | no | **yes** |
 * | a value of another type (`"5"` for `5`, `true` for `1`) | no | **yes** | no | no | **yes** |
 * | a list of one type (others aren't stored) | no | **yes** | no | by its elements | by its elements |
 * | a text | equal, by code points | else | refused: numbers only | no | yes |
 * | a whole number or a fraction, asked for a whole number | by value | else | by value | no | yes |
 * | a whole number, asked for a fraction | **as if the fraction were cut off**: 5 is `$eq: 5.5` | 5 isn't `$ne: 5.5` | 5 isn't `$lt: 5.5` | no | yes |
 *
 * So there is no saying that a text is there; of numbers and truth values there is, by their range. A fraction is asked for
 * together with the whole numbers beside it, which holds whether or not a server cuts fractions off.
 */
import type { JsonObject, Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import { numbers } from "./numbers.js";

export type Said = { readonly filter: JsonObject; readonly exact: boolean } | undefined;

const exactly = (filter: JsonObject): Said => ({ filter, exact: true });
/** Holds also where nothing, or another type, is stored. */
const wider = (filter: JsonObject): Said => ({ filter, exact: false });

export const all = (filters: readonly JsonObject[]): JsonObject => {
  const [first] = filters;
  return filters.length === 1 && first !== undefined ? first : { $and: [...filters] };
};
export const any = (filters: readonly JsonObject[]): JsonObject => {
  const [first] = filters;
  return filters.length === 1 && first !== undefined ? first : { $or: [...filters] };
};

export const language: Language<JsonObject> = {
  leaf: (leaf: Leaf) => {
    const [key, ...inner] = leaf.field.path;
    // metadata is flat, and these keys are the server's own
    if (key === undefined || inner.length > 0 || /^(?:\$|#|chroma:)/.test(key)) return undefined;
    switch (leaf.field.type) {
      case "string":
        return text(key, leaf);
      case "boolean":
        return truth(key, leaf);
      case "strings":
        return list(key, leaf);
      case "number":
        return number(key, leaf);
      case "time":
        return time(key, leaf);
    }
  },
  and: all,
  or: any,
};

function listed<T extends Scalar>(
  value: Leaf["value"],
  is: (one: Scalar) => one is T,
): readonly T[] | undefined {
  const values = typeof value === "object" ? value : [value];
  return values.length > 0 && values.every(is) ? (values as readonly T[]) : undefined;
}

const isText = (one: Scalar): one is string => typeof one === "string";
const isTruth = (one: Scalar): one is boolean => typeof one === "boolean";
const isNumber = (one: Scalar): one is number => typeof one === "number" && numbers.takes(one);

function text(key: string, { operator, value, negated }: Leaf): Said {
  const values = listed(value, isText);
  if (values === undefined) return undefined;
  const [first = ""] = values;
  switch (operator) {
    case "eq":
      return exactly({ [key]: { [negated ? "$ne" : "$eq"]: first } });
    case "in":
      return exactly({ [key]: { [negated ? "$nin" : "$in"]: [...values] } });
    case "ne":
      return negated ? undefined : wider({ [key]: { $ne: first } });
    case "nin":
      return negated ? undefined : wider({ [key]: { $nin: [...values] } });
    default:
      return undefined;
  }
}

function truth(key: string, { operator, value, negated }: Leaf): Said {
  if (operator === "exists")
    return exactly({ [key]: { [(value === true) === negated ? "$nin" : "$in"]: [true, false] } });
  const values = listed(value, isTruth);
  if (values === undefined) return undefined;
  const others = [true, false].filter((one) => !values.includes(one));
  const meant = operator === "eq" || operator === "in" ? values : others;
  if (!["eq", "ne", "in", "nin"].includes(operator) || meant.length === 0) return undefined;
  return exactly({ [key]: { [negated ? "$nin" : "$in"]: [...meant] } });
}

function list(key: string, { operator, value, negated }: Leaf): Said {
  if (operator !== "contains" || typeof value !== "string") return undefined;
  return exactly({ [key]: { [negated ? "$not_contains" : "$contains"]: value } });
}

function number(key: string, { operator, value, negated }: Leaf): Said {
  const say = numbers.of(key);
  if (operator === "exists") return (value === true) === negated ? undefined : exactly(say.there);
  const values = listed(value, isNumber);
  if (values === undefined) return undefined;
  const [first = 0] = values;
  switch (operator) {
    case "eq":
    case "in":
      return exactly(negated ? say.noneOf(values) : say.oneOf(values));
    case "ne":
    case "nin":
      // that it is missing, or one of these, can't be said
      return negated ? undefined : exactly(all([say.there, say.noneOf(values)]));
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return negated ? undefined : exactly(say[operator](first));
    default:
      return undefined;
  }
}

/** Seconds are numbers. Of milliseconds policy sees a thousandth, rounded: half a millisecond more is asked for. */
function time(key: string, leaf: Leaf): Said {
  const { operator, value, negated, field } = leaf;
  if (field.form === "epoch_s") return number(key, leaf);
  if (field.form !== "epoch_ms") return undefined;
  const say = numbers.of(key);
  if (operator === "exists") return number(key, leaf);
  const values = listed(value, isNumber)?.map((one) => one * 1_000);
  if (values === undefined || negated || values.some((one) => Math.abs(one) > 2 ** 50)) return undefined;
  const [first = 0] = values;
  switch (operator) {
    case "eq":
    case "in":
      return wider(any(values.map((one) => all([say.ge(one - 0.5), say.le(one + 0.5)]))));
    case "ne":
    case "nin":
      return wider(say.there);
    case "lt":
    case "le":
      return wider(say.le(first + 0.5));
    case "gt":
    case "ge":
      return wider(say.ge(first - 0.5));
    default:
      return undefined;
  }
}
