/** Milvus's filter expressions (Milvus documentation, "Filtering Explained" and its operators' pages). */
export type Expression =
  /** A number as it was written. */
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** A column, or a key of the dynamic field. */
  | { readonly kind: "name"; readonly name: string }
  /** Of a JSON or array field, or of `$meta`. */
  | { readonly kind: "path"; readonly root: string; readonly keys: readonly (string | number)[] }
  /** `{name}`, whose value stands in `exprParams`. */
  | { readonly kind: "template"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  /** `ISO "…"` and `INTERVAL "…"`. */
  | { readonly kind: "moment"; readonly word: "ISO" | "INTERVAL"; readonly value: string }
  | { readonly kind: "unary"; readonly operator: "-" | "+" | "not" | "exists"; readonly of: Expression }
  | { readonly kind: "null"; readonly of: Expression; readonly is: boolean }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** `1 < x <= 5`. */
  | {
      readonly kind: "range";
      readonly of: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly first: string;
      readonly second: string;
    }
  | { readonly kind: "many"; readonly operator: "and" | "or"; readonly of: readonly Expression[] }
  | { readonly kind: "call"; readonly name: CallName; readonly of: readonly Expression[] };

export const comparisonOperators = ["==", "!=", "<", "<=", ">", ">="] as const;
export const arithmeticOperators = ["+", "-", "*", "/", "%", "**", "&", "|", "^"] as const;
export type BinaryOperator =
  | (typeof comparisonOperators)[number]
  | (typeof arithmeticOperators)[number]
  | "like"
  | "=~"
  | "!~"
  | "in"
  | "not in";

/** The functions that are understood, and what each takes. */
export const calls = {
  json_contains: ["field", "value"],
  json_contains_all: ["field", "values"],
  json_contains_any: ["field", "values"],
  array_contains: ["field", "value"],
  array_contains_all: ["field", "values"],
  array_contains_any: ["field", "values"],
  array_length: ["field"],
  text_match: ["field", "value"],
  phrase_match: ["field", "value", "number?"],
  st_equals: ["field", "value"],
  st_touches: ["field", "value"],
  st_overlaps: ["field", "value"],
  st_crosses: ["field", "value"],
  st_contains: ["field", "value"],
  st_intersects: ["field", "value"],
  st_within: ["field", "value"],
  st_dwithin: ["field", "value", "number"],
  st_isvalid: ["field"],
} as const;
export type CallName = keyof typeof calls;

/** Words that mean something in the grammar (`Plan.g4`), in small letters. */
const words: ReadonlySet<string> = new Set([
  ...["and", "or", "not", "in", "like", "exists", "is", "null", "true", "false", "iso", "interval"],
  ...["threshold", "minimum_should_match", "random_sample", "element_filter", "match_all", "match_any"],
  ...["match_least", "match_most", "match_exact", "r", "u", "u8", "l"],
  ...Object.keys(calls),
]);

export function isReserved(name: string): boolean {
  return words.has(name.toLowerCase());
}

export function nameOf(name: string): Expression {
  return { kind: "name", name };
}

export function both(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  return { kind: "binary", operator, left, right };
}

export function many(operator: "and" | "or", of: readonly Expression[]): Expression {
  const [first] = of;
  return of.length === 1 && first !== undefined ? first : { kind: "many", operator, of };
}

/** The store's paths (`a.b`) that an expression reads; a dynamic key is the same under `$meta` and without. */
export function pathsOf(expression: Expression): string[] {
  switch (expression.kind) {
    case "number":
    case "string":
    case "boolean":
    case "template":
    case "moment":
      return [];
    case "name":
      return [expression.name];
    case "path": {
      const { root, keys } = expression;
      return [(root === "$meta" ? keys : [root, ...keys]).join(".")];
    }
    case "list":
      return expression.items.flatMap(pathsOf);
    case "unary":
    case "null":
      return pathsOf(expression.of);
    case "binary":
      return [...pathsOf(expression.left), ...pathsOf(expression.right)];
    case "range":
      return [expression.low, expression.of, expression.high].flatMap(pathsOf);
    case "many":
    case "call":
      return expression.of.flatMap(pathsOf);
  }
}

/** The templates that an expression names. */
export function templatesOf(expression: Expression): string[] {
  switch (expression.kind) {
    case "template":
      return [expression.name];
    case "list":
      return expression.items.flatMap(templatesOf);
    case "unary":
    case "null":
      return templatesOf(expression.of);
    case "binary":
      return [...templatesOf(expression.left), ...templatesOf(expression.right)];
    case "range":
      return [expression.low, expression.of, expression.high].flatMap(templatesOf);
    case "many":
    case "call":
      return expression.of.flatMap(templatesOf);
    default:
      return [];
  }
}
