/**
 * Says conditions in Milvus's filter language. What it means (Milvus documentation, "Basic Operators", "IS NULL and IS NOT
 * NULL Operators", "Nullable Fields", "JSON Operators", "Pattern Matching"; measured at Milvus Lite 3.2, see
 * docs/gateway-retrieval-milvus.md):
 * - of a column, each comparison is false where it is null; so is `not in` by the documentation, which Milvus Lite gives
 *   all the same: null is always named
 * - of a JSON path or a dynamic key, a comparison is false where it is missing or of another type, but `!=` may be true:
 *   the type is named by a bound (`>= ""`); Milvus Lite takes truth values for numbers
 * - whole numbers beyond 2^53 are missing for policy (plainNumber) and numbers for the store: bounds take them out
 */
import type { Condition, Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import { holds } from "../../conditions/holds.js";
import type { Expression } from "./expression/ast.js";
import { both, isReserved, many, nameOf } from "./expression/ast.js";
import { isPrintable } from "./expression/print.js";
import type { ColumnType, Place, Schema } from "./settings.js";
import { placeOf } from "./settings.js";

interface Said {
  readonly filter: Expression;
  readonly exact: boolean;
}

/** The filter language of a collection. */
export function languageOf(schema: Schema): Language<Expression> {
  return {
    leaf: (leaf) => sayLeaf(schema, leaf),
    and: (filters) => many("and", filters),
    or: (filters) => many("or", filters),
  };
}

const opposite = { eq: "!=", ne: "==", lt: ">=", le: ">", gt: "<=", ge: "<" } as const;
const straight = { eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=" } as const;

function sayLeaf(schema: Schema, leaf: Leaf): Said | undefined {
  const { field } = leaf;
  const place = placeOf(schema, field.path);
  if (place === undefined) return undefined;
  const at = reference(schema, field.path);
  if (at === undefined) return undefined;
  if (place.kind === "column") return sayColumn(at, place.type, leaf);
  return leaf.negated ? sayNegatedJson(at, place, leaf) : sayJson(at, leaf);
}

/** How the language names a path. */
export function reference({ columns }: Schema, path: readonly string[]): Expression | undefined {
  const [root = "", ...keys] = path;
  if (!path.every(isPrintable)) return undefined;
  // a dynamic key is called by its name alone, unless that means something else
  const plain = /^[A-Za-z_][A-Za-z0-9_]*$/.test(root) && !isReserved(root);
  if (!columns.has(root) && !plain) return { kind: "path", root: "$meta", keys: path };
  return keys.length === 0 ? nameOf(root) : { kind: "path", root, keys };
}

function sayColumn(at: Expression, type: ColumnType, leaf: Leaf): Said | undefined {
  const { operator, value, negated, field } = leaf;
  if (!fitsColumn(type, field.type)) return undefined;
  const absent: Expression = { kind: "null", of: at, is: true };
  const there: Expression = { kind: "null", of: at, is: false };
  const wide = type === "int64" || type === "double" || type === "float";
  const beyond = wide && field.type !== "strings" ? outside(at) : [];
  const within = wide && field.type !== "strings" ? inside(at) : [];
  const yes = (filters: readonly Expression[], exact = true): Said => ({
    filter: many("and", filters),
    exact,
  });
  const no = (filters: readonly Expression[], exact = true): Said => ({
    filter: many("or", [absent, ...beyond, ...filters]),
    exact,
  });
  if (operator === "exists") return (value === true) === !negated ? yes([there, ...within]) : no([]);
  if (operator === "contains" && type === "array<varchar>") {
    const item = literal(value as Scalar);
    if (item === undefined) return undefined;
    const has: Expression = { kind: "call", name: "array_contains", of: [at, item] };
    return negated ? no([{ kind: "unary", operator: "not", of: has }]) : yes([has]);
  }
  if (operator === "contains" || operator === "startswith" || operator === "endswith") {
    const pattern = patternOf(operator, value);
    if (pattern === undefined || (negated && !pattern.exact)) return undefined;
    const like = both("like", at, pattern.filter);
    return negated ? no([{ kind: "unary", operator: "not", of: like }]) : yes([like], pattern.exact);
  }
  if (operator === "in" || operator === "nin") {
    const items = literals(value, (one) => columnValue(one, type, leaf));
    if (items === undefined) return undefined;
    const listed: Expression = { kind: "list", items };
    const isIn = (operator === "in") === !negated;
    const test = both(isIn ? "in" : "not in", at, listed);
    return negated ? no([test]) : yes(isIn ? [test] : [there, ...within, test]);
  }
  const literalValue = columnValue(value as Scalar, type, leaf);
  if (literalValue === undefined) return undefined;
  if (negated) return no([both(opposite[operator], at, literalValue)]);
  return yes([...(operator === "eq" ? [] : within), both(straight[operator], at, literalValue)]);
}

function sayJson(at: Expression, leaf: Leaf): Said | undefined {
  const { operator, value, field } = leaf;
  const typed = typeBounds(at, leaf);
  const exact = isExact(leaf);
  const yes = (filters: readonly Expression[], also = true): Said => ({
    filter: many("and", filters),
    exact: exact && also,
  });
  if (operator === "exists") return value === true && typed !== undefined ? yes(typed) : undefined;
  if (operator === "contains" && field.type === "strings") {
    const item = literal(value as Scalar);
    // a list of which one isn't a text counts as missing, yet the store looks into it
    return item && { filter: { kind: "call", name: "json_contains", of: [at, item] }, exact: false };
  }
  if (operator === "contains" || operator === "startswith" || operator === "endswith") {
    const pattern = field.type === "string" ? patternOf(operator, value) : undefined;
    return pattern && yes([both("like", at, pattern.filter)], pattern.exact);
  }
  if (operator === "in" || operator === "nin") {
    const items = literals(value, (one) => jsonValue(one, leaf));
    if (items === undefined || typed === undefined) return undefined;
    // Milvus Lite knows `in` of columns only
    if (operator === "in")
      return {
        filter: many(
          "or",
          items.map((item) => both("==", at, item)),
        ),
        exact,
      };
    return yes([...typed, ...items.map((item) => both("!=", at, item))]);
  }
  const literalValue = jsonValue(value as Scalar, leaf);
  if (literalValue === undefined || typed === undefined) return undefined;
  const test = both(straight[operator], at, literalValue);
  if (operator === "eq") return yes([test]);
  if (field.type === "string" && operator !== "ne") return yes([test]);
  return yes([...typed, test]);
}

/** Milvus Lite takes numbers for truth values, too, and the other way round. */
function isExact(leaf: Leaf): boolean {
  const { type, form } = leaf.field;
  if (type === "boolean") return false;
  return type !== "time" && type !== "number" ? true : form !== "epoch_ms" && !takesTruth(leaf);
}

/** Milvus Lite takes `true` for 1 and `false` for 0: whether either would be let through for a number. */
function takesTruth({ operator, value }: Leaf): boolean {
  if (operator === "exists") return true;
  const test: Condition = { type: "field", operator, field: "it", value };
  return holds(test, { it: 0 }) || holds(test, { it: 1 });
}

/** Only what is sure to let through what is missing, null or of another type. */
function sayNegatedJson(
  at: Expression,
  { root }: Extract<Place, { kind: "json" }>,
  leaf: Leaf,
): Said | undefined {
  const { operator, value, field } = leaf;
  if ((operator !== "eq" && operator !== "in") || !["string", "number"].includes(field.type))
    return undefined;
  if (field.type === "number" && takesTruth(leaf)) return undefined;
  const items = literals(operator === "eq" ? [value as Scalar] : value, (one) => jsonValue(one, leaf));
  if (items === undefined) return undefined;
  const missing: Expression = {
    kind: "unary",
    operator: "not",
    of: { kind: "unary", operator: "exists", of: at },
  };
  const absent: Expression[] = root === undefined ? [] : [{ kind: "null", of: nameOf(root), is: true }];
  const others = many(
    "and",
    items.map((item) => both("!=", at, item)),
  );
  return { filter: many("or", [...absent, missing, others]), exact: true };
}

/** What holds of every value of the field's type that policy knows, and of nothing else. */
function typeBounds(at: Expression, { field }: Leaf): Expression[] | undefined {
  switch (field.type) {
    case "string":
      return [both(">=", at, { kind: "string", value: "" })];
    case "number":
      return inside(at);
    case "boolean":
      return [
        many("or", [
          both("==", at, { kind: "boolean", value: true }),
          both("==", at, { kind: "boolean", value: false }),
        ]),
      ];
    case "time":
      return field.form === undefined || field.form === "rfc3339" ? undefined : inside(at);
    case "strings":
      return undefined;
  }
}

const most = String(Number.MAX_SAFE_INTEGER);

function inside(at: Expression): Expression[] {
  return [both(">=", at, whole(`-${most}`)), both("<=", at, whole(most))];
}

function outside(at: Expression): Expression[] {
  return [both("<", at, whole(`-${most}`)), both(">", at, whole(most))];
}

function whole(text: string): Expression {
  return { kind: "number", text };
}

function fitsColumn(type: ColumnType, field: Leaf["field"]["type"]): boolean {
  switch (field) {
    case "string":
      return type === "varchar";
    case "boolean":
      return type === "bool";
    case "strings":
      return type === "array<varchar>";
    case "number":
    case "time":
      return /^(?:int(?:8|16|32|64)|float|double)$/.test(type);
  }
}

/** A value of a column's own type; undefined where the two would be compared otherwise than policy does. */
function columnValue(value: Scalar, type: ColumnType, leaf: Leaf): Expression | undefined {
  const stored = timed(value, leaf);
  if (typeof stored === "number") {
    if (leaf.field.form === "epoch_ms" && !/^int/.test(type)) return undefined;
    if (/^int/.test(type) && !Number.isSafeInteger(stored)) return undefined;
    // a 32-bit number is told in fewer digits than it is compared by
    if (type === "float" && (!Number.isInteger(stored) || Math.abs(stored) > 2 ** 24)) return undefined;
  }
  return stored === undefined ? undefined : literal(stored);
}

function jsonValue(value: Scalar, leaf: Leaf): Expression | undefined {
  const stored = timed(value, leaf);
  return stored === undefined ? undefined : literal(stored);
}

/** A time as the store keeps it; texts of times can't be compared. */
function timed(value: Scalar, { field }: Leaf): Scalar | undefined {
  // a whole number beyond 2^53 is missing for policy wherever it is stored
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return undefined;
  if (field.type !== "time") return value;
  if (typeof value !== "number" || field.form === undefined || field.form === "rfc3339") return undefined;
  if (field.form === "epoch_s") return value;
  const ms = Math.round(value * 1_000);
  return ms / 1_000 === value && Number.isSafeInteger(ms) ? ms : undefined;
}

function literals(
  value: Leaf["value"],
  read: (one: Scalar) => Expression | undefined,
): Expression[] | undefined {
  if (typeof value !== "object") return undefined;
  const items = value.map(read);
  return items.every((one) => one !== undefined) ? items : undefined;
}

export function literal(value: Scalar): Expression | undefined {
  if (typeof value === "boolean") return { kind: "boolean", value };
  if (typeof value === "string") return isPrintable(value) ? { kind: "string", value } : undefined;
  // `1e21` is written as it is, which the grammar has
  return { kind: "number", text: Object.is(value, -0) ? "0" : String(value) };
}

/** `%` is any text, `_` any character; what must be escaped is read differently by servers, and any character is wider. */
function patternOf(
  operator: "contains" | "startswith" | "endswith",
  value: Leaf["value"],
): { readonly filter: Expression; readonly exact: boolean } | undefined {
  if (typeof value !== "string" || !isPrintable(value)) return undefined;
  const text = value.replace(/[%_\\]/gu, "_");
  const before = operator === "startswith" ? "" : "%";
  const after = operator === "endswith" ? "" : "%";
  return { filter: { kind: "string", value: before + text + after }, exact: text === value };
}
