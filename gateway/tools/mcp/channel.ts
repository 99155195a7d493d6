/** A stream of messages to a client: server-sent events, and what it missed of them. */
import type { ServerResponse } from "node:http";
import type { Json } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";

export interface Channel {
  /** Names the stream in the ids of its events. */
  readonly key: string;
  /** Says a message, now or when the client comes back for it. */
  say(message: Json): void;
  /** Begins, or takes up after the event of that number. `false` where what came after isn't kept. */
  attach(res: ServerResponse, after?: number): boolean;
  /** Tells whether all that came after the event of that number is kept. */
  keeps(after: number): boolean;
  /** Nothing follows. */
  end(): void;
  readonly begun: boolean;
  readonly attached: boolean;
  readonly ended: boolean;
  /** What is kept for a client that comes back, bytes. */
  readonly kept: number;
}

export interface ChannelParts {
  readonly key: string;
  /** Whether a client may come back: then events have ids, and are kept. */
  readonly resumable: boolean;
  /** Whether its first event says nothing but an id; clients before 2025-11-25 take that for a message. */
  readonly primes: boolean;
  /** Most bytes that are kept. */
  readonly mostKept: number;
  /** Called when the client is gone before the end. */
  readonly onDetached?: () => void;
}

/** What a client may leave untaken before it is dropped, bytes. */
const mostUntaken = 8 * 2 ** 20;
const heartbeatMs = 25_000;

/** Creates a stream that nobody listens to yet. */
export function createChannel({ key, resumable, primes, mostKept, onDetached }: ChannelParts): Channel {
  let res: ServerResponse | undefined;
  let beat: NodeJS.Timeout | undefined;
  let [begun, ended, kept, next, first] = [false, false, 0, 1, 1];
  const events: string[] = [];
  const write = (text: string): void => {
    if (res === undefined) return;
    res.write(text);
    // one that takes nothing would hold its stream in our memory
    if (res.writableLength > mostUntaken) res.destroy();
  };
  const channel: Channel = {
    key,
    get begun() {
      return begun;
    },
    get attached() {
      return res !== undefined;
    },
    get ended() {
      return ended;
    },
    get kept() {
      return kept;
    },
    say(message) {
      if (ended) return;
      const data = `event: message\ndata: ${stringifyJson(message)}\n\n`;
      if (!resumable) {
        write(data);
        return;
      }
      const event = `id: ${key}.${next++}\n${data}`;
      events.push(event);
      kept += event.length;
      while (kept > mostKept && events.length > 0) {
        kept -= events.shift()?.length ?? 0;
        first++;
      }
      write(event);
    },
    keeps: (after) => resumable && after >= first - 1 && after < next,
    attach(to, after) {
      if (after !== undefined && !channel.keeps(after)) return false;
      if (res !== undefined) res.end();
      res = to;
      begun = true;
      to.flushHeaders();
      // a client that knows an id can come back, even before there is something to say
      if (resumable && primes && after === undefined) write(`id: ${key}.0\nretry: 1000\ndata: \n\n`);
      if (after !== undefined) for (const event of events.slice(after - first + 1)) write(event);
      beat ??= setInterval(() => {
        write(":\n\n");
      }, heartbeatMs).unref();
      to.on("close", () => {
        if (res !== to) return;
        res = undefined;
        clearInterval(beat);
        beat = undefined;
        if (!ended) onDetached?.();
      });
      if (ended) to.end();
      return true;
    },
    end() {
      if (ended) return;
      ended = true;
      clearInterval(beat);
      res?.end();
    },
  };
  return channel;
}
