/** Reads what a filter's twin gives (sidecar/rego/toolchain/filter.go): a condition as nested lists. */
import type { Condition, Json, Scalar } from "../contract.js";
import { conditionLimits, isObject, never, parseCondition, plainNumber } from "../contract.js";
import { all, any, none } from "./join.js";

export type Derived =
  | { readonly kind: "derived"; readonly condition: Condition }
  /** `unsupported`: a value that no condition can hold, or nothing that a twin gives; `too_large`: more than a condition may be. */
  | { readonly kind: "unsupported" | "too_large" };

/** Ends the reading: what a condition can't say is never guessed at. */
class Unreadable extends Error {
  constructor(readonly kind: "unsupported" | "too_large") {
    super(kind);
  }
}

/** Reads a twin's result as a condition that is as short as it can be without loss. Never throws. */
export function conditionOf(value: Json | undefined): Derived {
  try {
    const condition = createReader()(value, 1);
    // INVARIANT: what goes out is what the enforcement point's parser takes
    return parseCondition(condition as unknown as Json) === undefined
      ? { kind: "too_large" }
      : { kind: "derived", condition };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: error.kind };
    throw error;
  }
}

/** Deepest nesting of a twin's lists: rules that call rules; what is left after joining may be less deep. */
const deepest = 64;
/** Most lists in all: joining them is quick, and what stands twice, or is one value more of a field, is gone then. */
const most = 16_384;

function createReader(): (value: Json | undefined, depth: number) => Condition {
  let lists = 0;
  const read = (value: Json | undefined, depth: number): Condition => {
    if (depth > deepest || ++lists > most) throw new Unreadable("too_large");
    if (!Array.isArray(value)) throw new Unreadable("unsupported");
    const [operator, first, second] = value;
    const size = value.length;
    switch (operator) {
      case "and":
      case "or": {
        if (size !== 2 || !Array.isArray(first)) throw new Unreadable("unsupported");
        const members = first.map((one) => read(one, depth + 1));
        return operator === "and" ? all(members) : any(members);
      }
      case "not":
        if (size !== 2) throw new Unreadable("unsupported");
        return none(read(first, depth + 1));
      case "is":
      case "exists":
        if (size !== 2 || typeof first !== "string") throw new Unreadable("unsupported");
        return operator === "is" ? truthy(first) : there(first);
      default:
        if (size !== 3 || typeof operator !== "string" || typeof first !== "string" || second === undefined)
          throw new Unreadable("unsupported");
        return readTest(operator, first, second);
    }
  };
  return read;
}

function readTest(operator: string, field: string, value: Json): Condition {
  switch (operator) {
    case "eq":
      return value === null ? never : { type: "field", operator, field, value: scalar(value) };
    case "ne":
      return value === null ? there(field) : { type: "field", operator, field, value: scalar(value) };
    case "lt":
    case "le":
    case "gt":
    case "ge": {
      // Rego's order: null is below everything
      if (value === null) return operator === "gt" || operator === "ge" ? there(field) : never;
      const ordered = scalar(value);
      if (typeof ordered === "boolean") throw new Unreadable("unsupported");
      return { type: "field", operator, field, value: ordered };
    }
    case "in":
      return oneOf(field, [...new Set(list(value).flatMap((one) => (one === null ? [] : [scalar(one)])))]);
    case "has":
      return element(field, [value]);
    case "any":
      return element(field, list(value));
    case "contains":
    case "startswith":
    case "endswith":
      if (typeof value !== "string") throw new Unreadable("unsupported");
      return { type: "field", operator, field, value };
    default:
      throw new Unreadable("unsupported");
  }
}

function oneOf(field: string, values: readonly Scalar[]): Condition {
  const [only] = values;
  if (only === undefined) return never;
  return values.length === 1
    ? { type: "field", operator: "eq", field, value: only }
    : { type: "field", operator: "in", field, value: values };
}

/** Defined and not false, as Rego has it of what stands alone. */
function truthy(field: string): Condition {
  return all([there(field), none({ type: "field", operator: "eq", field, value: false })]);
}

function there(field: string): Condition {
  return { type: "field", operator: "exists", field, value: true };
}

/**
 * One of the elements of a field that holds a list of texts.
 *
 * INVARIANT: of a field that holds a text, `contains` asks for a part of it, and Rego's `in` for nothing that could hold;
 * the second half keeps such a field out. Where the field is configured as a list it is always true, and the gateway drops it.
 */
function element(field: string, values: readonly Json[]): Condition {
  const texts = values.filter((one) => typeof one === "string");
  if (values.some((one) => typeof one === "object" && scalarOrNull(one) === undefined))
    throw new Unreadable("unsupported");
  const found = any(texts.map((value) => ({ type: "field", operator: "contains", field, value })));
  return all([found, none({ type: "field", operator: "startswith", field, value: "" })]);
}

function list(value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw new Unreadable("unsupported");
  if (value.length > conditionLimits.listed) throw new Unreadable("too_large");
  return value;
}

function scalar(value: Json): Scalar {
  const found = scalarOrNull(value);
  if (found === undefined || found === null) throw new Unreadable("unsupported");
  return found;
}

function scalarOrNull(value: Json): Scalar | null | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  return isObject(value) || Array.isArray(value) ? undefined : plainNumber(value);
}
