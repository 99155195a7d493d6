import { readFileSync } from "node:fs";
import { loadRedis } from "../net/redis.js";
import type { Log } from "../record/log.js";
import type { Assert } from "./assert.js";
import { createAssert } from "./assert.js";
import type { AssertionConfig } from "./config.js";
import { leastSecret } from "./config.js";
import { createRedisKeyStore } from "./redis-store.js";
import type { KeyRing, RingEvent } from "./ring.js";
import { createKeyRing } from "./ring.js";
import { createKeySeal } from "./seal.js";
import type { KeyStore } from "./store.js";
import { aloneStore } from "./store.js";

export interface OpenParts {
  readonly config: AssertionConfig;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

export interface Assertions {
  readonly assert: Assert;
  /** The public keys, as a JSON Web Key Set. */
  readonly keys: () => string;
  close(): void;
}

/** Milliseconds between two looks at the store; without a key to sign with, and with one. */
const impatient = 500;
const patient = 30_000;
/** Milliseconds between two warnings of one kind. */
const quiet = 60_000;
/** Longest that a start waits for the store, milliseconds. */
const longestStart = 3_000;

/**
 * Opens the signing of assertions; keys come to be here and are renewed in the background. A store that isn't there
 * yet delays the start a little; until it is, what needs an assertion is denied.
 * @throws Error where the secret's file can't be read or is too short
 */
export async function openAssertions({ config, newId, now, log }: OpenParts): Promise<Assertions> {
  const rotateMs = config.rotateHours * 3_600_000;
  const store = openStore(config, rotateMs, now, log);
  const ring = createKeyRing({
    algorithm: config.algorithm,
    rotateMs,
    store,
    now,
    onEvent: createTeller(log, now),
  });
  await Promise.race([ring.refresh(), wait(longestStart)]);
  const stop = keepFresh(ring);
  const { issuer, lifetimeSeconds: lifetime, audiences } = config;
  return {
    assert: createAssert({
      ...{ issuer, lifetime, newId, now, signer: ring.signer },
      ...(audiences === undefined ? {} : { audiences }),
    }),
    keys: ring.published,
    close() {
      stop();
      store.close();
    },
  };
}

function openStore(
  { shared, issuer, algorithm }: AssertionConfig,
  rotateMs: number,
  now: () => number,
  log: Log,
): KeyStore {
  if (shared === undefined) return aloneStore;
  const secret = "secret" in shared ? shared.secret : readFileSync(shared.secretFile, "utf8").trim();
  if (secret.length < leastSecret) {
    throw new Error(`the secret that seals assertion keys is too short: at least ${leastSecret} characters`);
  }
  const Client = loadRedis();
  const redis = new Client(shared.redisUrl, {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    disconnectTimeout: 200,
    commandTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000),
  });
  let up = true;
  redis.on("ready", () => {
    up = true;
  });
  redis.on("error", (error: { code?: string }) => {
    // once per outage: it comes again with every attempt
    if (up) log.warn("redis unavailable, assertion keys can't be shared", { code: error.code ?? "unknown" });
    up = false;
  });
  const seal = createKeySeal(secret, [issuer, algorithm, String(rotateMs)]);
  return createRedisKeyStore({ redis, seal, algorithm, now });
}

function keepFresh(ring: KeyRing): () => void {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const later = (): void => {
    timer = setTimeout(
      () => {
        void ring.refresh().then(() => {
          if (!stopped) later();
        });
      },
      ring.signer() === undefined ? impatient : patient,
    );
    timer.unref();
  };
  later();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function createTeller(log: Log, now: () => number): (event: RingEvent) => void {
  const told = new Map<string, number>();
  return (event) => {
    const { kind, ...fields } = event;
    if (kind === "assertion_key_rotated") return log.info(kind, fields);
    if (now() - (told.get(kind) ?? -Infinity) < quiet) return;
    told.set(kind, now());
    if (kind === "assertion_key_refused") log.error(kind, fields);
    else log.warn(kind, fields);
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
