/** The engine of a fleet: Redis, and what is kept here while it isn't there. */
import type { LabelOrigin } from "../../contract.js";
import type { Activity, Actual, Commit, Engine, Reservation, Snapshot, TaskKeys } from "./engine.js";
import type { EngineEvent, MemoryEngine } from "./memory.js";
import type { RedisEngine } from "./redis.js";
import { labelling } from "./redis.js";

export interface FleetEngineParts {
  readonly store: RedisEngine;
  /** Makes what counts here while Redis isn't there; absent: what needs it is denied. */
  readonly makeLocal?: () => MemoryEngine;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Most changes, and most tasks with labels, that wait for Redis, each. */
  readonly most: number;
  readonly onEvent?: (event: EngineEvent, count: number) => void;
}

/** What waits for Redis, in order. */
type Waiting =
  | {
      readonly kind: "change";
      readonly change: Commit;
      readonly owed: Owed | undefined;
      readonly tries: number;
    }
  | { readonly kind: "settle"; readonly decisionId: string; readonly actual: Actual }
  | { readonly kind: "end"; readonly keys: TaskKeys };

/** Labels that aren't known to be written. */
interface Owed {
  readonly keys: TaskKeys;
  labels: Record<string, LabelOrigin>;
  /** Changes on their way that bring them. */
  under: number;
}

/** Milliseconds between two looks at what waits. */
const pause = 50;
/** Changes that are sent at once. */
const batch = 64;
/** Times that a change is tried which a Redis that is there doesn't take. */
const mostTries = 10;
/** Milliseconds between two tries of labels that it doesn't take. */
const again = 1_000;
/** Milliseconds that nobody waits through. */
const patience = 5_000;

/** Creates the engine. INVARIANT: no label is dropped: one that can't be kept stops all that would be decided without it. */
export function createFleetEngine({
  store,
  makeLocal,
  now,
  most,
  onEvent = () => undefined,
}: FleetEngineParts): Engine {
  const waiting: Waiting[] = [];
  const owed = new Map<string, Owed>();
  let local: { readonly engine: MemoryEngine; readonly seeded: Set<string> } | undefined;
  let flushing = false;
  let sending = 0;
  let closed = false;
  let triedAt = -Infinity;

  const nameOf = ({ tenant, lineage, holders, marks = [] }: TaskKeys): string =>
    JSON.stringify([tenant, lineage[0], holders, marks]);
  const choked = (): boolean => owed.size > most;

  const owe = (keys: TaskKeys, labels: Readonly<Record<string, LabelOrigin>>): Owed | undefined => {
    if (Object.keys(labels).length === 0) return undefined;
    const name = nameOf(keys);
    const one = owed.get(name) ?? { keys, labels: {}, under: 0 };
    one.labels = { ...labels, ...one.labels };
    one.under++;
    owed.set(name, one);
    return one;
  };
  const paid = (one: Owed | undefined): void => {
    if (one !== undefined && --one.under === 0) owed.delete(nameOf(one.keys));
  };

  const wait = (item: Waiting): void => {
    waiting.push(item);
    if (waiting.length <= most) return;
    const oldest = waiting.shift();
    onEvent("dropped", 1);
    // its counts are gone; its labels stay owed, and are written on their own
    if (oldest?.kind === "change" && oldest.owed !== undefined) oldest.owed.under--;
  };

  /** Sends a change; what can't be sent waits. @returns whether Redis is there */
  const deliver = async (change: Commit, one: Owed | undefined, tries = 0): Promise<boolean> => {
    sending++;
    const done = await store.try(change, patience).finally(() => sending--);
    switch (done.kind) {
      case "committed":
        paid(one);
        return true;
      case "ended":
        // the task is over; who held it isn't
        if (one === undefined) return true;
        return deliver(
          labelsOnly({ ...change.keys, lineage: [`ended:${change.keys.lineage.at(-1)}`] }, one.labels),
          one,
        );
      case "full":
        // INVARIANT: a label that finds no room ends the task, it isn't dropped
        onEvent("full", 1);
        paid(one);
        if (!(await store.endNow(change.keys))) wait({ kind: "end", keys: change.keys });
        return true;
      case "stale":
      case "unavailable":
        return later(change, one, tries + 1);
      case "uncertain":
        // it may have been done: labels can be written twice, counts can't
        if (change.calls.some(({ quiet }) => quiet !== true)) onEvent("dropped", 1);
        return one === undefined || later(labelsOnly(change.keys, one.labels), one, tries + 1);
    }
  };

  /** Keeps a change for later. @returns whether what comes after it can be sent: Redis is there, and doesn't take this one */
  const later = (change: Commit, one: Owed | undefined, tries: number): boolean => {
    const there = store.state === "connected";
    if (!there || tries < mostTries) wait({ kind: "change", change, owed: one, tries: there ? tries : 0 });
    else {
      onEvent("dropped", 1);
      // its labels stay owed
      if (one !== undefined) one.under--;
    }
    return there;
  };

  const labelsOnly = (keys: TaskKeys, labels: Readonly<Record<string, LabelOrigin>>): Commit => ({
    ...{ keys, rests: {}, calls: [labelling(labels, now())] },
  });

  const write = (change: Commit): void => {
    // whatever a label's name is, it is no more than that
    const labels = Object.fromEntries(change.calls.flatMap((call) => Object.entries(call.labels)));
    const one = owe(change.keys, labels);
    if (waiting.length > 0 || sending >= most || store.state !== "connected") {
      wait({ kind: "change", change, owed: one, tries: 0 });
    } else void deliver(change, one);
  };

  const flushOne = async (item: Waiting): Promise<boolean> => {
    if (item.kind === "change") return deliver(item.change, item.owed, item.tries);
    const done =
      item.kind === "end"
        ? await store.endNow(item.keys)
        : await store.settleNow(item.decisionId, item.actual);
    if (!done) wait(item);
    return done;
  };

  /** Sends what waits, as long as Redis takes it. */
  const flush = async (): Promise<void> => {
    if (flushing || closed || store.state !== "connected") return;
    flushing = true;
    let there = true;
    for (let rest = waiting.length; there && rest > 0; rest -= batch) {
      // in order: sent at once on one connection, they are done in order
      there = (await Promise.all(waiting.splice(0, Math.min(rest, batch)).map(flushOne))).every(Boolean);
    }
    const loose = now() - triedAt < again && now() >= triedAt ? [] : [...owed.values()];
    if (loose.length > 0) triedAt = now();
    for (const one of loose) {
      if (!there) break;
      if (one.under > 0) continue;
      one.under++;
      there = await deliver(labelsOnly(one.keys, one.labels), one);
    }
    if (there && waiting.length === 0) local = undefined;
    flushing = false;
  };
  const timer = setInterval(() => void flush(), pause).unref();

  const withOwed = (keys: TaskKeys, snapshot: Snapshot): Snapshot => {
    if (owed.size === 0) return snapshot;
    let { labels } = snapshot;
    const holders = new Set(keys.holders);
    for (const one of owed.values()) {
      if (one.keys.tenant !== keys.tenant) continue;
      const same = one.keys.lineage[0] === keys.lineage[0];
      if (same || [...one.keys.holders, ...(one.keys.marks ?? [])].some((holder) => holders.has(holder))) {
        labels = { ...one.labels, ...labels };
      }
    }
    return { ...snapshot, labels };
  };

  /** Gives what counts here while Redis isn't there, with what was seen of it. */
  const localFor = (keys: TaskKeys, reserve: readonly Reservation[]): MemoryEngine | undefined => {
    if (makeLocal === undefined) return undefined;
    local ??= { engine: makeLocal(), seeded: new Set() };
    const { engine, seeded } = local;
    const fresh = (name: string): boolean => !seeded.has(name) && seeded.add(name).size > 0;
    const known = withOwed(keys, store.read(keys));
    if (fresh(nameOf(keys)) && Object.keys(known.labels).length > 0) engine.label(keys, known.labels);
    const counters = reserve.flatMap((reservation) => {
      const seen = store.seen(reservation, keys.tenant);
      const name = JSON.stringify([
        keys.tenant,
        reservation.scope,
        reservation.unit,
        reservation.window,
        reservation.key,
      ]);
      return fresh(name) && seen !== undefined ? [{ reservation, used: seen.used }] : [];
    });
    const activity: readonly [Activity] | undefined = fresh(`task:${keys.tenant}:${keys.lineage.join()}`)
      ? [known.activity]
      : undefined;
    engine.seed(keys, activity?.[0], counters);
    return engine;
  };

  const read = (keys: TaskKeys): Snapshot | "unavailable" => {
    if (choked()) return "unavailable";
    if (store.state !== "connected") {
      const here = localFor(keys, []);
      if (here !== undefined) return here.read(keys);
    }
    return withOwed(keys, store.read(keys));
  };

  const commitLocal = (change: Commit): ReturnType<MemoryEngine["commit"]> => {
    const here = localFor(
      change.keys,
      change.calls.flatMap(({ reserve }) => reserve),
    );
    if (here === undefined) return { kind: "unavailable" };
    const done = here.commit(change);
    if (done.kind !== "committed") return done;
    // told to Redis as it was decided: counted, and refused no more
    const calls = change.calls.map((call, n) =>
      done.results[n]?.over === undefined
        ? { ...call, reserve: call.reserve.map((one) => ({ ...one, soft: true })) }
        : { ...call, allow: false, labels: {}, unlabel: [], reserve: [] },
    );
    write({ ...change, rests: {}, calls });
    return done;
  };

  return {
    read,
    async commit(change) {
      if (choked()) return { kind: "unavailable" };
      if (makeLocal !== undefined && store.state !== "connected") return commitLocal(change);
      const done = await store.try(change);
      if (done.kind === "uncertain" || done.kind === "unavailable") {
        return makeLocal === undefined ? { kind: "unavailable" } : commitLocal(change);
      }
      return done.kind === "stale" ? { ...done, snapshot: withOwed(change.keys, done.snapshot) } : done;
    },
    note(change) {
      if (local !== undefined) localFor(change.keys, [])?.note(change);
      write({ ...change, rests: {} });
    },
    settle(decisionId, actual) {
      local?.engine.settle(decisionId, actual);
      const item: Waiting = { kind: "settle", decisionId, actual };
      if (waiting.length > 0 || sending >= most || store.state !== "connected") wait(item);
      else void flushOne(item);
    },
    async extend(decisionId, more) {
      const here = await local?.engine.extend(decisionId, more);
      if (here !== undefined && here.kind !== "unknown") return here;
      return store.extend(decisionId, more);
    },
    label(keys, labels) {
      local?.engine.label(keys, labels);
      write(labelsOnly(keys, labels));
    },
    async end(keys) {
      void local?.engine.end(keys);
      if (await store.endNow(keys)) return "ended";
      wait({ kind: "end", keys });
      return "unavailable";
    },
    gone(holder) {
      local?.engine.gone(holder);
      store.gone(holder);
    },
    get state() {
      return store.state;
    },
    async close() {
      await flush();
      closed = true;
      clearInterval(timer);
      await local?.engine.close();
      await store.close();
    },
  };
}
