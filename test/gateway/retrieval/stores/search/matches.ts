/**
 * A model of what an index of Elasticsearch or OpenSearch makes of documents, and of the query DSL on it. What it does is what
 * their documentation says (Elasticsearch Reference, by the names of its sections; OpenSearch's agree):
 * - "Arrays": every field may hold several values; a query matches where any of them does. Objects in lists are flattened.
 * - "Keyword": `ignore_above`: longer texts aren't indexed; `normalizer`; numbers and truth values become texts.
 * - "coerce": texts become numbers, floats are truncated for whole types; "ignore_malformed".
 * - "null_value": an explicit null is indexed as this, an empty list isn't.
 * - "Exists query": null, `[]`, too long and malformed values are not there.
 * - "Boolean": "true", "false" and "" are truth values, too. "Numeric": float and half_float round.
 */
export type Value = null | boolean | number | string | Value[] | Source;
export interface Source {
  [key: string]: Value;
}

export interface Mapped {
  readonly type: string;
  readonly ignore_above?: number;
  readonly null_value?: string | number | boolean;
  readonly normalizer?: "lowercase";
  readonly coerce?: boolean;
  readonly ignore_malformed?: boolean;
  readonly format?: "epoch_second";
  readonly fields?: Readonly<Record<string, Mapped>>;
}
/** By the whole path of a field. */
export type Mapping = Readonly<Record<string, Mapped>>;

export interface Stored {
  readonly index: string;
  readonly id: string;
  readonly source: Source;
}

/** What the store refuses, with its status. */
export class Wrong extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

const wholeLimits: Readonly<Record<string, number>> = {
  byte: 2 ** 7,
  short: 2 ** 15,
  integer: 2 ** 31,
  long: 2 ** 63,
};

/** All values that a document has at a path, in whatever way its objects are cut. */
export function rawValues(value: Value | undefined, path: readonly string[]): Value[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((one) => rawValues(one, path));
  if (path.length === 0) return [value];
  if (value === null || typeof value !== "object") return [];
  return path.flatMap((_, i) => {
    const key = path.slice(0, i + 1).join(".");
    return Object.hasOwn(value, key) ? rawValues(value[key], path.slice(i + 1)) : [];
  });
}

type Term = string | number | boolean;

export function mappedAt(
  mapping: Mapping,
  field: string,
): { readonly mapped: Mapped; readonly path: string } | undefined {
  const own = mapping[field];
  if (own !== undefined) return { mapped: own, path: field };
  const at = field.lastIndexOf(".");
  const parent = at < 0 ? undefined : mapping[field.slice(0, at)];
  const sub = parent?.fields?.[field.slice(at + 1)];
  return sub === undefined ? undefined : { mapped: sub, path: field.slice(0, at) };
}

/** The terms that an index has of a document's field. @throws Wrong where the document isn't taken */
export function termsOf(doc: Stored, field: string, mapping: Mapping): Term[] {
  if (field === "_index") return [doc.index];
  if (field === "_id") return [doc.id];
  const found = mappedAt(mapping, field);
  if (found === undefined) return [];
  const { mapped, path } = found;
  return rawValues(doc.source, path.split(".")).flatMap((one) => {
    const given = one === null ? mapped.null_value : one;
    if (given === undefined) return [];
    const term = termOf(given as Value, mapped);
    if (term === "malformed") {
      if (mapped.ignore_malformed === true) return [];
      throw new Wrong(400, "document_parsing_exception", `failed to parse field [${field}]`);
    }
    return term === undefined ? [] : [term.is];
  });
}

function termOf(value: Value, mapped: Mapped): { readonly is: Term } | "malformed" | undefined {
  const { type } = mapped;
  if (type === "text") return typeof value === "object" ? "malformed" : { is: String(value) };
  if (type === "keyword" || type === "wildcard") {
    if (typeof value === "object") return "malformed";
    const text = String(value);
    if (text.length > (mapped.ignore_above ?? Infinity)) return undefined;
    return { is: mapped.normalizer === "lowercase" ? text.toLowerCase() : text };
  }
  if (type === "boolean") {
    if (typeof value === "boolean") return { is: value };
    return value === "true" ? { is: true } : value === "false" || value === "" ? { is: false } : "malformed";
  }
  if (type === "date" || type === "date_nanos") return dateOf(value, mapped);
  const limit = wholeLimits[type];
  if (limit !== undefined || ["double", "float"].includes(type)) {
    const coerces = mapped.coerce !== false;
    // an empty text is no value
    if (value === "" && coerces) return undefined;
    const number =
      typeof value === "number"
        ? value
        : typeof value === "string" && value.trim() !== ""
          ? Number(value)
          : NaN;
    if (Number.isNaN(number) || (!coerces && typeof value !== "number")) return "malformed";
    if (limit === undefined) return { is: type === "float" ? Math.fround(number) : number };
    if (!coerces && !Number.isInteger(number)) return "malformed";
    return number < -limit || number >= limit ? "malformed" : { is: Math.trunc(number) + 0 };
  }
  return undefined;
}

/**
 * "Date": `strict_date_optional_time||epoch_millis`, tried in this order, so that four digits are a year; capital T and Z,
 * milliseconds kept. "Date nanoseconds": from 1970 on.
 */
function dateOf(value: Value, { type, format }: Mapped): { readonly is: number } | "malformed" {
  if (format === "epoch_second" && typeof value === "number") return { is: value * 1_000 };
  if (typeof value !== "string" && typeof value !== "number") return "malformed";
  const at = timeOf(String(value), type === "date_nanos");
  return at === undefined || (type === "date_nanos" && at < 0) ? "malformed" : { is: at };
}

function timeOf(text: string, nanos: boolean): number | undefined {
  if (/^\d{4}$/.test(text)) return Date.parse(`${text}-01-01T00:00:00Z`);
  if (/^-?\d+(?:\.\d{1,6})?$/.test(text)) return nanos ? Number(text) : Math.floor(Number(text));
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const [, whole = "", fraction = "", zone = ""] = found ?? [];
  const at = Date.parse(`${whole}${zone}`);
  if (Number.isNaN(at)) return undefined;
  const more = Number(fraction.padEnd(9, "0")) / 1e6;
  return at + (nanos ? more : Math.floor(more));
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const only = (value: unknown): [string, unknown] => Object.entries(value as object)[0] as [string, unknown];
const valueIn = (value: unknown, ...names: string[]): unknown =>
  typeof value === "object" && value !== null
    ? names.map((name) => (value as Record<string, unknown>)[name]).find((one) => one !== undefined)
    : value;

/** A query's own value, as the field's terms are. */
function asked(value: unknown, field: string, mapping: Mapping): Term | undefined {
  if (field === "_index" || field === "_id") return String(value);
  const found = mappedAt(mapping, field);
  if (found === undefined) return undefined;
  const { type } = found.mapped;
  // a fraction is in no whole type ("Numeric field types")
  if (wholeLimits[type] !== undefined) return Number.isInteger(Number(value)) ? Number(value) + 0 : undefined;
  // what is too long is no less asked for
  const term = termOf(value as Value, { ...found.mapped, ignore_above: Infinity });
  if (term === "malformed") throw new Wrong(400, "query_shard_exception", "failed to create query");
  return term?.is;
}

const same = (a: Term, b: Term): boolean => Object.is(a, b);
const bytes = (text: string): Buffer => Buffer.from(text);
function order(a: Term, b: Term): number {
  if (typeof a === "number" && typeof b === "number")
    return Object.is(a, b) ? 0 : a === b ? (Object.is(a, -0) ? -1 : 1) : a - b;
  return Buffer.compare(bytes(String(a)), bytes(String(b)));
}

/** Stands for what was found before: scores by `index/id`. */
export const neighbours = "(neighbours)";

/** Whether a document is found, and how good it is; undefined where it isn't. */
export function score(query: unknown, doc: Stored, mapping: Mapping): number | undefined {
  const [name, body] = only(query);
  const is = (truth: boolean): number | undefined => (truth ? 1 : undefined);
  const terms = (field: string): Term[] => termsOf(doc, field, mapping);
  switch (name) {
    case neighbours:
      return (body as Map<string, number>).get(`${doc.index}/${doc.id}`);
    case "match_all":
      return 1;
    case "match_none":
      return undefined;
    case "bool":
      return scoreBool(body as Record<string, unknown>, doc, mapping);
    case "constant_score":
      return is(score((body as { filter: unknown }).filter, doc, mapping) !== undefined);
    case "dis_max": {
      const all = list((body as { queries: unknown }).queries).map((one) => score(one, doc, mapping) ?? -1);
      return Math.max(...all) < 0 ? undefined : Math.max(...all);
    }
    case "hybrid": {
      const all = list((body as { queries: unknown }).queries).flatMap(
        (one) => score(one, doc, mapping) ?? [],
      );
      return all.length === 0 ? undefined : all.reduce((sum, one) => sum + one, 0);
    }
    case "nested":
      return score((body as { query: unknown }).query, doc, mapping);
    case "function_score":
      return score((body as { query?: unknown }).query ?? { match_all: {} }, doc, mapping);
    case "ids":
      return is(
        list((body as { values: unknown }).values)
          .map(String)
          .includes(doc.id),
      );
    case "exists":
      return is(terms((body as { field: string }).field).length > 0);
    case "term": {
      const [field, given] = only(body);
      const wanted = asked(valueIn(given, "value"), field, mapping);
      return is(wanted !== undefined && terms(field).some((one) => same(one, wanted)));
    }
    case "terms": {
      const { boost: _boost, ...others } = body as Record<string, unknown>;
      const [field, given] = only(others);
      const wanted = list(given).map((one) => asked(one, field, mapping));
      return is(terms(field).some((one) => wanted.some((other) => other !== undefined && same(one, other))));
    }
    case "range": {
      const [field, given] = only(body);
      return is(terms(field).some((one) => inRange(one, given as Record<string, unknown>, field, mapping)));
    }
    case "prefix": {
      const [field, given] = only(body);
      return is(terms(field).some((one) => String(one).startsWith(String(valueIn(given, "value")))));
    }
    case "wildcard": {
      const [field, given] = only(body);
      const pattern = wildcard(String(valueIn(given, "value", "wildcard")));
      return is(terms(field).some((one) => pattern.test(String(one))));
    }
    case "match":
    case "match_phrase": {
      const [field, given] = only(body);
      const wanted = words(String(valueIn(given, "query")));
      const has = terms(field).flatMap((one) => words(String(one)));
      const hits = wanted.filter((one) => has.includes(one)).length;
      return hits === 0 ? undefined : hits / Math.sqrt(has.length);
    }
    case "multi_match": {
      const { fields, query: text } = body as { fields: string[]; query: string };
      const all = fields.map(
        (field) => score({ match: { [field.replace(/\^.*/, "")]: text } }, doc, mapping) ?? 0,
      );
      return Math.max(...all) === 0 ? undefined : Math.max(...all);
    }
    default:
      throw new Wrong(400, "parsing_exception", `unknown query [${name}]`);
  }
}

function scoreBool(body: Record<string, unknown>, doc: Stored, mapping: Mapping): number | undefined {
  const scores = (name: string): (number | undefined)[] =>
    list(body[name]).map((one) => score(one, doc, mapping));
  const [must, should] = [scores("must"), scores("should")];
  if (must.includes(undefined) || scores("filter").includes(undefined)) return undefined;
  if (scores("must_not").some((one) => one !== undefined)) return undefined;
  const found = should.filter((one) => one !== undefined);
  const bare = must.length === 0 && list(body["filter"]).length === 0;
  // "Boolean query", minimum_should_match: 1 where there is no must and no filter, else 0
  const least = body["minimum_should_match"] ?? (bare && should.length > 0 ? 1 : 0);
  if (found.length < Number(least)) return undefined;
  return [...must, ...found].reduce((sum: number, one) => sum + (one ?? 0), 0);
}

function inRange(term: Term, range: Record<string, unknown>, field: string, mapping: Mapping): boolean {
  const type = mappedAt(mapping, field)?.mapped.type ?? "";
  return (["gt", "gte", "lt", "lte"] as const).every((bound) => {
    const given = range[bound];
    if (given === undefined || given === null) return true;
    const dated = type === "date" || type === "date_nanos";
    if (
      dated &&
      typeof given === "number" &&
      range["format"] !== "epoch_millis" &&
      range["format"] !== undefined
    )
      throw new Wrong(400, "parse_exception", "failed to parse date field");
    const value: Term = dated
      ? typeof given === "number"
        ? given
        : Date.parse(String(given))
      : typeof term === "number"
        ? type === "float"
          ? Math.fround(Number(given))
          : Number(given) + (wholeLimits[type] === undefined ? -0 : 0)
        : String(given);
    const at = order(term, value);
    return { gt: at > 0, gte: at >= 0, lt: at < 0, lte: at <= 0 }[bound];
  });
}

/** "Wildcard query": `?` one sign, `*` any; a backslash takes their meaning away. */
function wildcard(pattern: string): RegExp {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern[i] ?? "";
    if (sign === "*") out += "[^]*";
    else if (sign === "?") out += "[^]";
    else {
      const literal = sign === "\\" ? (pattern[++i] ?? "\\") : sign;
      out += literal.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    }
  }
  return new RegExp(`^${out}$`, "u");
}
