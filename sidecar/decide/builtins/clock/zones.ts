/** Tells for how long a zone's offset stays as it is: by Go's tables, which time.clock reads, too. */
import type { Scope } from "../host.js";

export interface Offset {
  /** Nanoseconds that local time is ahead of UTC. */
  readonly offset: bigint;
  /** Nanoseconds since the epoch: the offset is this one from here on, as far as was looked. */
  readonly from: bigint;
  /** The first moment at which it is, or may be, another one. */
  readonly to: bigint;
}

export interface Zones {
  /** @throws what {@link ZonesParts.offset} throws */
  at(scope: Scope, zone: string, ns: bigint): Offset;
}

export interface ZonesParts {
  /** Gives the offset of a zone at a moment, nanoseconds. */
  readonly offset: (scope: Scope, zone: string, ns: bigint) => bigint;
}

const second = 1_000_000_000n;
/** No zone changes its offset and takes that back within one step. */
const step = 6n * 3_600n * second;
/** Steps in each direction: beyond the next midnight on a day of 25 hours. */
const steps = 5;
/** Zones, and spans of each, that are kept. */
const mostZones = 1_000;
const mostSpans = 8;

export function createZones({ offset }: ZonesParts): Zones {
  const kept = new Map<string, Offset[]>();

  /** Goes from a moment in one direction until the offset is another one; gives the last moment that was looked at, or the change. */
  const reach = (scope: Scope, zone: string, ns: bigint, here: bigint, direction: 1n | -1n): bigint => {
    let same = ns;
    for (let n = 0; n < steps; n++) {
      const next = same + direction * step;
      if (offset(scope, zone, next) === here) {
        same = next;
        continue;
      }
      let other = next;
      // changes are at whole seconds
      while ((other - same) * direction > second) {
        const middle = same + (((other - same) / 2n / second) * second || direction * second);
        if (offset(scope, zone, middle) === here) same = middle;
        else other = middle;
      }
      return direction > 0n ? other : same;
    }
    return same;
  };

  return {
    at(scope, zone, ns) {
      const spans = kept.get(zone) ?? [];
      const known = spans.find(({ from, to }) => from <= ns && ns < to);
      if (known !== undefined) return known;
      const here = offset(scope, zone, ns);
      // whole seconds, as changes are
      const at = ns - (((ns % second) + second) % second);
      const from = reach(scope, zone, at, here, -1n);
      const found = { offset: here, from, to: reach(scope, zone, at, here, 1n) };
      if (spans.length >= mostSpans) spans.shift();
      spans.push(found);
      if (kept.size >= mostZones && !kept.has(zone)) kept.clear();
      kept.set(zone, spans);
      return found;
    },
  };
}
