/**
 * A model of Weaviate's filters. What it says is by the Weaviate documentation ("Filters", "Filter operands",
 * "Tokenization") and, where that says nothing, by the server's source (`adapters/repos/db/inverted`):
 * - `NotEqual` is all objects but those that `Equal` finds (`row_reader_roaring_set.go`, a deny list)
 * - a list has what any of its elements has; bounds and `Like` too
 * - tokenization `field` takes white space around a text away (`entities/tokenizer`), `word` splits and makes letters small
 * - dates are numbers of nanoseconds (`objects.go`)
 */
export type Type =
  | "text"
  | "text_field"
  | "keyword"
  | "uuid"
  | "int"
  | "number"
  | "boolean"
  | "date"
  | "text[]"
  | "text_field[]"
  | "keyword[]";
export type Schema = Readonly<Record<string, Type>>;

export interface StoredObject {
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly vector?: readonly number[];
  readonly tenant?: string;
}

export interface Where {
  readonly operator: string;
  readonly operands?: readonly Where[];
  readonly path?: readonly string[];
  readonly [value: string]: unknown;
}

export function matches(where: Where, object: StoredObject, schema: Schema): boolean {
  const { operator, operands = [], path = [], ...values } = where;
  if (operator === "And") return operands.every((one) => matches(one, object, schema));
  if (operator === "Or") return operands.some((one) => matches(one, object, schema));
  const [name = ""] = path;
  const type = name === "id" ? "uuid" : schema[name];
  if (type === undefined) throw new Error(`no such prop with name '${name}'`);
  const [[member, given] = ["", undefined]] = Object.entries(values);
  if (!fits(member, type)) throw new Error(`data type filter cannot use ${member} on type ${type}`);
  const stored = name === "id" ? object.id : object.properties[name];
  const kept = (
    Array.isArray(stored) ? stored : stored === undefined || stored === null ? [] : [stored]
  ) as unknown[];
  const tokens = kept.flatMap((one) => tokensOf(one, type));
  const has = (wanted: unknown): boolean => tokensOf(wanted, type).every((token) => tokens.includes(token));
  const some = (test: (token: Token) => boolean): boolean => tokens.some(test);
  const [token] = tokensOf(given, type);
  switch (operator) {
    case "Equal":
      return has(given);
    case "NotEqual":
      return !has(given);
    case "GreaterThan":
      return some((one) => token !== undefined && one > token);
    case "GreaterThanEqual":
      return some((one) => token !== undefined && one >= token);
    case "LessThan":
      return some((one) => token !== undefined && one < token);
    case "LessThanEqual":
      return some((one) => token !== undefined && one <= token);
    case "Like": {
      const pattern = new RegExp(
        `^${String(token)
          .replace(/[.+^${}()|[\]\\]/g, "\\$&")
          .replaceAll("?", ".")
          .replaceAll("*", ".*")}$`,
        "su",
      );
      return some((one) => pattern.test(String(one)));
    }
    case "ContainsAny":
      return (given as unknown[]).some(has);
    default:
      throw new Error(`unknown operator ${operator}`);
  }
}

type Token = string | number | boolean | bigint;

function fits(member: string, type: Type): boolean {
  if (type === "int") return member === "valueInt";
  if (type === "number") return member === "valueNumber";
  if (type === "boolean") return member === "valueBoolean";
  return type === "date" ? member === "valueDate" : member === "valueText" || member === "valueString";
}

function tokensOf(value: unknown, type: Type): Token[] {
  switch (type) {
    case "text":
    case "text[]":
      return String(value)
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((one) => one !== "");
    case "text_field":
    case "keyword":
    case "text_field[]":
    case "keyword[]":
      return [String(value).trim()];
    case "uuid":
      return [String(value).toLowerCase()];
    case "date":
      return [nanoseconds(String(value))];
    default:
      return [value as number | boolean];
  }
}

function nanoseconds(text: string): bigint {
  const [, whole = "", part = "", zone = ""] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  return BigInt(Date.parse(whole + zone)) * 1_000_000n + BigInt(part.padEnd(9, "0").slice(0, 9));
}
