/** Asks the fleet how many live things a fence would cut, before it is set. */
import { randomBytes } from "node:crypto";
import type { FenceMatch, Json } from "../../contract.js";
import { isObject } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import { isCluster } from "../../net/redis.js";
import { readMatch } from "./match.js";
import type { FenceSeal } from "./seal.js";

/** How many live things of each kind. */
export type Live = Readonly<Record<string, number>>;

/** Counts what a fence would cut. */
export type CountLive = (match: FenceMatch, issuedBefore?: number) => Promise<Live>;

export interface Census {
  readonly live: Live;
  /** Sidecars that were asked, and those that answered in time. */
  readonly asked: number;
  readonly answered: number;
}

export interface CensusParts {
  readonly redis: RedisLink;
  readonly subscriber: RedisLink;
  readonly seal: FenceSeal;
  readonly channelOf: (use: string) => string;
  /** Counts what is live at this sidecar's enforcement points. */
  readonly count: CountLive;
}

/** Milliseconds for which answers are collected. */
const collectMs = 400;
const mostKinds = 64;

export interface FleetCensus {
  ask(match: FenceMatch, issuedBefore?: number): Promise<Census>;
}

/** Creates the census of a fleet: a request that all replicas hear, and a short time to answer. */
export function createCensus({ redis, subscriber, seal, channelOf, count }: CensusParts): FleetCensus {
  const [asks, answers] = [channelOf("census"), channelOf("counted")];
  const waiting = new Map<string, (live: Live) => void>();
  const sealed = (use: string, text: string): string => `${seal.sign(use, text)} ${text}`;
  const opened = (use: string, message: string): Json | undefined => {
    const at = message.indexOf(" ");
    const text = message.slice(at + 1);
    if (at < 0 || message.length > 16_384 || !seal.verify(use, text, message.slice(0, at))) return undefined;
    return JSON.parse(text) as Json;
  };

  const asked = async (message: string): Promise<void> => {
    const value = opened("census", message);
    if (!isObject(value)) return;
    const { id } = value;
    const read = readMatch(value["match"]);
    const before = value["issued_before"];
    if (typeof id !== "string" || read.kind === "wrong") return;
    const live = await count(read.match, typeof before === "number" ? before : undefined);
    if (redis.status === "ready")
      await redis.publish(answers, sealed("counted", JSON.stringify({ id, live })));
  };
  const answered = (message: string): void => {
    const value = opened("counted", message);
    if (!isObject(value) || typeof value["id"] !== "string") return;
    waiting.get(value["id"])?.(readLive(value["live"]));
  };
  const subscribe = (): void => {
    subscriber.subscribe(asks, answers).catch(() => undefined);
  };
  subscriber.on("ready", subscribe);
  if (subscriber.status === "ready") subscribe();
  subscriber.on("message", (channel: string, message: string) => {
    if (channel === asks) asked(message).catch(() => undefined);
    else if (channel === answers) answered(message);
  });

  return {
    async ask(match, issuedBefore) {
      const alone = async (): Promise<Census> => ({
        live: await count(match, issuedBefore),
        asked: 1,
        answered: 1,
      });
      if (redis.status !== "ready" || subscriber.status !== "ready") return alone();
      const id = randomBytes(12).toString("base64url");
      const all: Live[] = [];
      let expected = Infinity;
      let timer: NodeJS.Timeout | undefined;
      const collected = new Promise<void>((resolve) => {
        // what has come while this process stood still counts
        timer = setTimeout(() => setImmediate(resolve), collectMs);
        waiting.set(id, (live) => {
          all.push(live);
          if (all.length >= expected) resolve();
        });
      });
      try {
        const publish = redis.publish(
          asks,
          sealed("census", JSON.stringify({ id, match, issued_before: issuedBefore })),
        );
        const heard = publish.then((n) => {
          // in a cluster only some hearers are known of
          if (!isCluster(redis)) expected = n;
        });
        await Promise.race([collected, heard.then(() => (all.length >= expected ? undefined : collected))]);
        return {
          live: sum(all),
          asked: Number.isFinite(expected) ? expected : all.length,
          answered: all.length,
        };
      } catch {
        return await alone();
      } finally {
        clearTimeout(timer);
        waiting.delete(id);
      }
    },
  };
}

function readLive(value: Json | undefined): Live {
  if (!isObject(value)) return {};
  const some = Object.entries(value).filter(
    ([, n]) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0,
  );
  return Object.fromEntries(some.slice(0, mostKinds)) as Live;
}

/** Adds up what several counted. */
export function sum(all: readonly Live[]): Live {
  const total = Object.create(null) as Record<string, number>;
  for (const live of all) for (const [kind, n] of Object.entries(live)) total[kind] = (total[kind] ?? 0) + n;
  return total;
}
