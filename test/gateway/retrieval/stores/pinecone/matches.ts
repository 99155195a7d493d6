/**
 * A model of Pinecone's metadata filters, written from its guide "Filter by metadata" and "Indexing overview, Metadata",
 * not from the adapter. What these leave open (`$ne` and `$nin` of a missing field, of a list, of another type) is a
 * choice, so that a test can try each.
 */
export type Metadata = Record<string, string | number | boolean | string[]>;

export interface Reading {
  /** Whether `$ne` and `$nin` hold of a field that isn't there. */
  readonly missing: boolean;
  /** Whether they hold of a list none of whose texts is meant, or of any list. */
  readonly lists: "none" | "any" | "never";
  /** Whether they hold of a value of another type. */
  readonly others: boolean;
}
export const plainest: Reading = { missing: true, lists: "none", others: true };

export function matches(filter: unknown, metadata: Metadata, reading: Reading = plainest): boolean {
  return Object.entries((filter ?? {}) as Record<string, unknown>).every(([name, test]) => {
    if (name === "$and") return (test as unknown[]).every((one) => matches(one, metadata, reading));
    if (name === "$or") return (test as unknown[]).some((one) => matches(one, metadata, reading));
    const value = metadata[name];
    if (typeof test !== "object" || test === null) return holds("$eq", test, value, reading);
    return Object.entries(test).every(([operator, wanted]) => holds(operator, wanted, value, reading));
  });
}

function holds(
  operator: string,
  wanted: unknown,
  value: Metadata[string] | undefined,
  reading: Reading,
): boolean {
  const compare = (test: (a: number, b: number) => boolean): boolean =>
    typeof value === "number" && typeof wanted === "number" && test(value, wanted);
  const list = (wanted as unknown[] | undefined) ?? [];
  switch (operator) {
    case "$eq":
      // "a list of strings": it takes on all of its values
      return Array.isArray(value) ? value.includes(wanted as string) : value === wanted;
    case "$in":
      return Array.isArray(value)
        ? value.some((one) => list.includes(one))
        : value !== undefined && list.includes(value);
    case "$ne":
      return differs([wanted], value, reading);
    case "$nin":
      return differs(list, value, reading);
    case "$gt":
      return compare((a, b) => a > b);
    case "$gte":
      return compare((a, b) => a >= b);
    case "$lt":
      return compare((a, b) => a < b);
    case "$lte":
      return compare((a, b) => a <= b);
    case "$exists":
      return (value !== undefined) === wanted;
    default:
      throw new Error(`no operator: ${operator}`);
  }
}

function differs(wanted: unknown[], value: Metadata[string] | undefined, reading: Reading): boolean {
  if (value === undefined) return reading.missing;
  if (Array.isArray(value)) {
    if (reading.lists === "never") return false;
    return reading.lists === "any"
      ? value.some((one) => !wanted.includes(one))
      : !value.some((one) => wanted.includes(one));
  }
  if (wanted.every((one) => typeof one !== typeof value)) return reading.others;
  return !wanted.includes(value);
}
