/** What is counted against limits, in memory. */
import type { LimitState } from "../../contract.js";
import type { Reservation } from "./engine.js";
import { endOf, notBefore, slotOf, nameOf } from "./windows.js";

/** Counts of one key over one window. */
export interface Counter {
  readonly buckets: Map<number, number>;
  /** Of `distinct_tools`: where each counts, and the only decision that holds it as yet. */
  readonly members: Map<string, { bucket: number; by?: string }>;
  /** The newest bucket that was counted in. */
  newest: number;
  /** Epoch milliseconds. */
  expires: number;
}

/** What a decision holds in one bucket. */
export interface Held {
  readonly bucket: number;
  held: number;
}

/** Members of one counter; one more is over every limit. */
export const mostMembers = 4_096;

/** Names what a reservation counts in. */
export function counterOf({ key, unit, window }: Reservation): string {
  return `${unit} ${nameOf(window)} ${key}`;
}

/** How a counter stands for a reservation. */
export interface Standing {
  readonly bucket: number;
  readonly used: number;
  /** What the reservation would add. */
  readonly adds: number;
  readonly fits: boolean;
  /** The bucket whose end brings room: enough for the reservation where it doesn't fit. */
  readonly frees?: number;
}

export function createCounter(): Counter {
  return { buckets: new Map(), members: new Map(), newest: 0, expires: Infinity };
}

/**
 * Looks how a reservation fits; drops what no longer counts.
 * @param pending what is about to be taken from the same counter
 */
export function consult(counter: Counter, reservation: Reservation, now: number, pending = 0): Standing {
  const { window, unit, member, take, amount, soft = false } = reservation;
  const { bucket, floor } = notBefore(slotOf(window, now), counter.newest);
  const counts = new Map<number, number>();
  let used = 0;
  let adds = take;
  if (unit === "distinct_tools") {
    for (const [name, { bucket: at }] of counter.members) {
      if (at < floor) counter.members.delete(name);
      else counts.set(at, (counts.get(at) ?? 0) + 1);
    }
    used = counter.members.size;
    adds = member === undefined || counter.members.has(member) ? 0 : 1;
  } else {
    for (const [at, count] of counter.buckets) {
      if (at < floor || count <= 0) counter.buckets.delete(at);
      else {
        counts.set(at, count);
        used += count;
      }
    }
  }
  used += pending;
  const most = unit === "distinct_tools" ? Math.min(amount, mostMembers) : amount;
  const frees = freeing(counts, Math.max(1, used + adds - most));
  // what adds nothing fits always: a tool that was used before
  const fits = soft || adds === 0 || used + adds <= most;
  return { bucket, used, adds, fits, ...(frees === undefined ? {} : { frees }) };
}

/** Gives the bucket by whose end so much will have been freed. */
function freeing(counts: ReadonlyMap<number, number>, need: number): number | undefined {
  let freed = 0;
  for (const at of [...counts.keys()].sort((a, b) => a - b)) {
    freed += counts.get(at) ?? 0;
    if (freed >= need) return at;
  }
  return undefined;
}

/** Takes what a reservation adds. */
export function take(
  counter: Counter,
  { unit, member }: Reservation,
  { bucket, adds }: Pick<Standing, "bucket" | "adds">,
  decisionId: string,
): Held {
  counter.newest = Math.max(counter.newest, bucket);
  if (unit !== "distinct_tools") {
    counter.buckets.set(bucket, (counter.buckets.get(bucket) ?? 0) + adds);
    return { bucket, held: adds };
  }
  if (member === undefined) return { bucket, held: 0 };
  const known = counter.members.get(member);
  if (known !== undefined) counter.members.set(member, { bucket: Math.max(known.bucket, bucket) });
  else if (counter.members.size < mostMembers) counter.members.set(member, { bucket, by: decisionId });
  return { bucket, held: adds };
}

/** Gives back; a member only where no other decision used it since. */
export function give(
  counter: Counter,
  { unit, member }: Reservation,
  { bucket }: Pick<Held, "bucket">,
  units: number,
  decisionId: string,
): void {
  if (unit === "distinct_tools") {
    if (units > 0 && member !== undefined && counter.members.get(member)?.by === decisionId) {
      counter.members.delete(member);
    }
    return;
  }
  const left = (counter.buckets.get(bucket) ?? 0) - units;
  if (left > 0) counter.buckets.set(bucket, left);
  else counter.buckets.delete(bucket);
}

/** Tells how a limit stands. */
export function stateOf(
  { name, unit, amount, window, soft = false, currency }: Reservation,
  used: number,
  frees: number | undefined,
  now: number,
): LimitState {
  const end = frees === undefined ? undefined : endOf(window, frees);
  return {
    name,
    unit,
    limit: amount,
    remaining: Math.max(0, amount - used),
    ...(end === undefined ? {} : { reset: Math.max(1, Math.ceil((end - now) / 1_000)) }),
    ...(currency === undefined ? {} : { currency }),
    ...(soft && used > amount ? { exceeded: true } : {}),
  };
}
