/**
 * A model of Qdrant's filters, written from its documentation (Concepts, Filtering) and its server's checker
 * (lib/segment/src/payload_storage/{condition_checker,query_checker}.rs), not from the adapter.
 */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Payload = { [key: string]: Value };
export interface Point {
  readonly id: number | string;
  readonly vector: number[];
  readonly payload: Payload;
}

interface Filter {
  must?: Condition | Condition[];
  must_not?: Condition | Condition[];
  should?: Condition | Condition[];
  min_should?: { conditions: Condition[]; min_count: number };
}
type Condition = Record<string, unknown>;

const listed = (value: Condition | Condition[] | null | undefined): Condition[] | undefined =>
  value === undefined || value === null ? undefined : Array.isArray(value) ? value : [value];

/** "Filtering clauses": all of `must`, one of `should`, none of `must_not`, so many of `min_should`. */
export function matches(filter: unknown, point: Point): boolean {
  const { must, must_not, should, min_should } = (filter ?? {}) as Filter;
  const holds = (one: Condition): boolean => check(one, point);
  return (
    (listed(must)?.every(holds) ?? true) &&
    !(listed(must_not)?.some(holds) ?? false) &&
    (listed(should)?.some(holds) ?? true) &&
    (min_should === undefined || min_should.conditions.filter(holds).length >= min_should.min_count)
  );
}

function check(condition: Condition, point: Point): boolean {
  if (typeof condition["key"] === "string")
    return checkKey(condition, valuesAt(point.payload, condition["key"]));
  // "Is Empty": the field doesn't exist, is null or []; of a projection: nothing in it but those
  const empty = condition["is_empty"] as { key: string } | undefined;
  if (empty !== undefined)
    return valuesAt(point.payload, empty.key).every(
      (one) => one === null || (Array.isArray(one) && one.length === 0),
    );
  // "Is Null": the field exists and is null
  const nothing = condition["is_null"] as { key: string } | undefined;
  if (nothing !== undefined) return valuesAt(point.payload, nothing.key).some((one) => one === null);
  const ids = condition["has_id"] as unknown[] | undefined;
  if (ids !== undefined) return ids.some((one) => String(one) === String(point.id));
  if (condition["has_vector"] !== undefined) return condition["has_vector"] === "";
  // "Nested object filter": one element of the array meets all of it
  const nested = condition["nested"] as { key: string; filter: unknown } | undefined;
  if (nested !== undefined) {
    return valuesAt(point.payload, nested.key.endsWith("[]") ? nested.key : `${nested.key}[]`)
      .filter((one): one is Payload => typeof one === "object" && one !== null && !Array.isArray(one))
      .some((payload) => matches(nested.filter, { ...point, payload }));
  }
  return matches(condition, point);
}

/** "Nested key": `a.b` through objects, `a[].b` through all of an array. */
export function valuesAt(payload: Payload, key: string): Value[] {
  const steps = key.match(/"[^"]*"|\[\d*\]|[^.[\]"]+/g) ?? [];
  let found: Value[] = [payload];
  for (const step of steps) {
    found = found.flatMap((one): Value[] => {
      if (step === "[]") return Array.isArray(one) ? one : [];
      if (step.startsWith("["))
        return Array.isArray(one) ? one.slice(Number(step.slice(1, -1))).slice(0, 1) : [];
      const name = step.startsWith('"') ? step.slice(1, -1) : step;
      if (typeof one !== "object" || one === null || Array.isArray(one)) return [];
      const value = one[name];
      return value === undefined ? [] : [value];
    });
  }
  return found;
}

function checkKey(condition: Condition, values: Value[]): boolean {
  const { match, range, values_count: count, is_empty, is_null } = condition;
  if (typeof is_empty === "boolean") {
    if (values.length === 0) return is_empty;
    return values.some((one) => (one === null || (Array.isArray(one) && one.length === 0)) === is_empty);
  }
  if (typeof is_null === "boolean") {
    if (values.length === 0) return !is_null;
    return values.some((one) => (Array.isArray(one) ? one.includes(null) : one === null) === is_null);
  }
  if (count !== undefined) {
    // "Values count": a single value is one; the server counts null as none
    const size = (one: Value): number => (one === null ? 0 : Array.isArray(one) ? one.length : 1);
    return (values.length === 0 ? [0] : values.map(size)).some((one) => within(one, count as Bounds));
  }
  // "if there are several values, at least one of them should match"
  const each = values.flatMap((one) => (Array.isArray(one) ? one : [one]));
  if (range !== undefined) return each.some((one) => inRange(one, range as Bounds));
  return each.some((one) => matchesOne(one, match as Record<string, unknown>));
}

interface Bounds {
  gt?: number | string;
  gte?: number | string;
  lt?: number | string;
  lte?: number | string;
}

function within(value: number, { gt, gte, lt, lte }: Bounds): boolean {
  const bound = (one: number | string | undefined): number | undefined =>
    typeof one === "string" ? Date.parse(one) : one;
  const [a, b, c, d] = [bound(gt), bound(gte), bound(lt), bound(lte)];
  return (
    (a === undefined || value > a) &&
    (b === undefined || value >= b) &&
    (c === undefined || value < c) &&
    (d === undefined || value <= d)
  );
}

/** "Range" is of numbers, "Datetime Range" of texts in RFC 3339 and some forms besides; neither of the other's. */
function inRange(value: Value, bounds: Bounds): boolean {
  if (Object.values(bounds).some((one) => typeof one === "string")) {
    const time = typeof value === "string" ? timeOf(value) : undefined;
    return time !== undefined && within(time, bounds);
  }
  return typeof value === "number" && within(value, bounds);
}

/** Also without a zone (UTC), without seconds, and dates alone (lib/segment/src/types.rs, DateTimePayloadType). */
function timeOf(value: string): number | undefined {
  const [, date = "", time = "00:00", seconds = ":00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?$/.exec(value) ?? [];
  const parsed = Date.parse(
    `${date}T${time}${seconds}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`,
  );
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** "Match", "Match Any", "Match Except", "Full Text Match" (without an index: a part of the text), "Prefix". */
function matchesOne(value: Value, match: Record<string, unknown>): boolean {
  const { value: wanted, any, except, text, phrase, prefix, text_any } = match;
  if (wanted !== undefined) return value === wanted;
  if (Array.isArray(any)) return any.includes(value);
  if (Array.isArray(except)) return value !== null && !except.includes(value);
  const parts = [text, phrase].find((one) => typeof one === "string");
  if (typeof parts === "string") return typeof value === "string" && value.includes(parts);
  if (typeof prefix === "string") return typeof value === "string" && value.startsWith(prefix);
  if (typeof text_any === "string")
    return typeof value === "string" && text_any.split(/\s+/).some((one) => value.includes(one));
  return false;
}
