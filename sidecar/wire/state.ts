/** Wires what is remembered for requests and between them. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRing } from "../assert/open-ring.js";
import type { OpenedRing } from "../assert/open-ring.js";
import { createSignToken } from "../assert/sign.js";
import type { SidecarConfig } from "../config.js";
import type { Outcome } from "../contract.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import type { State } from "../pipeline/remember.js";
import type { Epochs } from "../state/epochs/epochs.js";
import { heldAs } from "../state/engine/engine.js";
import { openEngine } from "../state/engine/open.js";
import { identityHandles } from "../state/fences/handles.js";
import type { OpenedFences } from "../state/fences/open.js";
import { openFences } from "../state/fences/open.js";
import { createLimits } from "../state/limits/create-limits.js";
import type { Extend } from "../state/limits/extend.js";
import { createExtend } from "../state/limits/extend.js";
import { createTasks } from "../state/tasks/create-tasks.js";
import { readFenceObligation } from "../state/watch/obligation.js";
import { createWatch } from "../state/watch/watch.js";

export interface StateParts {
  readonly config: SidecarConfig;
  /** The ring that assertions are signed with, where there is one. */
  readonly ring?: OpenedRing | undefined;
  readonly epochs: Epochs;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "limitCounted" | "stateHappened">;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface OpenedState extends State {
  readonly fences: OpenedFences;
  readonly epochs: Epochs;
  /** Answers a call that nears its allowance. */
  readonly extend: Extend;
  /** The public keys of task tokens, as a JSON Web Key Set. */
  readonly keys: () => string;
  /** Settles what a decision held, where it is told by who asked for it. */
  outcome(outcome: Outcome, by: string): void;
  close(): Promise<void>;
}

export async function openState({
  config,
  ring,
  epochs,
  log,
  metrics,
  now,
}: StateParts): Promise<OpenedState> {
  const newId = randomUUID;
  const { redisAt, dir } = config.state;
  const secret = secretOf(config.state);
  const own =
    ring === undefined
      ? await openRing({
          config: {
            ...{ issuer: config.tasks.trustDomain, algorithm: "ES256", rotateHours: 24 },
            ...(redisAt === undefined || secret === undefined
              ? {}
              : { shared: { redisAt, secret: ringSecret(secret) } }),
          },
          ...{ now, log },
        })
      : undefined;
  const keys = ring ?? own;
  if (keys === undefined) throw new Error("there is no ring of keys");
  if (config.cache.redisAt !== undefined && redisAt === undefined) {
    log.warn("tasks, limits and fences are this sidecar's own: to share them, write a section state", {});
  }
  const engine = openEngine({
    config: config.state,
    ...{ now, newId, log, onEvent: metrics.stateHappened },
  });
  const limits = createLimits({ config: config.limits, now, onCounted: metrics.limitCounted });
  const fences = await openFences({
    config: config.fences,
    ...(redisAt === undefined ? {} : { redisAt }),
    ...(secret === undefined ? {} : { secret }),
    ...(dir === undefined ? {} : { dir }),
    ...{ now, newId, log },
  });
  const watch = createWatch({
    rules: config.fences.rules,
    now,
    fence: (fence) => {
      fences.add(fence).catch(() => {
        log.error("a rule's fence could not be set", { by: fence.by });
      });
    },
  });
  const tasks = createTasks({
    config: config.tasks,
    issuer: config.assertion?.issuer,
    sign: createSignToken(keys.signer),
    keys: keys.published,
    ...{ newId, now },
  });
  return {
    ...{ engine, limits, fences, epochs, tasks, identityHandles },
    readFence: readFenceObligation,
    ...(config.fences.rules.length === 0 ? {} : { watch }),
    extend: createExtend({ engine, config: config.limits }),
    keys: keys.published,
    outcome(outcome, by) {
      const actual = limits.actual(outcome);
      if (actual !== undefined) engine.settle(heldAs(outcome.decision_id, by), actual);
    },
    async close() {
      await tasks.close();
      await fences.close();
      await engine.close();
      own?.close();
    },
  };
}

/** Makes a secret of its own for the keys that sign task tokens, whatever the length of the fleet's. */
function ringSecret(secret: string): string {
  return createHash("sha256").update(`countersign task tokens ${secret}`).digest("hex");
}

/**
 * Gives what seals records: the fleet's secret; where nothing is shared, one that is made in the folder of what outlives
 * the process.
 */
function secretOf({ secret, dir }: SidecarConfig["state"]): string | undefined {
  if (secret !== undefined) return "text" in secret ? secret.text : readFileSync(secret.file, "utf8").trim();
  if (dir === undefined) return undefined;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, "secret");
  try {
    writeFileSync(path, randomBytes(32).toString("base64url"), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EEXIST") throw error;
  }
  return readFileSync(path, "utf8").trim();
}
