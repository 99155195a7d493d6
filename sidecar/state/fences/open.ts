/** Opens the fences of a sidecar: in memory, in a file where there is a place for one, shared where there is a Redis. */
import type { ActiveFence, ErrorCode, FenceChange, FenceMatch } from "../../contract.js";
import type { RedisAt } from "../../net/redis.js";
import { connectRedis } from "../../net/redis.js";
import type { Log } from "../../record/log.js";
import type { Census, CountLive } from "./census.js";
import { createCensus } from "./census.js";
import type { FencesConfig } from "./config.js";
import type { FenceEvent } from "./event.js";
import type { Fence, FenceResult, Fences } from "./fences.js";
import { createFenceFile } from "./file.js";
import { liftOf } from "./lift.js";
import type { FenceLink } from "./link.js";
import { createFenceLink } from "./link.js";
import { automatic, createFenceRecords } from "./records.js";
import { createFenceSeal } from "./seal.js";

export interface OpenFencesParts {
  readonly config: FencesConfig;
  /** Where a fleet shares them; absent: they are this sidecar's own. */
  readonly redisAt?: RedisAt;
  /** Authenticates them in Redis and in the file; without it they are neither shared nor kept. */
  readonly secret?: string;
  /** Where the file is that survives restarts of everything. */
  readonly dir?: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock?: () => number;
  readonly newId: () => string;
  readonly log: Log;
  readonly onEvent?: (event: FenceEvent) => void;
}

export interface FencesStatus {
  readonly in_force: number;
  readonly waiting_for_second_person: number;
  /** What survives what: `redis` a restart of this sidecar, `file` one of everything. */
  readonly kept: readonly ("memory" | "redis" | "file")[];
  /** Whether it can't be known now what is fenced off. */
  readonly stale: boolean;
  readonly file_damaged: boolean;
}

export interface OpenedFences extends Fences {
  status(): FencesStatus;
  /** How many live things a fence would cut, over the fleet. */
  census(match: FenceMatch, issuedBefore?: number): Promise<Census>;
  /** Tells of what happens, and at once of what has happened before anybody listened. */
  observe(listener: (event: FenceEvent) => void): void;
  /** Says who counts what is live at this sidecar's enforcement points. */
  serveCensus(count: CountLive): void;
}

/** What sets fences by itself may fill this part of `max`, so that people always can. */
const automaticShare = 0.8;
/** What people set in one tenant, likewise. */
const tenantShare = 0.5;
const sweepMs = 60_000;
/** Milliseconds between two looks at whether what is known here is stale, at most: gateways wait for it. */
const mostLookMs = 50;
/** Bytes of a reason, and of who. */
const longestText = 1_000;

/** Opens the fences; resolves once the file is read, without waiting for Redis. */
export async function openFences(parts: OpenFencesParts): Promise<OpenedFences> {
  const { config, now, clock = () => performance.now(), log, secret } = parts;
  const observers = parts.onEvent === undefined ? [] : [parts.onEvent];
  /** What happened before anybody observed. */
  const early: FenceEvent[] = [];
  const onEvent = (event: FenceEvent): void => {
    if (observers.length === 0 && early.length < 1_000) early.push(event);
    for (const observer of observers) observer(event);
  };
  const records = createFenceRecords();
  const listeners = new Set<(change: FenceChange) => void>();
  let count: CountLive = () => Promise.resolve({});
  let damaged = false;

  const tellOf = (kind: "added" | "lifted", fences: readonly Fence[]): void => {
    if (fences.length > 0) tell({ kind, fences: fences.map(activeOf) });
  };
  const tell = (change: FenceChange): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch {
        log.error("a change of fences was not taken", {});
      }
    }
  };
  /** What a change of records means for who subscribed. */
  const changed = (fences: readonly Fence[], here: boolean): void => {
    const at = now();
    const active = fences.filter(({ state, expires }) => state === "active" && (expires ?? Infinity) > at);
    tellOf("added", active);
    tellOf(
      "lifted",
      fences.filter(({ state }) => state === "lifted"),
    );
    for (const fence of fences) {
      onEvent({
        kind: fence.state === "lifted" ? "lifted" : fence.lift === undefined ? "added" : "asked",
        fence,
        here,
      });
    }
  };

  const seal = secret === undefined ? undefined : createFenceSeal(secret);
  const file =
    seal === undefined || parts.dir === undefined
      ? undefined
      : createFenceFile({ dir: parts.dir, seal, records, now });
  if (file !== undefined) {
    damaged = (await file.load()) === "damaged";
    if (damaged) {
      log.error("the file of fences isn't as it was left: what is authentic in it counts", {
        file: "fences",
      });
      onEvent({ kind: "file_damaged" });
    }
  }

  const shared = seal === undefined || parts.redisAt === undefined ? undefined : connect(parts.redisAt, log);
  const link: FenceLink | undefined =
    seal === undefined || shared === undefined
      ? undefined
      : createFenceLink({
          ...shared,
          seal,
          records,
          onRecords(fences) {
            changed(fences, false);
            void keep(fences);
          },
          onEvent: quietly(onEvent, log, now),
          pollMs: config.pollMs,
          mostRecords: config.max * 4 + 1_000,
          now,
          clock,
        });
  const fleet =
    seal === undefined || shared === undefined || link === undefined
      ? undefined
      : createCensus({ ...shared, seal, channelOf: link.channelOf, count: (...what) => count(...what) });

  const keep = async (fences: readonly Fence[]): Promise<boolean> => {
    if (file === undefined) return true;
    const written = await file.write(fences);
    if (!written) onEvent({ kind: "file_unwritten" });
    return written;
  };

  /** INVARIANT: by a clock that nobody sets: one that is set back doesn't make old news fresh. */
  const isStale = (): boolean => {
    if (link === undefined) return damaged;
    const at = link.freshAt();
    return at === undefined || clock() - at > config.staleAfterMs;
  };
  let stale = isStale();
  const opened = clock();
  /** INVARIANT: one that has just started isn't lost yet: its first answer is waited for as long as any other. */
  const isLost = (): boolean =>
    config.onPartition === "deny" &&
    isStale() &&
    (link === undefined || clock() - (link.freshAt() ?? opened) > config.staleAfterMs);
  let lost = isLost();
  const lookForLoss = (): void => {
    if (isLost() === lost) return;
    lost = !lost;
    tell({ kind: lost ? "stale" : "fresh", fences: [] });
  };
  const look = (): void => {
    if (damaged && link?.freshAt() !== undefined) {
      damaged = false;
      void file?.replace();
    }
    lookForLoss();
    const is = isStale();
    if (is === stale) return;
    stale = is;
    log[is ? "warn" : "info"](is ? "fences are stale: Redis doesn't answer" : "fences are known again", {
      on_partition: config.onPartition,
    });
    onEvent({ kind: is ? "stale" : "fresh" });
  };
  const looking = setInterval(look, Math.min(config.pollMs, mostLookMs));
  looking.unref();
  const sweeping = setInterval(() => {
    records.sweep(now());
  }, sweepMs);
  sweeping.unref();

  const unwritten = new Set<string>();
  const write = async (fence: Fence): Promise<boolean> => {
    const written = await Promise.all([keep([fence]), link === undefined ? true : link.write([fence])]);
    const all = written.every((one) => one);
    if (all) unwritten.delete(fence.id);
    else unwritten.add(fence.id);
    return all;
  };
  /** INVARIANT: who sets one again because it couldn't be written isn't told that it was before it is. */
  const isWritten = async (fence: Fence): Promise<boolean> =>
    !unwritten.has(fence.id) || (await write(fence));

  /** Brings a record into force here, then writes it. */
  const put = async (fence: Fence): Promise<boolean> => {
    records.take(fence);
    changed([fence], true);
    if (await write(fence)) return true;
    log.error("a fence is in force here, and could not be written", { fence: fence.id });
    onEvent({ kind: "unwritten", id: fence.id });
    return false;
  };

  const room = (match: FenceMatch, byItself: boolean, at: number): boolean => {
    if (records.size >= config.max * 2) records.sweep(at);
    const most = byItself ? config.max * automaticShare : config.max;
    const inForce = records.inForce(at);
    const { tenant } = match;
    // nor may one tenant's operators
    const own = tenant === undefined ? 0 : inForce.filter((one) => isSetIn(one, tenant)).length;
    return (
      inForce.length < most &&
      (byItself || own < config.max * tenantShare) &&
      records.size < config.max * (byItself ? 2 : 3) &&
      records.takes(match)
    );
  };

  return {
    // whether what is known is stale is a matter of time
    mark: () => (config.onPartition === "deny" && isStale() ? undefined : records.mark()),
    check(handles) {
      const found = records.check(handles, now());
      if (found !== undefined) return activeOf(found);
      return config.onPartition === "deny" && isStale() ? "fences_stale" : undefined;
    },
    async add({ match, reason, by, seconds, issued_before }) {
      const at = now();
      if (longer(reason) || longer(by)) return refused("invalid_request");
      const expires = seconds === undefined ? undefined : at + Math.round(seconds * 1_000);
      const byItself = automatic.test(by);
      // one cause doesn't fill the list with the same fence
      const alike = byItself ? [...records.same(match)].filter((one) => isAlike(one, by, reason)) : [];
      const reaching = alike.filter((one) => (one.issued_before ?? Infinity) >= (issued_before ?? Infinity));
      const same = enoughOf(reaching, expires, at);
      if (same !== undefined) return { kind: (await isWritten(same)) ? "done" : "unwritten", fence: same };
      if (!room(match, byItself, at)) return refused("fences_full");
      const id = parts.newId();
      const fence: Fence = {
        ...{ id, version: 1, state: "active", match, reason, by, at },
        ...(expires === undefined ? {} : { expires }),
        ...(issued_before === undefined ? {} : { issued_before }),
      };
      // one that nobody could read again would hold here only, and damage the file
      if (seal?.fits(fence) === false) return refused("invalid_request");
      return { kind: (await put(fence)) ? "done" : "unwritten", fence };
    },
    async lift(id, by) {
      const fence = records.get(id);
      if (fence === undefined || longer(by)) return refused("unknown_fence");
      // what sets fences by itself doesn't agree for a person
      if (config.secondPerson && automatic.test(by)) return refused("operator_refused");
      const next = liftOf(fence, by, now(), config.secondPerson);
      if (next === "waits") return { kind: "waits", fence };
      if (next === "lifted") return { kind: "done", fence };
      if (!(await put(next))) return { kind: "unwritten", fence: next };
      return { kind: next.state === "lifted" ? "done" : "waits", fence: next };
    },
    list: () => records.inForce(now()),
    subscribe(listener) {
      listeners.add(listener);
      listener({ kind: "all", fences: records.inForce(now()).map(activeOf) });
      if (lost) listener({ kind: "stale", fences: [] });
      return () => listeners.delete(listener);
    },
    status() {
      const inForce = records.inForce(now());
      return {
        in_force: inForce.length,
        waiting_for_second_person: inForce.filter(({ lift }) => lift !== undefined).length,
        kept: [
          "memory",
          ...(link === undefined ? [] : (["redis"] as const)),
          ...(file === undefined ? [] : (["file"] as const)),
        ],
        stale: isStale(),
        file_damaged: damaged,
      };
    },
    async census(match, issuedBefore) {
      if (fleet !== undefined) return fleet.ask(match, issuedBefore);
      return { live: await count(match, issuedBefore), asked: 1, answered: 1 };
    },
    observe(listener) {
      observers.push(listener);
      for (const event of early.splice(0)) listener(event);
    },
    serveCensus(counter) {
      count = counter;
    },
    async close() {
      clearInterval(looking);
      clearInterval(sweeping);
      link?.close();
      await file?.close();
    },
  };
}

function connect(at: RedisAt, log: Log) {
  const state = (use: string) => ({
    onUp: () => {
      log.info("redis connected for fences", { use });
    },
    onDown: ({ code }: { readonly code?: string }) => {
      log.warn("redis unavailable for fences", { use, code: code ?? "unknown" });
    },
  });
  return { redis: connectRedis(at, state("records")), subscriber: connectRedis(at, state("news")) };
}

/** Warns once a minute of each kind: who tampers mustn't fill the log. */
function quietly(
  onEvent: (event: FenceEvent) => void,
  log: Log,
  now: () => number,
): (event: FenceEvent) => void {
  const told = new Map<FenceEvent["kind"], number>();
  return (event) => {
    onEvent(event);
    if (Math.abs(now() - (told.get(event.kind) ?? -Infinity)) < 60_000) return;
    told.set(event.kind, now());
    if (event.kind === "unauthentic")
      log.warn("redis holds fences that are not authentic: someone else writes there", {
        count: event.count,
      });
    if (event.kind === "healed")
      log.info("fences that redis lacked were written again", { count: event.count });
    if (event.kind === "too_many") log.error("redis holds more fences than may be: they aren't read", {});
  };
}

function activeOf({ id, match, expires, issued_before }: Fence): ActiveFence {
  return {
    ...{ id, match },
    ...(expires === undefined ? {} : { expires }),
    ...(issued_before === undefined ? {} : { issued_before }),
  };
}

/** Tells whether one stands for another: what a signal set, another signal lifts, so it stands for itself only. */
function isAlike(one: Fence, by: string, reason: string): boolean {
  const signal = "signal:";
  return by.startsWith(signal) ? one.by === by && one.reason === reason : !one.by.startsWith(signal);
}

/** Finds one that is in force and ends no earlier. */
function enoughOf(fences: Iterable<Fence>, expires: number | undefined, now: number): Fence | undefined {
  // seconds more of the same aren't worth another one
  const enough = Math.max(now + 1, (expires ?? Infinity) - 1_000);
  for (const fence of fences) if ((fence.expires ?? Infinity) >= enough) return fence;
  return undefined;
}

function isSetIn({ match, by }: Fence, tenant: string): boolean {
  return match.tenant === tenant && !automatic.test(by);
}

function longer(text: string): boolean {
  return text === "" || text.length > longestText;
}

function refused(code: ErrorCode): FenceResult {
  return { kind: "refused", code };
}
