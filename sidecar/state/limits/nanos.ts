/** Amounts of money in billionths, as whole numbers that are exact: below nine million units. */

const places = 9;

/** Reads a decimal; undefined where it isn't one, or is too large to be exact. */
export function readNanos(text: string): number | undefined {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  const nanos = Number(`${match[1] ?? ""}${(match[2] ?? "").padEnd(places, "0")}`);
  return Number.isSafeInteger(nanos) ? nanos : undefined;
}
