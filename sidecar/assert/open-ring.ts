import { readFileSync } from "node:fs";
import { connectRedis } from "../net/redis.js";
import type { Log } from "../record/log.js";
import type { AssertionConfig } from "./config.js";
import { leastSecret } from "./config.js";
import { createRedisKeyStore } from "./redis-store.js";
import type { KeyRing, RingEvent } from "./ring.js";
import { createKeyRing } from "./ring.js";
import { createKeySeal } from "./seal.js";
import type { KeyStore } from "./store.js";
import { aloneStore } from "./store.js";

/** Which keys a fleet signs with, and where it shares them. */
export type RingConfig = Pick<AssertionConfig, "issuer" | "algorithm" | "rotateHours" | "shared">;

export interface OpenRingParts {
  readonly config: RingConfig;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

export type OpenedRing = Pick<KeyRing, "signer" | "published"> & { close(): void };

/** Milliseconds between two looks at the store; without a key to sign with, and with one. */
const impatient = 500;
const patient = 30_000;
/** Milliseconds between two warnings of one kind. */
const quiet = 60_000;
/** Longest that a start waits for the store, milliseconds. */
const longestStart = 3_000;

/**
 * Opens the ring of signing keys; they come to be here and are renewed in the background. A store that isn't there yet
 * delays the start a little; until it is, nothing is signed.
 * @throws Error where the secret's file can't be read or is too short
 */
export async function openRing({ config, now, log }: OpenRingParts): Promise<OpenedRing> {
  const rotateMs = config.rotateHours * 3_600_000;
  const { store, tried } = openStore(config, rotateMs, now, log);
  const ring = createKeyRing({
    algorithm: config.algorithm,
    rotateMs,
    store,
    now,
    onEvent: createTeller(log, now),
  });
  await Promise.race([tried.then(() => ring.refresh()), wait(longestStart)]);
  const stop = keepFresh(ring);
  return {
    signer: ring.signer,
    published: ring.published,
    close() {
      stop();
      store.close();
    },
  };
}

function openStore(
  { shared, issuer, algorithm }: RingConfig,
  rotateMs: number,
  now: () => number,
  log: Log,
): { readonly store: KeyStore; readonly tried: Promise<void> } {
  if (shared === undefined) return { store: aloneStore, tried: Promise.resolve() };
  const secret = "secret" in shared ? shared.secret : readFileSync(shared.secretFile, "utf8").trim();
  if (secret.length < leastSecret) {
    throw new Error(`the secret that seals assertion keys is too short: at least ${leastSecret} characters`);
  }
  let done: () => void = () => undefined;
  // the first connection, or what prevented it
  const tried = new Promise<void>((resolve) => {
    done = resolve;
  });
  const redis = connectRedis(shared.redisAt, {
    onUp: () => {
      log.info("redis connected for assertion keys");
      done();
    },
    onDown: ({ code }) => {
      log.warn("redis unavailable, assertion keys can't be shared", { code: code ?? "unknown" });
      done();
    },
  });
  const seal = createKeySeal(secret, [issuer, algorithm, String(rotateMs)]);
  return { store: createRedisKeyStore({ redis, seal, algorithm, now }), tried };
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
