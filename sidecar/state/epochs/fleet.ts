/**
 * Epochs of a fleet, in Redis, which is untrusted: a bump counts only where it is sealed, what Redis lost or was set back to
 * is written again, and whoever may have missed one forgets all that it kept.
 */
import type { RedisLink } from "../../net/redis.js";
import type { EpochMatch } from "../../contract.js";
import type { LinkEvent } from "../replicate/link.js";
import { createLink } from "../replicate/link.js";
import type { Bump, BumpResult, Epochs, EpochsChanged } from "./epochs.js";
import type { EpochRecord } from "./seal.js";
import { createEpochSeal, recordOf } from "./seal.js";
import { createEpochTable, idOf } from "./table.js";
import { createSweep } from "./sweep.js";

export interface FleetEpochsParts {
  /** For commands. */
  readonly redis: RedisLink;
  /** For announcements: a connection of its own, as Redis asks. */
  readonly subscriber: RedisLink;
  /** Authenticates bumps; the same for the whole fleet. */
  readonly secret: string;
  /** Longest life of anything that is kept, milliseconds. */
  readonly longestMs: number;
  /** Most bumps that are told apart. */
  readonly most: number;
  /** Milliseconds between two looks at whether a bump was missed. */
  readonly pollMs: number;
  /** Milliseconds without an answer of Redis after which bumps may be missed. */
  readonly staleAfterMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
  readonly onEvent?: (event: LinkEvent) => void;
}

/** Another replica was quicker: so often it is tried again at once. */
const mostTries = 16;
const sweepMs = 30_000;

/**
 * Creates a replica's epochs. Redis gives out the numbers: a bump is written together with the greatest number, and only
 * where that is what it was, so that each is greater than all before, and all replicas hear of them in that order.
 *
 * A replica that starts has kept nothing; what others have kept in Redis it doesn't use before it is `listening`.
 */
export function createFleetEpochs(parts: FleetEpochsParts): Epochs {
  const { redis, subscriber, longestMs, most, now, clock, pollMs, staleAfterMs } = parts;
  const seal = createEpochSeal(parts.secret);
  const table = createEpochTable();
  /** As they are in Redis, or should be: a local mark that no older Redis can fall behind. */
  const written = new Map<string, EpochRecord>([["high", { id: "high", number: 0 }]]);
  /** Bumps that hold here, and have no number of the fleet's yet. */
  const unwritten = new Map<string, Bump>();
  const listeners = new Set<(change: EpochsChanged) => void>();
  const tell = (change: EpochsChanged): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch {
        // INVARIANT: the fault of one keeps a bump from nobody else
      }
    }
  };
  const highest = (): number => written.get("high")?.number ?? 0;
  let known = 0;

  const { isOver, sweep } = createSweep({ table, longestMs, clock });
  const link = createLink<EpochRecord>({
    ...{ redis, subscriber, pollMs, now, clock, mostRecords: most * 2 + 1_000 },
    prefix: `cs:{epochs-${seal.name}}:`,
    seal,
    records: {
      all: () => written.values(),
      take(record) {
        const before = written.get(record.id);
        if (before !== undefined && before.number >= record.number) return false;
        written.set(record.id, record);
        return true;
      },
      isNewer: (one, other) => one.number > other.number,
      isOver: (record, at) => "bump" in record && isOver(record.bump, at),
    },
    isFirst: () => false,
    onRecords(records) {
      const bumps = records.flatMap((one) => ("bump" in one && table.take(one.bump) ? [one.bump] : []));
      // INVARIANT: numbers come in their order; where somebody meddled with that, a greater one may have been in use already
      const isLate = bumps.some(({ number }) => number <= known);
      known = Math.max(known, highest(), ...bumps.map(({ number }) => number));
      if (isLate) tell({ kind: "missed" });
      if (bumps.length > 0) tell({ kind: "bumped", bumps });
    },
    onMissed() {
      tell({ kind: "missed" });
    },
    onEvent: parts.onEvent ?? (() => undefined),
  });

  /** Bumps of this replica that are being written. */
  let underWay = 0;
  const hears = (): boolean => {
    const at = link.freshAt();
    return link.isSubscribed() && unwritten.size === 0 && at !== undefined && clock() - at <= staleAfterMs;
  };
  // INVARIANT: what is kept where others find it is kept under a number that the fleet gave out
  const isListening = (): boolean => underWay === 0 && hears();

  /** Brings a bump into force here. */
  const hold = (bump: Bump): void => {
    if (table.take(bump)) tell({ kind: "bumped", bumps: [bump] });
    if (bump.match.everything !== undefined) sweep(now());
  };

  let last: Promise<unknown> = Promise.resolve();
  /** Writes one after the other: those of one replica don't get in each other's way. */
  const inTurn = (bump: Bump): Promise<Bump | undefined> => {
    // where one couldn't be written, those behind it wait for the next look
    const written = last.then(() => (unwritten.size > 0 ? undefined : write(bump)));
    last = written.catch(() => undefined);
    return written;
  };

  /** Writes a bump under a number that is greater than all others; undefined where that can't be known. */
  const write = async (bump: Bump): Promise<Bump | undefined> => {
    let next = bump;
    for (let n = 0; n < mostTries; n++) {
      const before: EpochRecord = { id: "high", number: highest() };
      if (next.number <= highest()) next = { ...bump, number: highest() + 1 };
      const high: EpochRecord = { id: "high", number: next.number };
      const record = recordOf(next);
      const wrote = await link.writeWhole([
        { record: high, expected: seal.close(before) },
        { record, expected: "*" },
      ]);
      if (wrote === "unknown") return undefined;
      if (wrote === "written") {
        for (const one of [high, record])
          if ((written.get(one.id)?.number ?? 0) < one.number) written.set(one.id, one);
        known = Math.max(known, next.number);
        hold(next);
        return next;
      }
      await link.sync();
    }
    return undefined;
  };

  let writing = false;
  /** Gives the bumps that Redis didn't take numbers of the fleet's. */
  const writeAgain = async (): Promise<void> => {
    if (writing || unwritten.size === 0 || redis.status !== "ready") return;
    writing = true;
    try {
      for (const [id, bump] of unwritten) {
        if ((await write(bump)) === undefined) return;
        if (unwritten.get(id) === bump) unwritten.delete(id);
      }
    } finally {
      writing = false;
    }
  };

  let heard = false;
  const look = (): void => {
    void writeAgain();
    if (hears() === heard) return;
    heard = !heard;
    tell({ kind: heard ? "listening" : "deaf" });
  };
  const looking = setInterval(look, Math.min(pollMs, 50)).unref();
  const sweeping = setInterval(() => {
    sweep(now());
    for (const [id, one] of written)
      if ("bump" in one && table.get(idOf(one.bump.match)) === undefined) written.delete(id);
  }, sweepMs).unref();
  subscriber.on("close", look);

  return {
    of: table.of,
    any: () => table.highest > 0,
    async bump(asked: EpochMatch, reason, by): Promise<BumpResult> {
      const at = now();
      if (table.size >= most) sweep(at);
      // one too many is one of everything: it costs time, and stands for all others
      const match = table.size >= most ? { everything: "*" } : asked;
      const bump = { number: Math.max(table.highest, highest()) + 1, match, reason, by, at };
      const id = idOf(match);
      underWay++;
      hold(bump);
      const done = await inTurn(bump).finally(() => underWay--);
      if (done === undefined) unwritten.set(id, bump);
      look();
      return done === undefined ? { kind: "unwritten", bump } : { kind: "done", bump: done };
    },
    listening: isListening,
    subscribe(listener) {
      listeners.add(listener);
      listener({ kind: hears() ? "listening" : "deaf" });
      return () => listeners.delete(listener);
    },
    list: () => [...table.all()],
    close() {
      clearInterval(looking);
      clearInterval(sweeping);
      link.close();
      return Promise.resolve();
    },
  };
}
