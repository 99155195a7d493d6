/** Wires bundles that are pushed: where the fleet and this sidecar remember them, and how they come into force. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { BundlesDoorParts } from "../api/bundles.js";
import { naming, openFolder, readWhole, writeWhole } from "../bundles/keep/whole.js";
import { createFollow } from "../bundles/push/follow.js";
import { createPush } from "../bundles/push/push.js";
import type { BundleStore } from "../bundles/store.js";
import type { BundleConfig } from "../bundles/config.js";
import type { SidecarConfig } from "../config.js";
import { connectRedis } from "../net/redis.js";
import type { Log } from "../record/log.js";
import type { PushedEvent } from "../state/bundles/open.js";
import { openPushed } from "../state/bundles/open.js";
import { createPushedSeal } from "../state/bundles/seal.js";
import type { Disk } from "../state/bundles/shelf.js";
import { readStateSecret } from "../state/secret.js";
import type { Feeds } from "./bundles.js";

export interface WirePushParts {
  readonly config: Pick<SidecarConfig, "bundles" | "state" | "discovery">;
  readonly bundles: BundleStore;
  /** What is configured now. */
  readonly feeds: Pick<Feeds, "names" | "configOf" | "refresh">;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface WiredPush extends Pick<
  BundlesDoorParts,
  "names" | "configOf" | "refresh" | "push" | "follow" | "pushed" | "status"
> {
  /**
   * Brings into force what was pushed before, as far as it is known here, of the bundles that are configured now.
   * Never rejects.
   */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Longest wait until a push is written to the fleet, milliseconds. */
const carryMs = 5_000;
/** What a start waits for Redis to tell what was pushed, milliseconds. */
const startMs = 2_000;

/** @throws Error where the fleet's secret can't be read, or the folder is open to others */
export async function wirePush({ config, bundles, feeds, log, now }: WirePushParts): Promise<WiredPush> {
  const isPushed = (one: BundleConfig | undefined): boolean => one?.from.kind === "push";
  const names = (): readonly string[] => feeds.names().filter((name) => isPushed(feeds.configOf(name)));
  // what discovery brings may be pushed, too
  const isUsed = config.discovery !== undefined || config.bundles.bundles.some(isPushed);
  const clock = (): number => performance.now();
  const { redisAt, dir } = config.state;
  const secret = !isUsed ? undefined : readStateSecret(config.state);
  const folder = folderOf(config.bundles.persistenceDirectory, dir);
  const isShared = isUsed && redisAt !== undefined && secret !== undefined;
  if (config.bundles.bundles.some(isPushed) && !isShared && folder === undefined)
    log.warn("what is pushed goes with this process: give a persistence_directory, or state with Redis", {});
  const state = (use: string) => ({
    onUp: () => {
      log.info("redis connected for bundles", { use });
    },
    onDown: ({ code }: { readonly code?: string }) => {
      log.warn("redis unavailable for bundles", { use, code: code ?? "unknown" });
    },
  });
  const pushed = openPushed({
    ...{ names, now, clock, onEvent: quietly(log, clock) },
    seal: createPushedSeal(secret ?? (await ownSecret(isUsed ? folder : undefined))),
    ...(isShared
      ? {
          redis: {
            commands: connectRedis(redisAt, state("records")),
            subscriber: connectRedis(redisAt, state("news")),
          },
        }
      : {}),
    ...(folder === undefined ? {} : { disk: { files, folder } }),
  });
  const follow = createFollow({ names, bundles, pushed });
  pushed.onComing((name, bytes) => void bundles.foresee(name, bytes));
  return {
    ...{ names: feeds.names, configOf: feeds.configOf, refresh: feeds.refresh },
    ...{ follow, pushed, status: bundles.status },
    push: createPush({ bundles, pushed, follow, now, clock, newId: randomUUID, carryMs }),
    async start() {
      const until = clock() + startMs;
      // others may know more than the shelf; without them, what is on it counts
      while (isShared && pushed.status().stale && clock() < until && !(await pushed.sync())) await pause(25);
      await follow.start();
    },
    async close() {
      follow.close();
      await pushed.close();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function folderOf(persistence: string | undefined, dir: string | undefined): string | undefined {
  if (persistence !== undefined) return join(persistence, "pushed");
  return dir === undefined ? undefined : join(dir, "pushed");
}

const files: Disk = {
  write: writeWhole,
  read: readWhole,
  remove: (folder, name) => unlink(join(folder, name)).catch(() => undefined),
};

/** Gives what seals the shelf where no fleet has a secret: one that is made there, or goes with the process. */
async function ownSecret(folder: string | undefined): Promise<string> {
  const fresh = randomBytes(32).toString("base64url");
  if (folder === undefined) return fresh;
  const found = await naming(folder, async () => {
    await openFolder(folder);
    const kept = await readWhole(folder, "secret", 1_024);
    if (kept === undefined) await writeWhole(folder, "secret", Buffer.from(fresh));
    return kept;
  });
  const text = found === undefined ? fresh : Buffer.from(found).toString("utf8");
  return createHash("sha256").update(`countersign pushed bundles ${text}`).digest("hex");
}

/** Warns once a minute of each kind: who tampers mustn't fill the log. */
function quietly(log: Log, clock: () => number): (event: PushedEvent) => void {
  const told = new Map<PushedEvent["kind"], number>();
  return ({ kind, ...about }) => {
    if (clock() - (told.get(kind) ?? -Infinity) < 60_000) return;
    told.set(kind, clock());
    const [level, text] = texts[kind];
    log[level](text, about);
  };
}

const texts: Readonly<Record<PushedEvent["kind"], readonly ["info" | "warn" | "error", string]>> = {
  unauthentic: ["warn", "redis holds histories of bundles that are not authentic: someone else writes there"],
  healed: ["info", "histories of bundles that redis lacked were written again"],
  too_many: ["error", "redis holds more histories of bundles than may be: they aren't read"],
  damaged: ["warn", "redis holds a bundle that isn't what its digest says: it was taken away"],
  shelf_damaged: ["error", "what was kept of pushed bundles isn't as it was left: it isn't used"],
  shelf_unwritten: ["error", "a pushed bundle could not be kept on disk"],
};
