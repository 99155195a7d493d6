/**
 * Opens what a fleet remembers of pushed bundles: in Redis, which is untrusted, and on each sidecar's own shelf. What Redis lost,
 * or was set back to, is written again by whoever knows more, content included.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisLink } from "../../net/redis.js";
import type { LinkEvent } from "../replicate/link.js";
import { createLink } from "../replicate/link.js";
import { createBlobs } from "./blobs.js";
import { createComing } from "./coming.js";
import type { Committed, PushedBundles, PushedEntry, PushedRecord } from "./pushed.js";
import { mostGenerations } from "./pushed.js";
import type { PushedSeal } from "./seal.js";
import { idOf } from "./seal.js";
import type { Disk } from "./shelf.js";
import { createShelf } from "./shelf.js";

export interface OpenPushedParts {
  /** Of bundles that may be pushed here: only their content is fetched and kept. */
  readonly names: () => readonly string[];
  readonly seal: PushedSeal;
  /** Absent: they are this sidecar's own. */
  readonly redis?: { readonly commands: RedisLink; readonly subscriber: RedisLink };
  /** Absent: what is known here goes with the process. */
  readonly disk?: { readonly files: Disk; readonly folder: string };
  readonly onEvent: (event: PushedEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
  readonly pollMs?: number;
  readonly staleAfterMs?: number;
}

export type PushedEvent =
  | LinkEvent
  /** Content in Redis that wasn't what its digest says. */
  | { readonly kind: "damaged"; readonly bundle: string }
  /** The shelf of a bundle isn't as it was left. */
  | { readonly kind: "shelf_damaged"; readonly bundle: string }
  | { readonly kind: "shelf_unwritten"; readonly bundle: string };

/** Most bundles whose history is read. */
const mostRecords = 1_000;
/** Milliseconds between two looks at whether Redis still has all content. */
const tendMs = 10_000;
/** Milliseconds between two attempts at a write. */
const againMs = 100;

/** Doesn't wait for Redis. */
export function openPushed(parts: OpenPushedParts): PushedBundles {
  const { names, seal, onEvent, now, clock, pollMs = 250, staleAfterMs = 2_000 } = parts;
  const shelf = createShelf(parts);
  const records = new Map<string, PushedRecord>();
  const lasts = new Map<string, number>();
  const listeners: ((name: string) => void)[] = [];
  const isOwn = (name: string): boolean => names().includes(name);
  const tell = (name: string): void => {
    for (const listener of listeners) if (isOwn(name)) listener(name);
  };

  const loaded = new Set<string>();
  const load = async (name: string): Promise<void> => {
    if (loaded.has(name)) return;
    loaded.add(name);
    const found = await shelf.load(name);
    if (found === "damaged") onEvent({ kind: "shelf_damaged", bundle: name });
    if (typeof found === "string") return;
    if (found.last !== undefined) lasts.set(name, found.last);
    // Redis may have told of newer ones already; where it told of older ones, it is told in its turn
    if (take(found.record)) void link?.sync();
  };

  /** One after the other, so that the newest is what stays. */
  let shelving: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<boolean> => {
    const done = shelving.then(work).then(
      () => true,
      () => false,
    );
    shelving = done;
    return done;
  };
  const shelve = async (record: PushedRecord): Promise<boolean> => {
    const { name } = record;
    if (!isOwn(name)) return true;
    const done = await inTurn(async () => {
      const newest = records.get(record.id) ?? record;
      await shelf.writeRecord(newest, lasts.get(name));
    });
    if (!done) onEvent({ kind: "shelf_unwritten", bundle: name });
    return done;
  };

  /** Takes a record where it is newer; lets content go that it doesn't name any more. */
  const take = (record: PushedRecord): boolean => {
    const before = records.get(record.id);
    if (before !== undefined && !isNewer(record, before)) return false;
    records.set(record.id, record);
    const named = new Set(record.entries.map(({ digest }) => digest));
    for (const { digest } of before?.entries ?? []) {
      if (named.has(digest)) continue;
      void shelf.remove(record.name, digest);
      blobs?.remove(digest).catch(() => undefined);
    }
    return true;
  };

  const prefix = `cs:{bundles-${seal.name}}:`;
  const redis = parts.redis?.commands;
  const blobs = redis === undefined ? undefined : createBlobs(redis, prefix);
  const link =
    parts.redis === undefined
      ? undefined
      : createLink<PushedRecord>({
          redis: parts.redis.commands,
          subscriber: parts.redis.subscriber,
          ...{ prefix, seal, pollMs, mostRecords, now, clock },
          records: { all: () => records.values(), take, isNewer, isOver: () => false },
          isFirst: () => false,
          onRecords(some) {
            for (const record of some) {
              void shelve(record);
              tell(record.name);
            }
          },
          onEvent(event) {
            onEvent(event);
            if (event.kind === "healed") void tend();
          },
        });

  const expecting: ((name: string, bytes: Uint8Array) => void)[] = [];
  const coming =
    parts.redis === undefined || link === undefined
      ? undefined
      : createComing({
          redis: parts.redis.commands,
          subscriber: parts.redis.subscriber,
          ...{ seal, now, channel: link.channelOf("coming") },
          onComing(name, bytes) {
            if (isOwn(name)) for (const listener of expecting) listener(name, bytes);
          },
        });

  let tending: Promise<void> | undefined;
  /** Writes content again that Redis lacks and that is here. */
  const tend = (): Promise<void> =>
    (tending ??= tendAll()
      .catch(() => undefined)
      .finally(() => {
        tending = undefined;
      }));
  const tendAll = async (): Promise<void> => {
    if (blobs === undefined || redis?.status !== "ready") return;
    for (const { name, entries } of [...records.values()]) {
      if (!isOwn(name)) continue;
      for (const entry of entries) {
        if (await blobs.keep(entry.digest, entry.size)) continue;
        const bytes = await shelf.content(name, entry);
        if (bytes === undefined) continue;
        await blobs.put(entry.digest, bytes);
        await blobs.keep(entry.digest, entry.size);
      }
    }
  };
  const tender = setInterval(() => void tend(), tendMs).unref();

  const headOf = (name: string): PushedRecord | undefined => records.get(idOf(name));

  /** Writes here only. */
  const commitHere = async (record: PushedRecord, bytes: Uint8Array): Promise<Committed> => {
    const [entry] = record.entries;
    const written = await inTurn(async () => {
      await shelf.writeContent(record.name, entry, bytes);
      await shelf.writeRecord(record, lasts.get(record.name));
    });
    if (!written) return "unknown";
    take(record);
    return "written";
  };

  const tryCommit = async (
    name: string,
    entry: PushedEntry,
    bytes: Uint8Array,
  ): Promise<Committed | "again"> => {
    const before = headOf(name);
    if (before?.entries.some(({ id }) => id === entry.id) === true) return "written";
    if ((before?.entries[0].generation ?? 0) !== entry.generation - 1) return "others";
    const entries = [entry, ...(before?.entries ?? [])].slice(0, mostGenerations);
    const record = { id: idOf(name), name, entries: entries as [PushedEntry, ...PushedEntry[]] };
    if (link === undefined || blobs === undefined) return commitHere(record, bytes);
    if (redis?.status !== "ready") return "again";
    try {
      await blobs.put(entry.digest, bytes);
    } catch {
      return "again";
    }
    // INVARIANT: content is on the shelf before the head names it: a fleet that remembers a push has it
    const shelved = await inTurn(() => shelf.writeContent(name, entry, bytes));
    if (!shelved) onEvent({ kind: "shelf_unwritten", bundle: name });
    const wrote = await link.writeWhole([
      { expected: before === undefined ? "" : seal.close(before), record },
    ]);
    if (wrote === "written") {
      take(record);
      await shelve(record);
      // nobody need wait for it: whoever has it sees to it again
      blobs.keep(entry.digest, entry.size).catch(() => undefined);
      return "written";
    }
    await link.sync();
    return "again";
  };

  return {
    load,
    record: headOf,
    announce(name, bytes) {
      coming?.tell(name, bytes);
    },
    onComing(listener) {
      expecting.push(listener);
    },
    async commit(name, entry, bytes, untilMs) {
      for (;;) {
        const committed = await tryCommit(name, entry, bytes).catch(() => "again" as const);
        if (committed !== "again") return committed;
        if (clock() >= untilMs) return "unknown";
        await sleep(againMs);
      }
    },
    async content(name, entry) {
      const here = await shelf.content(name, entry);
      if (here !== undefined || blobs === undefined) return here;
      try {
        const found = await blobs.get(entry.digest, entry.size);
        if (found === "damaged") onEvent({ kind: "damaged", bundle: name });
        return typeof found === "string" ? undefined : found;
      } catch {
        return undefined;
      }
    },
    async settled(name, entry, bytes) {
      lasts.set(name, entry.generation);
      const record = headOf(name);
      if (record === undefined) return;
      const shelved = await inTurn(async () => {
        if ((await shelf.content(name, entry)) === undefined) await shelf.writeContent(name, entry, bytes);
      });
      if (!shelved) onEvent({ kind: "shelf_unwritten", bundle: name });
      await shelve(record);
    },
    last(name) {
      return headOf(name)?.entries.find(({ generation }) => generation === lasts.get(name));
    },
    async sync() {
      return link === undefined ? true : link.sync();
    },
    subscribe(listener) {
      listeners.push(listener);
    },
    status() {
      const at = link?.freshAt();
      return {
        kept: [
          "memory",
          ...(link === undefined ? [] : (["redis"] as const)),
          ...(parts.disk === undefined ? [] : (["disk"] as const)),
        ],
        stale: link !== undefined && (at === undefined || clock() - at > staleAfterMs),
      };
    },
    async close() {
      clearInterval(tender);
      link?.close();
      await tending;
      await shelving;
    },
  };
}

/**
 * Tells which of two histories counts: the one with the higher head; of two that came to be apart, the later one.
 * INVARIANT: a total order, so that all replicas come to the same, in whatever order they learn of them.
 */
function isNewer({ entries: [one] }: PushedRecord, { entries: [other] }: PushedRecord): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  if (one.at !== other.at) return one.at > other.at;
  return one.id > other.id;
}
