/** What a fleet remembers of tasks and limits, in Redis. */
import type { LabelOrigin, LimitState } from "../../contract.js";
import { addCall, noVersion } from "./activity.js";
import type { Hashes } from "./absorb.js";
import type { CounterCopy } from "./copies.js";
import { noCopy, numberOf } from "./copies.js";
import type {
  Actual,
  CallResult,
  Commit,
  Committed,
  Engine,
  Reservation,
  Snapshot,
  TaskKeys,
} from "./engine.js";
import type { Payload } from "./payload.js";
import { recordKeys, writeCommit, writeReservation } from "./payload.js";
import type { RedisEngineParts } from "./redis-context.js";
import { createContext } from "./redis-context.js";
import { createLeases } from "./redis-leases.js";
import { createSettling } from "./redis-settle.js";
import { commitScript } from "./script-commit.js";
import { restoreScript } from "./script.js";

/** What became of a commit, for those who'd keep it to try it again. */
export type Tried = Committed | { readonly kind: "uncertain" };

export interface RedisEngine extends Pick<Engine, "extend" | "gone" | "state" | "close"> {
  read(keys: TaskKeys): Snapshot;
  /** As `commit`; tells apart what was surely not done (`unavailable`) from what may have been. */
  try(change: Commit, waitMs?: number): Promise<Tried>;
  /** Counts seen here, to go on with where Redis isn't. */
  readonly seen: (reservation: Reservation, tenant: string) => CounterCopy | undefined;
  /** Tells whether a settlement reached Redis. */
  settleNow(decisionId: string, actual: Actual): Promise<boolean>;
  endNow(keys: TaskKeys): Promise<boolean>;
}

type Over = { readonly over: number; readonly states: readonly (readonly string[])[] };

/** Tries of a commit whose labels were changed by another at the same time. */
const mostTries = 6;

/** Creates the engine. INVARIANT: what Redis lost and is known here is written back; nothing falls below it. */
export function createRedisEngine(parts: RedisEngineParts): RedisEngine {
  const context = createContext(parts);
  const { redis, names, sender, labels, activities, counters, open, fleet, nonce, now } = context;
  const { absorb, read, leaseMs, holdMs, onEvent, maySweep } = context;
  /** Calls that are on their way: they are settled after. */
  const under = new Map<string, Promise<Tried>>();
  const { settle, undo, unsettled, extend } = createSettling(context, under);
  const leases = createLeases(context, { unsettled });

  /** Updates what was seen by what a commit did. */
  const learn = (
    change: Commit,
    payload: Payload,
    results: readonly CallResult[],
    reply: readonly unknown[],
  ): void => {
    const { keys } = change;
    const at = now();
    const records = recordKeys(names, keys);
    const [, , before, after, labelsBefore, labelsAfter] = reply as [
      0,
      0,
      string[],
      string[],
      string[],
      string[],
    ];
    for (const [n, key] of records.activity.entries()) {
      const copy = activities.get(key, at) ?? noCopy;
      if (copy.version !== before[n]) continue;
      let { activity } = copy;
      for (const [c, call] of change.calls.entries()) {
        if (call.quiet === true) continue;
        activity = addCall(activity, call, call.allow && results[c]?.over === undefined);
      }
      activities.set(key, { version: after[n] ?? noVersion, activity, ended: false }, at + keys.keepMs);
    }
    for (const [k, key] of [...records.labels, ...records.marks].entries()) {
      const copy = labels.get(key, at);
      const fresh = (copy?.version ?? noVersion) === labelsBefore[k];
      const fields = new Map(copy?.fields);
      for (const [c, marked] of payload.marked.entries()) {
        if (results[c]?.over !== undefined) continue;
        for (const one of marked)
          if (one.k === k) fields.set(names.digest("label", one.label.name), one.label);
      }
      if (fields.size === 0) continue;
      const version = fresh ? (labelsAfter[k] ?? noVersion) : (copy?.version ?? noVersion);
      labels.set(key, { version, fields }, at + Math.max(keys.keepMs, keys.stickMs));
    }
  };

  /** Gives what Redis said of each call's reservations of one scope. */
  const oversOf = (reply: readonly unknown[]): Over[] =>
    (reply[1] as [string, string[][]][]).map(([over, states]) => ({ over: Number(over), states }));

  const merge = (
    change: Commit,
    replies: readonly { payload: Payload; overs: readonly Over[] }[],
  ): CallResult[] =>
    change.calls.map((call, c) => {
      const limits: (LimitState | undefined)[] = call.reserve.map(() => undefined);
      let first = Infinity;
      for (const { payload, overs } of replies) {
        const { over = 0, states = [] } = overs[c] ?? {};
        const places = payload.places[c] ?? [];
        for (const [n, place] of places.entries()) {
          const reservation = call.reserve[place];
          const written = payload.reserved[c]?.[n];
          if (reservation === undefined || written === undefined) continue;
          limits[place] = context.stateFrom(written, reservation, states[n] ?? []);
        }
        if (over > 0) first = Math.min(first, places[over - 1] ?? Infinity);
      }
      const over = call.reserve[first];
      return {
        ...(over === undefined ? {} : { over }),
        limits: limits.filter((state) => state !== undefined),
      };
    });

  const send = async (change: Commit, scope: Reservation["scope"], wait?: number) => {
    const at = now();
    const seen = read(change.keys).seen;
    const versions = seen.labels.split("|").map((one) => (one === noVersion ? "" : one));
    const payload = writeCommit(context, change, {
      ...{ scope, now: at, nonce: nonce(), sweep: maySweep() },
      ...(scope === "tenant" ? { known: { labels: versions, activity: numberOf(seen.activity) } } : {}),
    });
    const sent = await sender.run(commitScript, payload.keys, payload.argument, wait);
    return { payload, sent };
  };

  /** Lets any other process settle the calls of a change. */
  const index = ({ calls }: Commit, prefix: string): void => {
    if (!sender.ready) return;
    for (const { allow, quiet, reserve, decisionId } of calls) {
      if (!allow || (quiet === true && reserve.length === 0)) continue;
      const where = reserve.some(({ scope }) => scope === "fleet") ? `${prefix} ${fleet}` : prefix;
      const key = `cs:{${names.digest("decision", decisionId)}}:i`;
      redis.set(key, where, "PX", 2 * holdMs).catch(() => undefined);
    }
  };

  const tryOnce = async (change: Commit, wait?: number): Promise<Tried | { readonly kind: "again" }> => {
    const { keys, calls } = change;
    const records = recordKeys(names, keys);
    if (records.activity.some((key) => activities.get(key, now())?.ended === true)) return { kind: "ended" };
    const ids = calls.map(({ decisionId }) => decisionId);
    const shared = calls.some((call) => call.reserve.some(({ scope }) => scope === "fleet"));
    const marks = calls.some((call) => Object.keys(call.labels).length + call.unlabel.length > 0);
    let ours = change;
    let first: ReturnType<typeof send> | undefined;
    if (shared) {
      first = send(change, "fleet", wait);
      // labels can't be taken back: what limits of the fleet say is waited for
      if (marks) {
        const { sent } = await first;
        const overs = sent.kind === "answer" ? oversOf(sent.answer as unknown[]) : [];
        ours = {
          ...change,
          calls: calls.map((call, n) =>
            (overs[n]?.over ?? 0) > 0
              ? { ...call, allow: false, labels: {}, unlabel: [], reserve: [] }
              : call,
          ),
        };
      }
    }
    leases.touch(shared ? [records.prefix, fleet] : [records.prefix]);
    // all is on its way, together, before any of it is waited for
    const sent = send(ours, "tenant", wait);
    index(ours, records.prefix);
    const [own, other] = await Promise.all([sent, first]);
    const uncertain = ({ sent }: { sent: typeof own.sent }, prefix: string): void => {
      if (sent.kind === "uncertain")
        void sent.later.then(() => {
          undo(prefix, ids);
        });
      else if (sent.kind === "refused") undo(prefix, ids);
    };
    if (own.sent.kind !== "answer" || (other !== undefined && other.sent.kind !== "answer")) {
      uncertain(own, records.prefix);
      if (own.sent.kind === "answer") undo(records.prefix, ids);
      if (other !== undefined) {
        uncertain(other, fleet);
        if (other.sent.kind === "answer") undo(fleet, ids);
      }
      return { kind: own.sent.kind === "unsent" ? "unavailable" : "uncertain" };
    }
    const reply = own.sent.answer as unknown[];
    if (reply[0] !== "ok") {
      if (shared) undo(fleet, ids);
      if (reply[0] === "ended" || reply[0] === "full") {
        if (reply[0] === "ended") {
          const key = records.activity.at(-1) ?? "";
          activities.set(
            key,
            { ...(activities.get(key, now()) ?? noCopy), ended: true },
            now() + keys.keepMs,
          );
        }
        return { kind: reply[0] };
      }
      if (!(await absorb(keys, reply[1] as Hashes))) return { kind: "unavailable" };
      return reply[0] === "conflict" ? { kind: "again" } : { kind: "stale", snapshot: read(keys) };
    }
    const replies = [{ payload: own.payload, overs: oversOf(reply) }];
    if (other?.sent.kind === "answer") {
      replies.push({ payload: other.payload, overs: oversOf(other.sent.answer as unknown[]) });
    }
    const results = merge(change, replies);
    for (const [n, call] of calls.entries()) {
      const [here = 0, there = 0] = replies.map(({ overs }) => overs[n]?.over ?? 0);
      if (here > 0 && there === 0 && shared) undo(fleet, [call.decisionId]);
      if (there > 0 && here === 0 && ours === change) undo(records.prefix, [call.decisionId], true);
      const holds = call.reserve.length > 0 || call.quiet !== true;
      if (!call.allow || results[n]?.over !== undefined || !holds) continue;
      const prefixes = call.reserve.some(({ scope }) => scope === "fleet")
        ? [records.prefix, fleet]
        : [records.prefix];
      const until = Date.now() + (change.holder === undefined ? leaseMs : holdMs);
      const alone = change.holder === undefined ? {} : { holder: change.holder };
      const oldest = open.add(call.decisionId, {
        prefixes,
        until,
        reserve: call.reserve,
        keepMs: keys.keepMs,
        ...alone,
      });
      if (oldest !== undefined) unsettled(oldest);
    }
    learn(ours, own.payload, results, reply);
    if (Number(reply[6]) > 0) onEvent("lapsed", Number(reply[6]));
    // what was seen here is others' by now, or was lost
    if (reply[7] !== undefined && reply[7] !== null) void absorb(keys, reply[7] as Hashes);
    return { kind: "committed", results };
  };

  const attempt = (change: Commit, wait?: number): Promise<Tried> => {
    const done = tryAll(change, wait);
    for (const { decisionId } of change.calls) under.set(decisionId, done);
    return done.finally(() => {
      for (const { decisionId } of change.calls) under.delete(decisionId);
    });
  };

  const tryAll = async (change: Commit, wait?: number): Promise<Tried> => {
    if (change.holder !== undefined) leases.back(change.holder);
    // what is to be taken off must be known as it lies there
    if (change.calls.some(({ unlabel }) => unlabel.length > 0) && !(await refresh(change.keys))) {
      return { kind: "unavailable" };
    }
    for (let n = 0; n < mostTries; n++) {
      const done = await tryOnce(change, wait);
      if (done.kind !== "again") return done;
    }
    return { kind: "unavailable" };
  };

  /** Looks at all that lies with a task. */
  const refresh = async (keys: TaskKeys): Promise<boolean> => {
    const rests = { activity: "-", labels: "-" };
    const { sent } = await send({ keys, rests, calls: [] }, "tenant");
    if (sent.kind !== "answer") return false;
    const reply = sent.answer as unknown[];
    return reply[0] === "ended" || (await absorb(keys, reply[1] as Hashes));
  };

  const endNow = async (keys: TaskKeys): Promise<boolean> => {
    const key = recordKeys(names, keys).activity.at(-1) ?? "";
    const copy = activities.get(key, now()) ?? noCopy;
    activities.set(key, { ...copy, ended: true }, now() + keys.keepMs);
    const n = numberOf(copy.version);
    const sent = await sender.run(restoreScript, [key], {
      ended: true,
      n,
      nonce: nonce(),
      keep: keys.keepMs,
      l: [],
    });
    return sent.kind === "answer";
  };

  return {
    read,
    try: attempt,
    settleNow: settle,
    extend,
    endNow,
    gone: leases.gone,
    seen: (reservation, tenant) => {
      const prefix = names.prefix(reservation.scope === "fleet" ? undefined : tenant);
      return counters.get(writeReservation(context, prefix, reservation, 0, now()).key, now());
    },
    get state() {
      return sender.ready ? "connected" : "unavailable";
    },
    close() {
      leases.close();
      redis.disconnect();
      return Promise.resolve();
    },
  };
}

/** The change that a call's outcome makes to labels. */
export function labelling(added: Readonly<Record<string, LabelOrigin>>, at: number): Commit["calls"][number] {
  const none = { action: "", resource: "", unlabel: [], reserve: [] };
  return { decisionId: "", allow: true, quiet: true, at, labels: added, ...none };
}
