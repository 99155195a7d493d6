/** What one process remembers of tasks and limits. */
import type {
  Activity,
  Actual,
  CallChange,
  CallResult,
  Commit,
  Committed,
  Engine,
  Reservation,
  Snapshot,
  TaskKeys,
} from "./engine.js";
import {
  addCall,
  addUsed,
  noActivity,
  noVersions,
  usedByTask,
  usedOf,
  versionSeparator,
  type Used,
} from "./activity.js";
import type { Counter } from "./counters.js";
import type { Hold, Sum } from "./ledger.js";
import { createLedger, inTenant, sumOf } from "./ledger.js";
import type { LabelSet } from "./memory-labels.js";
import {
  addLabels,
  createLabelSet,
  currentLabels,
  holderIds,
  joinLabels,
  labelsFit,
} from "./memory-labels.js";
import { createShelf } from "./shelf.js";

/** What operators are told; the number says how many. */
export type EngineEvent =
  /** A task was refused: there is no room. */
  | "full"
  /** Calls of a holder that is gone gave back what they held. */
  | "lapsed"
  /** Calls without an outcome count as having used all they held. */
  | "unsettled"
  /** Counts that could not be written. */
  | "dropped"
  /** Somebody else writes in the store: it was refused. */
  | "unauthentic"
  /** The store had lost what is known here; it was written back. */
  | "restored";

export interface MemoryEngineParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Most tasks, holders, counters and calls under way, each. Default 100,000. */
  readonly maxEntries?: number;
  /** Milliseconds after a holder is gone until what it holds lapses. Default 3,000. */
  readonly graceMs?: number;
  /** Milliseconds after which a call without an outcome counts as having used all that it held. Default an hour. */
  readonly holdMs?: number;
  /** The same where nobody is known to be there who could tell an outcome. Default a minute. */
  readonly leaseMs?: number;
  readonly onEvent?: (event: EngineEvent, count: number) => void;
}

/** The engine without a store: its answers are there at once. */
export interface MemoryEngine extends Engine {
  read(keys: TaskKeys): Snapshot;
  commit(change: Commit): Committed;
  /** Goes on with what was seen elsewhere, where nothing is known here. */
  seed(
    keys: TaskKeys,
    activity: Activity | undefined,
    counts: readonly { readonly reservation: Reservation; readonly used: number }[],
  ): void;
}

interface TaskRecord {
  activity: Activity;
  version: number;
  ended: boolean;
  expires: number;
}

/** A call under way. */
interface Open {
  readonly keys: TaskKeys;
  readonly holder?: string;
  /** Epoch milliseconds: without an outcome, it counts as having used all that it held then. */
  readonly until: number;
  /** By what they count; a reservation that was extended has several. */
  readonly holds: readonly Hold[];
  /** What it said that it has used, by the place of the hold. */
  used: number[];
  /** Its holder is gone, and so much was added to its tasks: it holds no more than it said it used. */
  readonly spent?: Used;
}

/** Calls that are looked at for their age with each commit. */
const aged = 4;
/** Milliseconds for which a call that lapsed can still be settled. */
const lateMs = 600_000;

/** Creates the engine. */
export function createMemoryEngine(parts: MemoryEngineParts): MemoryEngine {
  const { now, maxEntries = 100_000, graceMs = 3_000, holdMs = 3_600_000, leaseMs = 60_000 } = parts;
  const { onEvent = () => undefined } = parts;
  const tasks = createShelf<TaskRecord>(maxEntries);
  const labels = createShelf<LabelSet>(2 * maxEntries);
  const counters = createShelf<Counter>(maxEntries);
  const ledger = createLedger(counters);
  const open = new Map<string, Open>();
  /** Those of them that nobody is known to tell an outcome of; they age faster. */
  const unheld = new Set<string>();
  const leaving = new Map<string, NodeJS.Timeout>();
  // versions never come twice
  let version = 0;

  const rootId = (keys: TaskKeys): string => inTenant(keys, `root:${keys.lineage[0] ?? ""}`);
  const labelIds = (keys: TaskKeys): string[] => [rootId(keys), ...holderIds(keys)];
  const markedIds = (keys: TaskKeys): string[] => [
    ...labelIds(keys),
    ...(keys.marks ?? []).map((mark) => inTenant(keys, `holder:${mark}`)),
  ];
  const versionsOf = (keys: TaskKeys): Snapshot["seen"] => {
    let all: string;
    // the usual case: nobody has any
    if (labels.size === 0) all = noVersions(keys.holders.length + 1);
    else {
      all = String(labels.get(rootId(keys))?.version ?? 0);
      for (const id of holderIds(keys)) all += versionSeparator + String(labels.get(id)?.version ?? 0);
    }
    return {
      labels: all,
      activity: String(tasks.get(inTenant(keys, keys.lineage.at(-1) ?? ""))?.version ?? 0),
    };
  };

  const read = (keys: TaskKeys): Snapshot => {
    const sets = labels.size === 0 ? [] : labelIds(keys).map((id) => labels.get(id));
    const activity = tasks.get(inTenant(keys, keys.lineage.at(-1) ?? ""))?.activity ?? noActivity;
    return { labels: joinLabels(sets, now()), activity, seen: versionsOf(keys) };
  };

  /** Makes room for what a commit needs, or tells that there is none. */
  const room = (keys: TaskKeys, calls: readonly CallChange[], at: number): boolean => {
    const newOf = (shelf: { get(id: string): unknown }, ids: string[]): number =>
      new Set(ids.filter((id) => shelf.get(id) === undefined)).size;
    const taskIds = keys.lineage.map((id) => inTenant(keys, id));
    const labelled = calls.some((call) => Object.keys(call.labels).length > 0);
    const counted = calls.flatMap((call) => call.reserve.map((one) => ledger.idOf(keys, one)));
    // decisions without an outcome make room: they count as having used what they held, but for what ends by itself
    for (const [id, { holds }] of open) {
      if (open.size + calls.length <= maxEntries) break;
      if (!holds.some(({ reservation }) => reservation.unit === "concurrent")) unsettled(id);
    }
    return (
      open.size + calls.length <= maxEntries &&
      tasks.room(newOf(tasks, taskIds), at) &&
      labels.room(labelled ? newOf(labels, markedIds(keys)) : 0, at) &&
      counters.room(newOf(counters, counted), at)
    );
  };

  const unsettled = (decisionId: string): void => {
    onEvent("unsettled", 1);
    settle(decisionId, { units: {}, known: false });
  };

  const recordOf = (keys: TaskKeys, id: string, at: number): TaskRecord => {
    const name = inTenant(keys, id);
    const record = tasks.get(name) ?? { activity: noActivity, version: 0, ended: false, expires: 0 };
    record.expires = Math.max(record.expires, at + keys.keepMs);
    tasks.set(name, record, record.activity.requests <= 1 && !record.ended);
    return record;
  };

  const mark = (keys: TaskKeys, added: Snapshot["labels"], removed: readonly string[], at: number): void => {
    if (Object.keys(added).length === 0 && removed.length === 0) return;
    for (const [place, id] of markedIds(keys).entries()) {
      const set = labels.get(id) ?? createLabelSet();
      currentLabels(set, at);
      const off = removed.filter((name) => set.labels.delete(name)).length > 0;
      const on = addLabels(set, added, place === 0 ? Infinity : at + keys.stickMs);
      if (on || off) set.version = ++version;
      if (place === 0) set.expires = at + keys.keepMs;
      else set.expires = Math.max(0, ...[...set.labels.values()].map(({ until }) => until));
      if (set.version > 0) labels.set(id, set, place === 0 && keys.fleeting === true);
    }
  };

  /** Closes calls that are too old; the oldest come first. */
  const age = (ids: Iterable<string>, at: number): void => {
    let looked = 0;
    for (const id of ids) {
      if (looked++ >= aged || (open.get(id)?.until ?? 0) > at) break;
      unsettled(id);
    }
  };

  const commit = (change: Commit): Committed => {
    const { keys, rests, calls, holder } = change;
    const at = now();
    if (keys.lineage.some((id) => tasks.get(inTenant(keys, id))?.ended === true)) {
      for (const id of keys.lineage) if (tasks.get(inTenant(keys, id)) !== undefined) recordOf(keys, id, at);
      return { kind: "ended" };
    }
    const seen = versionsOf(keys);
    if (
      (rests.labels !== undefined && rests.labels !== seen.labels) ||
      (rests.activity !== undefined && rests.activity !== seen.activity)
    ) {
      return { kind: "stale", snapshot: read(keys) };
    }
    const names = calls.flatMap((call) => Object.keys(call.labels));
    if (names.length > 0 && !markedIds(keys).every((id) => labelsFit(labels.get(id), names, at))) {
      return { kind: "full" };
    }
    if (open.size > 0) age(open.keys(), at);
    if (unheld.size > 0) age(unheld.values(), at);
    // what keeps nothing needs no room
    if (calls.length > 0 && !room(keys, calls, at)) {
      onEvent("full", 1);
      return { kind: "unavailable" };
    }
    if (holder !== undefined) {
      clearTimeout(leaving.get(holder));
      leaving.delete(holder);
    }
    if (labels.size > 0) keepLabels(keys, at);
    return { kind: "committed", results: calls.map((call) => decide(change, call, at)) };
  };

  const keepLabels = (keys: TaskKeys, at: number): void => {
    const id = rootId(keys);
    const root = labels.get(id);
    if (root === undefined) return;
    root.expires = Math.max(root.expires, at + keys.keepMs);
    // its token came back
    if (keys.fleeting !== true) labels.set(id, root, false);
  };

  const decide = (
    { keys, holder }: Pick<Commit, "keys" | "holder">,
    call: CallChange,
    at: number,
  ): CallResult => {
    const { result, holds } = ledger.reserve(keys, call, at);
    const allow = call.allow && result.over === undefined;
    if (result.over === undefined) mark(keys, call.labels, call.unlabel, at);
    for (const id of keys.lineage) {
      const record = recordOf(keys, id, at);
      if (call.quiet === true) continue;
      record.activity = addCall(record.activity, call, allow);
      record.version = ++version;
      tasks.set(inTenant(keys, id), record, record.activity.requests <= 1);
    }
    if (allow && !open.has(call.decisionId) && (call.quiet !== true || holds.length > 0)) {
      const until = at + (holder === undefined ? leaseMs : holdMs);
      const alone = holder === undefined ? {} : { holder };
      open.set(call.decisionId, { keys, ...alone, until, holds, used: [] });
      if (holder === undefined) unheld.add(call.decisionId);
    }
    return result;
  };

  /** Closes a call, once: what each hold used stays taken, or is taken; the rest goes back. */
  const close = (
    decisionId: string,
    usedAt: (hold: Hold, held: number, place: number) => number,
  ): (Pick<Open, "keys" | "spent"> & { readonly sums: readonly Sum[] }) | undefined => {
    const call = open.get(decisionId);
    if (call === undefined) return undefined;
    open.delete(decisionId);
    unheld.delete(decisionId);
    const at = now();
    const sums = ledger.close(call.keys, call.holds, decisionId, at, usedAt);
    return { ...call, sums };
  };

  const spend = (keys: TaskKeys, used: Used): void => {
    if (used.input === 0 && used.output === 0 && used.cost === 0) return;
    for (const id of keys.lineage) {
      const record = tasks.get(inTenant(keys, id));
      if (record === undefined) continue;
      record.activity = addUsed(record.activity, used);
      record.version = ++version;
    }
  };

  const settle = (decisionId: string, actual: Actual): void => {
    const closed = close(decisionId, ({ reservation }, held) => usedOf(reservation, held, actual));
    if (closed === undefined) return;
    const { input, output, cost, ...rest } = usedByTask(closed.sums, actual);
    const { spent = { input: 0, output: 0, cost: 0 } } = closed;
    spend(closed.keys, {
      input: Math.max(0, input - spent.input),
      output: Math.max(0, output - spent.output),
      cost: Math.max(0, cost - spent.cost),
      ...rest,
    });
  };

  /** Gives back what a call held, but for what it said it used; a late outcome still counts. */
  const lapseOne = (decisionId: string, call: Open): void => {
    const at = now();
    const sums = ledger.lapse(call.holds, decisionId, call.used);
    const spent = usedByTask(sums, { units: {}, known: false });
    spend(call.keys, spent);
    // the last to be looked at for its age
    open.delete(decisionId);
    open.set(decisionId, { ...call, until: at + lateMs, spent });
  };

  const lapse = (holder: string): void => {
    leaving.delete(holder);
    const calls = [...open].filter(([, call]) => call.holder === holder && call.spent === undefined);
    for (const [id, call] of calls) lapseOne(id, call);
    if (calls.length > 0) onEvent("lapsed", calls.length);
  };

  return {
    read,
    commit,
    seed(keys, activity, counts) {
      const at = now();
      const id = inTenant(keys, keys.lineage.at(-1) ?? "");
      if (
        activity !== undefined &&
        activity.requests > 0 &&
        tasks.get(id) === undefined &&
        tasks.room(1, at)
      ) {
        const record = { activity, version: ++version, ended: false, expires: at + keys.keepMs };
        tasks.set(id, record, false);
      }
      for (const { reservation, used } of counts) ledger.seed(keys, reservation, used, at);
    },
    note(change) {
      commit({ ...change, rests: {} });
    },
    settle,
    extend(decisionId, more) {
      const call = open.get(decisionId);
      if (call?.spent !== undefined || call === undefined) {
        return Promise.resolve({ kind: "unknown", limits: [] });
      }
      const at = now();
      // what was held before is what it has used by now
      call.used = call.holds.map(sumOf);
      return Promise.resolve(ledger.extend(call.keys, call.holds, decisionId, more, at));
    },
    label(keys, added) {
      const at = now();
      const ids = markedIds(keys);
      const fit = ids.every((id) => labelsFit(labels.get(id), Object.keys(added), at));
      if (fit && labels.room(ids.length, at)) mark(keys, added, [], at);
      // INVARIANT: a label that finds no room ends the task, it isn't dropped
      else {
        onEvent("full", 1);
        endTask(keys);
      }
    },
    end(keys) {
      return Promise.resolve(endTask(keys));
    },
    gone(holder) {
      if (leaving.has(holder)) return;
      leaving.set(
        holder,
        setTimeout(() => {
          lapse(holder);
        }, graceMs).unref(),
      );
    },
    state: "alone",
    close() {
      for (const timer of leaving.values()) clearTimeout(timer);
      leaving.clear();
      return Promise.resolve();
    },
  };

  function endTask(keys: TaskKeys): "ended" | "unavailable" {
    const at = now();
    const id = keys.lineage.at(-1);
    if (id === undefined || (tasks.get(inTenant(keys, id)) === undefined && !tasks.room(1, at))) {
      return "unavailable";
    }
    const record = recordOf(keys, id, at);
    record.ended = true;
    record.version = ++version;
    tasks.set(inTenant(keys, id), record, false);
    return "ended";
  }
}
