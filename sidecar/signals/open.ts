/** Opens the receiving and the telling of shared signals. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FetchDocument } from "../net/fetch.js";
import type { RedisAt } from "../net/redis.js";
import { connectRedis } from "../net/redis.js";
import type { Keys } from "../identify/token/keys.js";
import type { Log } from "../record/log.js";
import type { Fences } from "../state/fences/fences.js";
import type { Bump } from "./apply.js";
import { createApply } from "./apply.js";
import { createPostTo } from "./ask.js";
import type { PollConfig, SignalsConfig, TransmitterConfig, VerificationConfig } from "./config.js";
import { runPoll } from "./poll.js";
import { createPush } from "./push.js";
import type { Receive } from "./receive.js";
import { createReceive } from "./receive.js";
import type { Seen } from "./seen.js";
import { createLayeredSeen, createMemorySeen, createRedisSeen } from "./seen.js";
import type { SignalEvent } from "./told.js";
import type { SignSet } from "./transmit/send.js";
import { openTransmit } from "./transmit/open.js";
import { createStates, runVerification } from "./verification.js";
import type { VerifyParts } from "./verify.js";

export interface SignalsParts extends Pick<VerifyParts, "decode" | "verifySignature"> {
  readonly config: SignalsConfig;
  readonly fences: Pick<Fences, "add" | "lift" | "list" | "subscribe">;
  readonly bump: Bump;
  /** The keys of a transmitter, kept fresh. */
  readonly keysOf: (config: TransmitterConfig) => Keys;
  /** Signs a SET by the fleet's key; undefined while there is none. */
  readonly sign?: SignSet;
  /** Where this sidecar is reached from outside. */
  readonly publicUrl?: string;
  /** What the fleet shares. */
  readonly shared?: { readonly redisAt: RedisAt; readonly secret: string; readonly waitMs: number };
  readonly fetchDocument: FetchDocument;
  /** Counts and records. */
  readonly tell: (event: SignalEvent) => void;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Signals {
  /** Answers what is its own; false: it isn't. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  close(): Promise<void>;
}

const route = "/v1/signals/";

/**
 * Opens what is configured; polling begins at once.
 * @throws Error where something is to be transmitted and nothing signs
 */
export function openSignals(parts: SignalsParts): Signals {
  const { config, log, now, fetchDocument, fences } = parts;
  const closing = new AbortController();
  const closed = closing.signal;
  const post = createPostTo(fetchDocument, closed);
  const seen = openSeen(parts);
  const states = createStates(parts.shared?.secret, now);
  const running: Promise<void>[] = [];
  const tell = createTeller(parts.tell, log);

  const transmitters = new Map<string, { config: TransmitterConfig; receive: Receive }>();
  for (const one of config.transmitters) {
    const { name, verification, poll } = one;
    const receive = createReceive({
      ...{ config: one, seen, tell, now, keys: parts.keysOf(one) },
      ...{ decode: parts.decode, verifySignature: parts.verifySignature },
      apply: createApply(one, { fences, bump: parts.bump }),
      isAsked: (state) => states.isOurs(name, state, (verification?.interval ?? 0) * 2 + 600),
      onVerified: (state) => seen.add(`verified ${state}`),
    });
    transmitters.set(name, { config: one, receive });
    if (poll !== undefined) {
      const polled: TransmitterConfig & { readonly poll: PollConfig } = { ...one, poll };
      const onFault = createFaultTeller(log, name);
      running.push(
        runPoll({ config: polled, receive, post, closed, clock: () => performance.now(), onFault }),
      );
    }
    if (verification !== undefined) {
      const verified: TransmitterConfig & { readonly verification: VerificationConfig } = {
        ...one,
        verification,
      };
      running.push(
        runVerification({
          ...{ config: verified, states, post, closed },
          arrived: (state) => seen.has(`verified ${state}`),
          onSilence() {
            tell({
              direction: "received",
              peer: name,
              event: "verification",
              result: "unverified",
              fences: [],
            });
          },
        }),
      );
    }
  }
  const push = createPush({ transmitters, tell });
  const transmit =
    config.transmit.length === 0 ? undefined : openTransmit({ ...parts, post, seen, closed, tell });
  if (transmit !== undefined) running.push(transmit.done);

  return {
    handle(req, res) {
      const [path = "", query = ""] = (req.url ?? "").split("?", 2);
      const answering = transmit?.handle(req, res, path, query) ?? pushAt(req, res, path);
      if (answering === undefined) return false;
      answering.catch(() => {
        log.error("request failed", { door: "signals" });
        if (!res.headersSent) res.writeHead(500, { "content-length": 0 }).end();
      });
      return true;
    },
    async close() {
      closing.abort();
      transmit?.close();
      await Promise.all(running);
      seen.close();
    },
  };

  function pushAt(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> | undefined {
    if (transmitters.size === 0 || !path.startsWith(route)) return undefined;
    return push(req, res, path.slice(route.length));
  }
}

function openSeen({ shared, config, log }: SignalsParts): Seen {
  // as long as one may be taken, with the clocks' difference
  const keepMs = Math.max(86_400, ...config.transmitters.map(({ maxAge }) => maxAge + 600)) * 1_000;
  const near = createMemorySeen(keepMs);
  if (shared === undefined) return near;
  const redis = connectRedis(shared.redisAt, {
    onUp: () => {
      log.info("redis connected for signals");
    },
    onDown: ({ code }) => {
      log.warn("redis unavailable for signals: what was taken before is applied again", {
        code: code ?? "unknown",
      });
    },
  });
  const { secret, waitMs } = shared;
  return createLayeredSeen(near, createRedisSeen({ redis, secret, keepMs, waitMs }));
}

/** Results that an operator is to see. */
const warned: ReadonlySet<SignalEvent["result"]> = new Set([
  ...(["failed", "unmapped", "kept", "refused", "unverified", "stream_paused"] as const),
  ...(["stream_disabled", "dropped"] as const),
]);
/** Milliseconds between two warnings of one kind and peer. */
const quietMs = 10_000;

function createTeller(tell: SignalsParts["tell"], log: Log): (event: SignalEvent) => void {
  const told = new Map<string, number>();
  return (event) => {
    const { direction, peer, event: name, result, err } = event;
    tell(event);
    if (!warned.has(result)) return;
    const key = `${direction} ${peer} ${result}`;
    const at = performance.now();
    if (at - (told.get(key) ?? -Infinity) < quietMs) return;
    told.set(key, at);
    log.warn("signal", { direction, peer, event: name, result, ...(err === undefined ? {} : { err }) });
  };
}

function createFaultTeller(log: Log, transmitter: string): (fault: string | undefined) => void {
  let failing = false;
  return (fault) => {
    if (fault !== undefined && !failing) log.warn("polling for signals fails", { transmitter, fault });
    if (fault === undefined && failing) log.info("polling for signals works again", { transmitter });
    failing = fault !== undefined;
  };
}
