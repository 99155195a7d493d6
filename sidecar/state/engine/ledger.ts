/** What calls hold of limits, in memory. */
import type { LimitState } from "../../contract.js";
import type { Counter, Held, Standing } from "./counters.js";
import { consult, counterOf, createCounter, give, stateOf, take } from "./counters.js";
import type { CallChange, CallResult, Engine, Reservation, TaskKeys } from "./engine.js";
import type { Shelf } from "./shelf.js";
import { endOf } from "./windows.js";

/** What a call holds of one limit; where it was extended, in several parts. */
export interface Hold {
  readonly id: string;
  readonly reservation: Reservation;
  readonly held: Held[];
}

/** What became of a hold. */
export interface Sum {
  readonly reservation: Reservation;
  readonly held: number;
  readonly used: number;
}

export type Ledger = ReturnType<typeof createLedger>;

export const sumOf = ({ held }: Hold): number => held.reduce((all, one) => all + one.held, 0);

/** Names what is a tenant's. */
export const inTenant = ({ tenant }: TaskKeys, id: string): string => `${tenant.length}:${tenant}:${id}`;

/** Creates what keeps calls' holds on counters. */
export function createLedger(counters: Shelf<Counter>) {
  const counterId = (keys: TaskKeys, reservation: Reservation): string =>
    reservation.scope === "fleet"
      ? `fleet:${counterOf(reservation)}`
      : inTenant(keys, counterOf(reservation));

  const expiryOf = ({ window }: Reservation, bucket: number, keys: TaskKeys, at: number): number =>
    endOf(window, bucket) ?? (window.kind === "lifetime" ? at + keys.keepMs : Infinity);

  const tell = (reservation: Reservation, counter: Counter, at: number, refused?: Standing): LimitState => {
    const { member: _, ...alone } = reservation;
    const { used, frees } = consult(counter, { ...alone, take: 0 }, at);
    return stateOf(reservation, used, refused === undefined ? frees : refused.frees, at);
  };

  const takeMore = (
    { reservation }: Hold,
    counter: Counter,
    units: number,
    decisionId: string,
    keys: TaskKeys,
    at: number,
  ): void => {
    if (reservation.unit === "distinct_tools") return;
    const { bucket } = consult(counter, { ...reservation, take: 0 }, at);
    take(counter, reservation, { bucket, adds: units }, decisionId);
    counter.expires = expiryOf(reservation, counter.newest, keys, at);
  };

  /** Gives the oldest back first: what stays counts longest. */
  const giveBack = (
    { held, reservation }: Hold,
    counter: Counter,
    units: number,
    decisionId: string,
  ): void => {
    let back = units;
    for (const one of held) {
      const some = Math.min(back, one.held);
      if (some > 0) give(counter, reservation, one, some, decisionId);
      one.held -= some;
      back -= some;
    }
  };

  /** Takes all that a call reserves, or nothing. */
  const reserve = (
    keys: TaskKeys,
    call: CallChange,
    at: number,
  ): { result: CallResult; holds: readonly Hold[] } => {
    const pending = new Map<string, number>();
    const asked = call.reserve.map((reservation) => {
      const id = counterId(keys, reservation);
      const counter = counters.get(id) ?? createCounter();
      counters.set(id, counter, reservation.fleeting === true);
      const standing = consult(counter, reservation, at, pending.get(id));
      pending.set(id, (pending.get(id) ?? 0) + standing.adds);
      return { id, reservation, counter, standing };
    });
    const over = asked.find(({ standing }) => !standing.fits);
    const holds =
      over !== undefined
        ? []
        : asked.map((one) => ({
            id: one.id,
            reservation: one.reservation,
            held: [take(one.counter, one.reservation, one.standing, call.decisionId)],
          }));
    const limits = asked.map(({ reservation, counter, standing }) => {
      counter.expires = expiryOf(reservation, counter.newest, keys, at);
      return tell(reservation, counter, at, over === undefined || standing.fits ? undefined : standing);
    });
    return { result: { ...(over === undefined ? {} : { over: over.reservation }), limits }, holds };
  };

  /** Closes holds: what each used stays taken, or is taken; the rest goes back. */
  const close = (
    keys: TaskKeys,
    holds: readonly Hold[],
    decisionId: string,
    at: number,
    usedAt: (hold: Hold, held: number, place: number) => number,
  ): readonly Sum[] =>
    holds.map((hold, place) => {
      const held = sumOf(hold);
      const used = usedAt(hold, held, place);
      const counter = counters.get(hold.id);
      if (counter !== undefined) {
        if (used > held) takeMore(hold, counter, used - held, decisionId, keys, at);
        else giveBack(hold, counter, held - used, decisionId);
        const { window } = hold.reservation;
        if (window.kind === "concurrent" && counter.buckets.size === 0) counters.delete(hold.id);
      }
      return { reservation: hold.reservation, held, used };
    });

  /** Gives back what was held, but for what was said to be used. */
  const lapse = (holds: readonly Hold[], decisionId: string, told: readonly number[]): readonly Sum[] =>
    holds.map((hold, place) => {
      const held = sumOf(hold);
      const used = hold.reservation.unit === "concurrent" ? 0 : Math.min(held, told[place] ?? 0);
      const counter = counters.get(hold.id);
      if (counter !== undefined) giveBack(hold, counter, held - used, decisionId);
      return { reservation: hold.reservation, held: used, used };
    });

  /** Holds more: all of it, or nothing. */
  const extend = (
    keys: TaskKeys,
    holds: readonly Hold[],
    decisionId: string,
    more: Parameters<Engine["extend"]>[1],
    at: number,
  ): Awaited<ReturnType<Engine["extend"]>> => {
    const pending = new Map<string, number>();
    const asked = holds.map((hold) => {
      const counter = counters.get(hold.id) ?? createCounter();
      counters.set(hold.id, counter, hold.reservation.fleeting === true);
      const units = Math.max(0, Math.ceil(more[hold.reservation.unit] ?? 0));
      const { member: _, ...alone } = hold.reservation;
      const reservation = { ...alone, take: hold.reservation.unit === "distinct_tools" ? 0 : units };
      const standing = consult(counter, reservation, at, pending.get(hold.id));
      pending.set(hold.id, (pending.get(hold.id) ?? 0) + standing.adds);
      return { hold, counter, reservation, standing };
    });
    const fits = asked.every(({ standing }) => standing.fits);
    const limits = asked.map(({ hold, counter, reservation, standing }) => {
      if (fits && standing.adds > 0) {
        hold.held.push(take(counter, reservation, standing, decisionId));
        counter.expires = expiryOf(reservation, counter.newest, keys, at);
      }
      return tell(reservation, counter, at, standing.fits ? undefined : standing);
    });
    return { kind: fits ? "extended" : "over", limits };
  };

  /** Goes on with a count that was seen elsewhere, where nothing is counted yet. */
  const seed = (keys: TaskKeys, reservation: Reservation, used: number, at: number): void => {
    const id = counterId(keys, reservation);
    if (counters.get(id) !== undefined || !counters.room(1, at)) return;
    const counter = createCounter();
    const { bucket } = consult(counter, { ...reservation, take: 0 }, at);
    if (reservation.unit !== "distinct_tools" && used > 0)
      take(counter, reservation, { bucket, adds: used }, "");
    counter.expires = expiryOf(reservation, bucket, keys, at);
    counters.set(id, counter, false);
  };

  return { idOf: counterId, reserve, close, lapse, extend, seed };
}
