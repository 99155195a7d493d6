/** Pushes SETs to a receiver. Source: RFC 8935. */
import type { JsonObject } from "../../contract.js";
import type { PostTo } from "../ask.js";
import { backOff, pause, statusOf } from "../ask.js";
import type { ReceiverConfig } from "../read-receivers.js";
import type { Seen } from "../seen.js";
import type { SignalEvent } from "../told.js";
import type { Message } from "./describe.js";

/** Signs the claims of a SET as `secevent+jwt`; undefined while there is no key. */
export type SignSet = (claims: JsonObject) => string | undefined;

export interface SendParts {
  readonly receiver: ReceiverConfig;
  readonly sign: SignSet;
  readonly post: PostTo;
  readonly seen: Seen;
  readonly closed: AbortSignal;
  readonly tell: (event: SignalEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Sender {
  push(message: Message): void;
  /** Settles once it is closed. */
  readonly done: Promise<void>;
}

interface Waiting {
  readonly message: Message;
  /** Epoch milliseconds. */
  readonly since: number;
  notBefore: number;
}

/** Most SETs that wait for one receiver; past that the oldest goes: the newest revocation counts. */
const most = 1_000;
/** How long one is tried to be told, milliseconds. */
const longest = 86_400_000;
const firstPause = 1_000;
/** How long a member of the fleet may take to push one, before another does. */
const claimMs = 30_000;
/** Answers by which a SET will never be taken (RFC 8935 section 2.3). */
const final: ReadonlySet<number> = new Set([400, 405, 406, 410, 413, 415, 422]);

/** Creates what pushes to a receiver, in order, again and again where it must. */
export function createSender(parts: SendParts): Sender {
  const { receiver, sign, post, seen, closed, tell, now } = parts;
  const queue: Waiting[] = [];
  let wake: () => void = () => undefined;
  let failures = 0;

  const told = ({ event, jti }: Message, result: SignalEvent["result"]): void => {
    tell({ direction: "sent", peer: receiver.name, event, result, fences: [], jti });
  };
  const drop = (waiting: Waiting): void => {
    const at = queue.indexOf(waiting);
    if (at >= 0) queue.splice(at, 1);
  };

  /** Gives how long to wait before the next attempt, milliseconds. */
  async function attempt(waiting: Waiting): Promise<number> {
    const { message } = waiting;
    const name = `sent ${message.jti}`;
    if (await seen.has(name)) {
      drop(waiting);
      return 0;
    }
    if (!(await seen.claim(name, claimMs))) {
      waiting.notBefore = now() + claimMs;
      return 0;
    }
    const body = sign(message.claims);
    const { url, tokenFile, fetch } = receiver;
    const ask = {
      url,
      tokenFile,
      fetch,
      type: "application/secevent+jwt",
      maxBytes: 65_536,
      timeoutMs: 10_000,
    } as const;
    const status = body === undefined ? undefined : statusOf(await post({ ...ask, body }));
    if (status !== undefined && status >= 200 && status <= 299) {
      await seen.add(name);
      drop(waiting);
      told(message, "sent");
    } else if (status !== undefined && final.has(status)) {
      drop(waiting);
      told(message, "refused");
    } else if (now() - waiting.since > longest) {
      drop(waiting);
      told(message, "dropped");
    } else {
      failures++;
      told(message, "retried");
      // its claim is its own: nobody else comes before it
      return backOff(firstPause, failures);
    }
    failures = 0;
    return 0;
  }

  async function run(): Promise<void> {
    while (!closed.aborted) {
      const at = now();
      const next = queue.find(({ notBefore }) => notBefore <= at);
      if (next === undefined) {
        const until = Math.min(...queue.map(({ notBefore }) => notBefore - at), claimMs);
        await Promise.race([pause(until, closed), new Promise<void>((resolve) => (wake = resolve))]);
        continue;
      }
      const wait = await attempt(next);
      if (wait > 0) await pause(wait, closed);
    }
    for (const { message } of queue) told(message, "dropped");
  }

  return {
    push(message) {
      if (closed.aborted || queue.some((one) => one.message.jti === message.jti)) return;
      if (queue.length >= most) {
        const [oldest] = queue.splice(0, 1);
        if (oldest !== undefined) told(oldest.message, "dropped");
      }
      queue.push({ message, since: now(), notBefore: 0 });
      wake();
    },
    done: run(),
  };
}
