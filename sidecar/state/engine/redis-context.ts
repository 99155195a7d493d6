/** What the steps in Redis share: names, the way there, and what was seen here. */
import { randomBytes } from "node:crypto";
import type { LabelOrigin, LimitState } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import { partsOf } from "../../net/redis.js";
import { absorbWith } from "./absorb.js";
import { joinVersions, noVersion } from "./activity.js";
import type { ActivityCopy, CounterCopy, LabelCopy } from "./copies.js";
import { createCopies, noCopy } from "./copies.js";
import { stateOf } from "./counters.js";
import type { Reservation, Snapshot, TaskKeys } from "./engine.js";
import type { EngineEvent } from "./memory.js";
import { createNames } from "./names.js";
import { createOpenCalls } from "./open-calls.js";
import type { WrittenReservation } from "./payload.js";
import { recordKeys } from "./payload.js";
import { commitScript } from "./script-commit.js";
import { extendScript, lapseScript, restoreScript, settleScript } from "./script.js";
import { createSender } from "./send.js";

export interface RedisEngineParts {
  readonly redis: RedisLink;
  readonly secret: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Longest wait for an answer, milliseconds. */
  readonly waitMs: number;
  readonly graceMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
  readonly maxEntries: number;
  readonly onEvent?: (event: EngineEvent, count: number) => void;
}

export type RedisContext = ReturnType<typeof createContext>;

const scripts = [commitScript, settleScript, extendScript, lapseScript, restoreScript];

/** Creates what the steps share. */
export function createContext(parts: RedisEngineParts) {
  const { redis, secret, now, waitMs, leaseMs, maxEntries } = parts;
  const { onEvent = () => undefined } = parts;
  const names = createNames(secret);
  const sender = createSender(redis, waitMs);
  const labels = createCopies<LabelCopy>(2 * maxEntries);
  const activities = createCopies<ActivityCopy>(maxEntries);
  const counters = createCopies<CounterCopy>(maxEntries);
  const nonce = (): string => randomBytes(6).toString("base64url");
  let upSince = redis.status === "ready" ? Date.now() : Infinity;
  redis.on("ready", () => {
    upSince = Date.now();
    // before anything else, so that steps are done in the order in which they are sent
    for (const part of partsOf(redis)) {
      for (const script of scripts) part.script("LOAD", script).catch(() => undefined);
    }
  });
  const read = (keys: TaskKeys): Snapshot => {
    const at = now();
    const records = recordKeys(names, keys);
    const all = Object.create(null) as Record<string, LabelOrigin>;
    const versions = records.labels.map((key) => {
      const copy = labels.get(key, at);
      for (const { name, origin, until } of copy?.fields.values() ?? []) {
        if (origin !== undefined && until > at) all[name] ??= origin;
      }
      return copy?.version ?? noVersion;
    });
    const { activity, version } = activities.get(records.activity.at(-1) ?? "", at) ?? noCopy;
    return { labels: all, activity, seen: { labels: joinVersions(versions), activity: version } };
  };

  return {
    ...parts,
    ...{ onEvent, names, sender, labels, activities, counters, nonce, read },
    open: createOpenCalls(maxEntries),
    /** Names this process. */
    pid: randomBytes(12).toString("base64url"),
    fleet: names.prefix(undefined),
    absorb: absorbWith({ names, labels, activities, now, nonce, sender, onEvent }),
    /** What wasn't heard of for a while may have been unheard for the same reason as this process. */
    maySweep: (): boolean => Date.now() - upSince > Math.min(leaseMs, 10_000),
    /** Reads how a limit stands, and notes what was seen of it. */
    stateFrom(
      { key, lasts }: WrittenReservation,
      reservation: Reservation,
      state: readonly string[],
    ): LimitState {
      const [used = "0", frees = "", generation = "0", bucket = "0", lost = "0"] = state;
      const at = now();
      if (lost === "1") onEvent("restored", 1);
      const counted = { generation: Number(generation), bucket: Number(bucket), used: Number(used) };
      const { unit } = reservation;
      const copy = { ...counted, members: unit === "distinct_tools" || unit === "concurrent" };
      counters.set(key, copy, at + lasts);
      return stateOf(reservation, Number(used), frees === "" ? undefined : Number(frees), at);
    },
  };
}
