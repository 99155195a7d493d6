/** The stream that a request may be answered by, begun with the first thing to say. */
import { randomBytes } from "node:crypto";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { eventHeaders } from "./event-headers.js";
import type { Channel } from "./channel.js";
import { createChannel } from "./channel.js";
import type { Session } from "./sessions.js";

export interface RequestStream {
  readonly channel: Channel;
  /** Aborts when the client is gone for good, or doesn't want it any more. */
  readonly stop: AbortController;
  /** Makes sure that there is a stream; `false` where the client takes none. */
  begin(): boolean;
  done(): void;
}

/** Streams of a session that are each kept whole; where there are more under way, they share. */
const mostWhole = 8;

/** INVARIANT: what is kept for one session doesn't grow with the requests that it begins. */
function shares(session: Session | undefined): number {
  return Math.max(1, Math.ceil(((session?.underWay.size ?? 0) + 1) / mostWhole));
}

/** Streams that have ended and are kept for a client that comes back, in one session. */
const mostEnded = 32;

/** Creates the stream of a request. One of a session goes on for a while without its client. */
export function createRequestStream(
  parts: GatewayParts,
  exchange: Exchange,
  session: Session | undefined,
): RequestStream {
  const { resumeMs, resumeBytes } = parts.config.mcp;
  const stop = new AbortController();
  const resumable = session !== undefined && resumeMs > 0;
  let timer: NodeJS.Timeout | undefined;
  const channel = createChannel({
    key: randomBytes(9).toString("base64url"),
    resumable,
    primes: session !== undefined && session.version >= "2025-11-25",
    mostKept: Math.floor(resumeBytes / shares(session)),
    onDetached() {
      if (!resumable) stop.abort();
      else {
        timer = setTimeout(() => {
          if (!channel.attached) stop.abort();
        }, resumeMs).unref();
      }
    },
  });
  const takesEvents = /\btext\/event-stream\b|\*\/\*/.test(exchange.req.headers.accept ?? "");
  // whoever is cut is told, and nothing goes on
  exchange.endBy({
    after() {
      stop.abort();
    },
  });
  exchange.signal.addEventListener("abort", () => {
    // until it knows an event's id, it can't come back
    if (!channel.begun) stop.abort();
  });
  if (exchange.signal.aborted) stop.abort();
  return {
    channel,
    stop,
    begin() {
      if (channel.begun) return true;
      if (!takesEvents || exchange.res.headersSent || exchange.res.destroyed) return false;
      exchange.res.writeHead(200, eventHeaders);
      if (session !== undefined && resumable) {
        session.channels.set(channel.key, channel);
        makeRoom(session, resumeBytes);
      }
      return channel.attach(exchange.res);
    },
    done() {
      clearTimeout(timer);
      if (session === undefined || !channel.begun) return;
      setTimeout(() => {
        session.channels.delete(channel.key);
      }, resumeMs).unref();
    },
  };
}

/** Forgets the oldest streams that have ended, where there are too many or they hold too much. */
function makeRoom({ channels }: Session, mostKept: number): void {
  let kept = [...channels.values()].reduce((sum, one) => sum + one.kept, 0);
  let over = channels.size - mostEnded;
  for (const [key, one] of channels) {
    if (over <= 0 && kept <= mostKept) return;
    if (!one.ended) continue;
    channels.delete(key);
    kept -= one.kept;
    over--;
  }
}
