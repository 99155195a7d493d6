/**
 * Tells the other replicas what is about to be pushed, so that they can verify and compile it meanwhile. INVARIANT: nothing that
 * comes this way comes into force; who replays it costs a compilation, within {@link longestMs}, once.
 */
import { isObject, parseJson } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";
import type { PushedSeal } from "./seal.js";

export interface ComingParts {
  readonly redis: RedisLink;
  readonly subscriber: RedisLink;
  readonly channel: string;
  readonly seal: Pick<PushedSeal, "sign" | "verify">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onComing: (name: string, bytes: Uint8Array) => void;
}

export interface Coming {
  /** Tells of an archive where it is small. Never throws: nobody depends on it. */
  tell(name: string, bytes: Uint8Array): void;
}

/** Bytes of the largest archive that is told of: Redis hands it to each replica at once. */
export const largestTold = 131_072;
const longestMessage = 2 * largestTold;
/** Milliseconds after which what was told is too old to be heard. */
export const longestMs = 10_000;
const mostHeard = 64;
const use = "coming";

export function createComing({ redis, subscriber, channel, seal, now, onComing }: ComingParts): Coming {
  /** Seals of what was told or heard lately. */
  const heard = new Set<string>();
  const isNew = (mac: string): boolean => {
    if (heard.has(mac)) return false;
    heard.add(mac);
    const [oldest] = heard;
    if (heard.size > mostHeard && oldest !== undefined) heard.delete(oldest);
    return true;
  };

  const hear = (message: string): void => {
    const at = message.indexOf(" ");
    if (at < 0 || message.length > longestMessage) return;
    const [mac, text] = [message.slice(0, at), message.slice(at + 1)];
    if (!seal.verify(use, text, mac) || !isNew(mac)) return;
    const value = parseJson(text);
    if (!isObject(value)) return;
    const { name, told, archive } = value;
    if (typeof name !== "string" || typeof archive !== "string" || typeof told !== "number") return;
    if (Math.abs(now() - told) > longestMs) return;
    onComing(name, Buffer.from(archive, "base64"));
  };

  const subscribe = (): void => {
    subscriber.subscribe(channel).catch(() => undefined);
  };
  subscriber.on("ready", subscribe);
  if (subscriber.status === "ready") subscribe();
  subscriber.on("message", (from: string, message: string) => {
    if (from !== channel) return;
    try {
      hear(message);
    } catch {
      // what can't be read wasn't told
    }
  });

  return {
    tell(name, bytes) {
      if (bytes.byteLength > largestTold || redis.status !== "ready") return;
      const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
      const text = JSON.stringify({ name, told: now(), archive });
      const mac = seal.sign(use, text);
      isNew(mac);
      redis.publish(channel, `${mac} ${text}`).catch(() => undefined);
    },
  };
}
