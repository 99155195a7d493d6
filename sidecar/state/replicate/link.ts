/**
 * Keeps the records of a replica and of Redis the same. Redis is untrusted: what isn't sealed is ignored, what it lost or was set
 * back to is written again; that it answers, and with which revision, is what tells whether something was missed.
 */
import { randomBytes } from "node:crypto";
import { inTime } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import { readScript, writeScript } from "./scripts.js";

/** What a link has to tell. */
export type LinkEvent =
  /** Records that nobody of this fleet wrote; they are ignored. */
  | { readonly kind: "unauthentic"; readonly count: number }
  /** Records that Redis had lost, or older ones of. */
  | { readonly kind: "healed"; readonly count: number }
  | { readonly kind: "too_many" };

export interface LinkParts<R extends { readonly id: string }> {
  /** For commands. */
  readonly redis: RedisLink;
  /** For announcements: a connection of its own, as Redis asks. */
  readonly subscriber: RedisLink;
  /** What begins the names of keys and channels, with what Cluster keeps together in braces. */
  readonly prefix: string;
  readonly seal: {
    close(record: R): string;
    /** Gives what was closed under this id; undefined for everything else. */
    open(id: string, text: string): R | undefined;
    /** Bytes of the longest sealed record. */
    readonly longest: number;
  };
  readonly records: {
    all(): Iterable<R>;
    /** Takes a record where it is newer than what is known; gives whether it was. */
    take(record: R): boolean;
    /** INVARIANT: a total order, so that all replicas come to the same, in whatever order they learn of them. */
    isNewer(one: R, other: R): boolean;
    /** Tells whether nothing depends on a record any more. */
    isOver(record: R, now: number): boolean;
  };
  /** Told of records that were newer than what was known here. */
  readonly onRecords: (records: readonly R[]) => void;
  /** Tells of a record that there was none of its id before. */
  readonly isFirst?: (record: R) => boolean;
  /** Told that announcements may have been missed, before anything else is read. */
  readonly onMissed?: () => void;
  readonly onEvent: (event: LinkEvent) => void;
  readonly pollMs: number;
  /** Most records that are read, those that are over included. */
  readonly mostRecords: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
}

export interface Link<R> {
  /** The channel for messages of a use, among replicas of this fleet. */
  channelOf(use: string): string;
  /** When what is known here was last known to be all that there is, by `clock`; undefined: never yet. */
  freshAt(): number | undefined;
  /** Whether changes are announced here, and what was announced before this began is known. */
  isSubscribed(): boolean;
  /** Writes records; false where that isn't certain. */
  write(records: readonly R[]): Promise<boolean>;
  /**
   * Writes changes where all records are as they are expected to be ("": there is none; "*": whatever it is).
   * `others`: they aren't, and nothing was written; `unknown`: it may still be.
   */
  writeWhole(
    changes: readonly { readonly expected: string; readonly record: R }[],
  ): Promise<"written" | "others" | "unknown">;
  /** Reads all there is, and writes what lacks. Never rejects. */
  sync(): Promise<boolean>;
  close(): void;
}

/** One change of a record in Redis. */
type Change = readonly [id: string, expected: string, text: string];

const mostAtOnce = 500;
/** A round in which another replica was quicker is done again; who tampers mustn't keep us busy. */
const mostRounds = 5;
/** Milliseconds that a write is waited for; it may still be done, and is looked at again by the next {@link Link.sync}. */
const writeWaitMs = 1_500;

/** @param R a record; two of one `id` are of one thing */
export function createLink<R extends { readonly id: string }>(parts: LinkParts<R>): Link<R> {
  const { redis, subscriber, prefix, seal, records, onRecords, onEvent, pollMs, mostRecords, now, clock } =
    parts;
  const [recordsKey, revisionKey, channel] = [`${prefix}records`, `${prefix}revision`, `${prefix}news`];
  let revision: string | undefined;
  let freshAt: number | undefined;
  let closed = false;
  let syncing: Promise<boolean> | undefined;
  let again = false;
  /** Revisions that are known to be behind this one, or it. */
  const passed = new Set<string>();

  const pass = (next: string): void => {
    revision = next;
    passed.add(next);
    for (const oldest of passed) {
      if (passed.size <= 256) break;
      passed.delete(oldest);
    }
  };

  /** Takes what is newer; gives what wasn't authentic. */
  const take = (pairs: readonly string[]): Map<string, { text: string; record?: R }> => {
    const held = new Map<string, { text: string; record?: R }>();
    const newer: R[] = [];
    const at = now();
    let garbage = 0;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const [id = "", text = ""] = [pairs[i], pairs[i + 1]];
      const record = seal.open(id, text);
      if (record === undefined) garbage++;
      // what is over doesn't come back
      else if (!records.isOver(record, at) && records.take(record)) newer.push(record);
      held.set(id, { text, ...(record === undefined ? {} : { record }) });
    }
    if (garbage > 0) onEvent({ kind: "unauthentic", count: garbage });
    if (newer.length > 0) onRecords(newer);
    return held;
  };

  /** What Redis must be told, for it to be as we know it. */
  const lacks = (held: ReadonlyMap<string, { text: string; record?: R }>): Change[] => {
    const changes: Change[] = [];
    const at = now();
    for (const record of records.all()) {
      if (records.isOver(record, at)) continue;
      const found = held.get(record.id);
      if (found?.record !== undefined && !records.isNewer(record, found.record)) continue;
      const expected = found === undefined ? "" : found.record === undefined ? "*" : found.text;
      changes.push([record.id, expected, seal.close(record)]);
    }
    return changes;
  };

  /** INVARIANT: what is over goes only where Redis's clock says so, too: one that is ahead here takes nothing from others. */
  const over = async (held: ReadonlyMap<string, { text: string; record?: R }>): Promise<Change[]> => {
    const at = now();
    const some = [...held].filter(([, { record }]) => record !== undefined && records.isOver(record, at));
    if (some.length === 0) return [];
    const [seconds] = await redis.time();
    const then = Math.min(at, Number(seconds) * 1_000);
    return some.flatMap(([id, { text, record }]): Change[] =>
      record !== undefined && records.isOver(record, then) ? [[id, text, ""]] : [],
    );
  };

  const change = async (
    changes: readonly Change[],
    how: "each" | "whole" = "each",
  ): Promise<{ others: number }> => {
    const next = randomBytes(12).toString("base64url");
    const answer = (await redis.eval(
      writeScript,
      2,
      recordsKey,
      revisionKey,
      next,
      channel,
      how,
      ...changes.flat(),
    )) as [string, number, number];
    const [before, others, written] = answer;
    if (Number(written) === 0) return { others: Number(others) };
    // somebody else's change came in between, and isn't known yet
    if (before === revision) pass(next);
    else if (!passed.has(next)) void sync();
    return { others: Number(others) };
  };

  const round = async (): Promise<"done" | "again"> => {
    const asked = clock();
    const [found = "", ...pairs] = (await redis.eval(
      readScript,
      2,
      recordsKey,
      revisionKey,
      mostRecords,
      seal.longest,
    )) as string[];
    if (found === "many") {
      onEvent({ kind: "too_many" });
      throw new Error("too many records");
    }
    if (found !== revision) parts.onMissed?.();
    const held = take(pairs);
    const changes = [...lacks(held), ...(await over(held))];
    if (changes.length === 0 && found !== "") {
      pass(found);
      freshAt = asked;
      return "done";
    }
    pass(found);
    let others = 0;
    const healed = changes.filter(([, , text]) => text !== "").length;
    if (healed > 0) onEvent({ kind: "healed", count: healed });
    // without any change, too: a Redis that is empty gets a revision
    for (let i = 0; i === 0 || i < changes.length; i += mostAtOnce) {
      others += (await change(changes.slice(i, i + mostAtOnce))).others;
    }
    freshAt = asked;
    return others > 0 ? "again" : "done";
  };

  const run = async (): Promise<boolean> => {
    let done = false;
    try {
      for (let n = 0; n < mostRounds && (!done || again); n++) {
        again = false;
        done = (await round()) === "done";
      }
      // others go on writing: the next look goes on from here
      if (again) revision = undefined;
      return done;
    } catch {
      return false;
    }
  };

  const sync = (): Promise<boolean> => {
    if (closed || redis.status !== "ready") return Promise.resolve(false);
    if (syncing !== undefined) {
      again = true;
      return syncing;
    }
    syncing = run().finally(() => {
      syncing = undefined;
    });
    return syncing;
  };

  let polling = false;
  const poll = async (): Promise<void> => {
    if (polling || closed || redis.status !== "ready") return;
    polling = true;
    try {
      const asked = clock();
      const found = await redis.getrange(revisionKey, 0, 63);
      if (found !== "" && found === revision) freshAt = Math.max(freshAt ?? 0, asked);
      else await sync();
    } catch {
      // no answer: what is known here gets stale
    } finally {
      polling = false;
    }
  };

  const heard = (text: string): void => {
    const news = readNews(text);
    if (news === undefined) return void sync();
    const [before = "", next = "", ...pairs] = news;
    if (passed.has(next)) return;
    // its records are sealed and count in any case; whether it is all that changed, the revision tells
    take(pairs);
    if (before === revision && syncing === undefined) pass(next);
    else void sync();
  };

  const ready = (): void => {
    void sync();
  };
  /** By `clock`. */
  let subscribedAt: number | undefined;
  const subscribe = (): void => {
    subscriber.subscribe(channel).then(
      () => {
        subscribedAt = subscriber.status === "ready" ? clock() : undefined;
        ready();
      },
      () => undefined,
    );
  };
  subscriber.on("close", () => {
    subscribedAt = undefined;
  });
  redis.on("ready", ready);
  subscriber.on("ready", subscribe);
  subscriber.on("message", (from: string, text: string) => {
    if (!closed && from === channel) heard(text);
  });
  if (redis.status === "ready") ready();
  if (subscriber.status === "ready") subscribe();
  const timer = setInterval(() => void poll(), pollMs);
  timer.unref();

  /** Waits for a write, but not for long. */
  const waitFor = <T>(writing: Promise<T>, otherwise: T): Promise<T> =>
    inTime(writing, writeWaitMs, otherwise).catch(() => otherwise);

  return {
    channelOf: (use) => prefix + use,
    freshAt: () => freshAt,
    // INVARIANT: what was announced while nobody listened is known by what was asked for after that
    isSubscribed: () => subscribedAt !== undefined && freshAt !== undefined && freshAt >= subscribedAt,
    async write(some) {
      if (closed || redis.status !== "ready") return false;
      const changes = some.map((record): Change => [record.id, "", seal.close(record)]);
      // a record that was there before is changed in the round that reads what it is
      const writing = async (): Promise<boolean> =>
        parts.isFirst !== undefined && some.every(parts.isFirst) && (await change(changes)).others === 0
          ? true
          : await sync();
      return waitFor(writing(), false);
    },
    async writeWhole(some) {
      if (closed || redis.status !== "ready") return "unknown";
      const changes = some.map(({ expected, record }): Change => [record.id, expected, seal.close(record)]);
      const writing = async (): Promise<"written" | "others"> =>
        (await change(changes, "whole")).others === 0 ? "written" : "others";
      return waitFor<"written" | "others" | "unknown">(writing(), "unknown");
    },
    sync,
    close() {
      closed = true;
      clearInterval(timer);
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

function readNews(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}
