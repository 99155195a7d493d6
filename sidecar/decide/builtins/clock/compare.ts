/** Comparisons of which one side moves with the clock: `rego/toolchain/clock_sites.go` puts them in the place of Rego's. */
import type { ValueReader } from "../../engine/read-value.js";
import { compareValues } from "../../engine/value.js";
import type { Bounds } from "./bounds.js";
import { noteMoment, noteUnknown } from "./bounds.js";

/** By the names that the toolchain gives them: whether an order of the two sides is what is asked for. */
export const comparisons: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ["countersign clock lt", (order: number) => order < 0],
  ["countersign clock lte", (order: number) => order <= 0],
  ["countersign clock gt", (order: number) => order > 0],
  ["countersign clock gte", (order: number) => order >= 0],
]);

/** Milliseconds of the units that the toolchain knows: ns, µs, ms, s, minutes, hours, days. */
const units = [1e-6, 1e-3, 1, 1e3, 6e4, 3.6e6, 8.64e7] as const;
const stepped = 1 << 14;
/** Two doubles that differ by more of their size are in the order of the numbers that they stand for. */
const apart = 2 ** -50;

/**
 * Orders two values as OPA does, and notes when the order changes.
 *
 * `rates`, of the toolchain: bit `i` says that the left side may move against the right one by 1 in `units[i]`, bit
 * `units.length + i` that it may move by -1; bit 14 that one of them is rounded to whole numbers.
 *
 * INVARIANT: what OPA rounds on the way (64 bits) and what is lost here (53 bits) is less than the part that is left on both sides.
 */
export function orderNoted(
  read: ValueReader,
  rates: number,
  left: number,
  right: number,
  bounds: Bounds,
  nowNs: bigint,
): number {
  const x = read.double(left);
  const y = read.double(right);
  // what is no number doesn't move
  if (x === undefined || y === undefined) return compareValues(read.value(left), read.value(right));
  const doubt = (Math.abs(x) + Math.abs(y)) * apart;
  const between = y - x;
  const spread = doubt + ((rates & stepped) === 0 ? 0 : 1);
  for (const [i, unit] of units.entries()) {
    if ((rates & (1 << i)) !== 0) noteCrossing(bounds, nowNs, between * unit, spread * unit);
    if ((rates & (1 << (i + units.length))) !== 0)
      noteCrossing(bounds, nowNs, -between * unit, spread * unit);
  }
  if (between > doubt) return -1;
  if (between < -doubt) return 1;
  return compareValues(read.value(left), read.value(right));
}

function noteCrossing(bounds: Bounds, nowNs: bigint, distance: number, spread: number): void {
  // both are infinite, or one is and the other unknown
  if (Number.isNaN(distance) || !Number.isFinite(spread)) noteUnknown(bounds, nowNs);
  else noteMoment(bounds, nowNs, distance - spread, distance + spread);
}
