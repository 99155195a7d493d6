import type { ServerResponse } from "node:http";
import type { Inspector } from "../content/answer/inspect.js";
import { drained } from "../forward/drained.js";
import type { Passed } from "../forward/forward.js";
import type { Used } from "../observe/account.js";
import { costHeader } from "../observe/account.js";
import type { Watch } from "../observe/watch.js";

export interface StreamParts {
  readonly res: ServerResponse;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Looks at the answer as the client would get it. */
  readonly inspect?: Inspector | undefined;
  /** What tells a client that its stream was cut. */
  readonly errorEvent: (code: "upstream_unavailable" | "upstream_timeout") => string;
  /** The same where it wasn't the upstream that did: undefined where the client went away. */
  readonly lastEvent: () => string | undefined;
  /** Tells whether it was cut because a time was up. */
  readonly timedOut: () => boolean;
  readonly watch: Pick<Watch, "skip" | "ended" | "broke">;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** What is sent where nothing else was for a while: it says nothing, and keeps the connection. */
  readonly heartbeat?: Heartbeat | undefined;
}

export interface Heartbeat {
  readonly everyMs: number;
  readonly event: string;
}

export type Sent = Passed & {
  /** Whether it was cut because a time was up. */
  readonly stalled: boolean;
  readonly used: Used;
  /** Whether it ended with an error of the upstream, which was passed on. */
  readonly broke?: boolean;
};

/** Sends a stream of events, no faster than the client reads; one that is cut says so at its end. */
export async function sendStream(source: AsyncIterable<Buffer>, parts: StreamParts): Promise<Sent> {
  const { res, status, headers, errorEvent, watch } = parts;
  // there is nobody to answer any more, or the answer was given
  if (parts.signal.aborted)
    return { ended: "aborted", bytes: 0, stalled: false, used: watch.ended(false), broke: watch.broke() };
  // RFC 9110 section 6.5.1: only who says so gets trailers
  const trailing = /\btrailers\b/i.test(String(res.req.headers.te ?? ""));
  res.writeHead(status, {
    ...headers,
    "cache-control": "no-cache",
    ...(trailing ? { trailer: "x-countersign-cost" } : {}),
  });
  const passed = await pump(parts.inspect?.stream(source) ?? source, parts);
  const used = watch.ended(passed.ended === "whole");
  // the blank line ends the event that was cut
  if (passed.ended === "cut")
    res.write(`\n\n${errorEvent(passed.stalled ? "upstream_timeout" : "upstream_unavailable")}`);
  const last = passed.ended === "aborted" ? parts.lastEvent() : undefined;
  if (last !== undefined) res.write(`\n\n${last}`);
  if (trailing) res.addTrailers(costHeader(used));
  res.end();
  return { ...passed, used, broke: watch.broke() };
}

async function pump(
  source: AsyncIterable<Buffer>,
  parts: StreamParts,
): Promise<Omit<Sent, "used" | "broke">> {
  const { res, signal, clock, watch, timedOut } = parts;
  let bytes = 0;
  const heart = beat(parts);
  try {
    for await (const chunk of source) {
      bytes += chunk.length;
      heart?.wrote(chunk);
      if (res.write(chunk)) continue;
      const from = clock();
      await drained(res, signal);
      watch.skip(clock() - from);
    }
    return { ended: signal.aborted ? "aborted" : "whole", bytes, stalled: false };
  } catch (error) {
    const stalled = timedOut() || String((error as { code?: unknown } | null)?.code).includes("TIMEOUT");
    return { ended: signal.aborted ? "aborted" : "cut", bytes, stalled };
  } finally {
    heart?.stop();
  }
}

/** Begins to send heartbeats: between events only, and never to a client that doesn't read. */
function beat({ res, heartbeat }: StreamParts): { wrote(chunk: Buffer): void; stop(): void } | undefined {
  if (heartbeat === undefined) return undefined;
  let between = true;
  const timer = setInterval(() => {
    if (between && !res.writableNeedDrain && !res.destroyed) res.write(heartbeat.event);
  }, heartbeat.everyMs);
  return {
    wrote(chunk) {
      // an event ends with an empty line
      const [last, before] = [chunk.at(-1), chunk.at(-2)];
      between = last === 0x0a && (before === 0x0a || (before === 0x0d && chunk.at(-3) === 0x0a));
      timer.refresh();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
