/** Sends what waits to the service: oldest first, one upload at a time, again until it has arrived. */
import type { ReportingConfig } from "../upload-config.js";
import type { Block } from "./block.js";
import { linesOf } from "./block.js";
import { gzipOf } from "./chunk.js";
import { isolate } from "./isolate.js";
import type { MakeBlocks } from "./block.js";
import type { BlockStore, DropReason } from "./store.js";

/** Posts a compressed JSON array. It settles in bounded time. */
export type Post = (body: Uint8Array, signal: AbortSignal) => Promise<Posted>;

export type Posted =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfterMs?: number }
  /** `message` holds nothing secret. */
  | { readonly kind: "failed"; readonly message: string };

export interface UploaderParts {
  readonly post: Post;
  readonly store: BlockStore;
  readonly makeBlocks: MakeBlocks;
  readonly reporting: ReportingConfig;
  readonly onUploaded: (events: number, bytes: number) => void;
  readonly onFailed: (failure: UploadFailure) => void;
  readonly onDropped: (reason: DropReason, count: number) => void;
  /** Told of events that the service refuses alone, while it takes others. */
  readonly onRefused: (events: readonly string[]) => void;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

export interface UploadFailure {
  readonly message: string;
  readonly status?: number;
  /** Until it is tried again, milliseconds. */
  readonly delayMs: number;
}

export interface Uploader {
  /** Something waits: with `trigger: immediate` it is sent at once where it fills an upload. */
  appended(): void;
  /** Sends all that waits. @throws Error where it doesn't arrive */
  flush(): Promise<void>;
  /** Tries once more to send all, for so long; then it is over. */
  close(withinMs: number): Promise<void>;
}

const firstRetryMs = 100;
/** The longest that a service's `Retry-After` is heeded, beyond the configured delay. */
const longestRetryAfterMs = 600_000;

/** What is sent again as it is will be answered so again. Source: RFC 9110, sections 15.5.1 and 15.5.21. */
const refusing: ReadonlySet<number | undefined> = new Set([400, 422]);
/** So many refusals one after the other tell of what is sent, and not of a moment. */
const mostRefusals = 3;
/** Beside what is refused must stand something that isn't: so many uploads are looked through at once. */
const isolatedUploads = 8;
const mostIsolated = 64 * 2 ** 20;

class Undelivered extends Error {
  override readonly name = "Undelivered";
  constructor(
    message: string,
    readonly status?: number,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** Starts sending. */
export function createUploader(parts: UploaderParts): Uploader {
  const { store, reporting, random = Math.random } = parts;
  const { uploadSizeLimitBytes: limit, minDelayMs, maxDelayMs, trigger } = reporting;
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let failures = 0;
  /** Refusals, one after the other, of what waits longest. */
  let refusals = 0;
  let closing = false;

  /** Sends once. Gives `too_large` for 413. @throws Undelivered */
  async function sendOnce(blocks: readonly Block[]): Promise<"taken" | "too_large"> {
    if (stopped.signal.aborted) throw new Undelivered("it was stopped");
    const body = gzipOf(blocks);
    const posted = await parts.post(body, stopped.signal);
    if (posted.kind === "failed") throw new Undelivered(posted.message);
    const { status, retryAfterMs } = posted;
    if (status === 413) return "too_large";
    if (status < 200 || status >= 300)
      throw new Undelivered(`the service answers ${status}`, status, retryAfterMs);
    failures = refusals = 0;
    parts.onUploaded(eventsOf(blocks), body.length);
    return "taken";
  }

  async function split(block: Block): Promise<(readonly Block[])[]> {
    const lines = await linesOf(block);
    const half = lines.length >> 1;
    return [await parts.makeBlocks(lines.slice(0, half)), await parts.makeBlocks(lines.slice(half))];
  }

  /** Sends blocks; halves where the service finds them too large (413). */
  async function deliver(blocks: readonly Block[]): Promise<void> {
    if ((await sendOnce(blocks)) === "taken") return;
    const [only] = blocks;
    const half = blocks.length >> 1;
    if (half > 0) {
      await deliver(blocks.slice(0, half));
      await deliver(blocks.slice(half));
    } else if (only !== undefined && only.events > 1) {
      for (const part of await split(only)) await deliver(part);
    } else parts.onDropped("too_large", eventsOf(blocks));
  }

  /** Sends what is refused by parts, and gives up what is refused alone: others wait behind it. */
  async function deliverApart(blocks: readonly Block[]): Promise<void> {
    let last: Undelivered | undefined;
    const refused = await isolate(blocks, {
      split,
      async send(some) {
        try {
          await deliver(some);
          return "taken";
        } catch (error) {
          if (!(error instanceof Undelivered && refusing.has(error.status))) throw error;
          last = error;
          return "refused";
        }
      },
    });
    if (refused === undefined) throw last ?? new Undelivered("the service refuses what is sent");
    if (refused.length === 0) return;
    parts.onRefused((await Promise.all(refused.map(linesOf))).flat());
    parts.onDropped("refused", eventsOf(refused));
  }

  async function sendAll(): Promise<void> {
    for (;;) {
      const apart = refusals >= mostRefusals;
      const most = apart ? Math.max(limit, Math.min(limit * isolatedUploads, mostIsolated)) : limit;
      const taken = await store.peek(most);
      if (taken === undefined) return;
      try {
        await (apart ? deliverApart : deliver)(taken.blocks);
      } catch (error) {
        if (error instanceof Undelivered && refusing.has(error.status)) refusals++;
        throw error;
      }
      refusals = 0;
      await taken.done();
    }
  }

  function send(): Promise<void> {
    clearTimeout(timer);
    sending ??= sendAll()
      .then(
        () => {
          failures = 0;
          schedule(minDelayMs + (maxDelayMs - minDelayMs) * random());
        },
        (error: unknown) => {
          const { message, status, retryAfterMs } =
            error instanceof Undelivered ? error : new Undelivered("what waits can't be read");
          const delayMs = Math.max(backOff(), Math.min(retryAfterMs ?? 0, longestRetryAfterMs));
          failures++;
          schedule(delayMs);
          parts.onFailed({ message, delayMs, ...(status === undefined ? {} : { status }) });
          throw error;
        },
      )
      .finally(() => {
        sending = undefined;
      });
    return sending;
  }

  function backOff(): number {
    const delay = Math.min(firstRetryMs * 1.6 ** failures, maxDelayMs);
    return delay * (0.8 + 0.4 * random());
  }

  function schedule(delayMs: number): void {
    if (closing) return;
    clearTimeout(timer);
    timer = setTimeout(() => void send().catch(() => undefined), delayMs);
    // it alone keeps no process alive
    timer.unref();
  }

  schedule(minDelayMs + (maxDelayMs - minDelayMs) * random());
  return {
    appended() {
      if (trigger !== "immediate" || sending !== undefined || failures > 0 || closing) return;
      const { bytes, spilledBytes } = store.waiting();
      if (bytes + spilledBytes >= limit) void send().catch(() => undefined);
    },
    flush: send,
    async close(withinMs) {
      closing = true;
      clearTimeout(timer);
      const late = setTimeout(() => {
        stopped.abort();
      }, withinMs);
      // what is under way may have failed for what is over by now
      await sending?.catch(() => undefined);
      if (!stopped.signal.aborted) await send().catch(() => undefined);
      clearTimeout(late);
      clearTimeout(timer);
      await store.close();
    },
  };
}

function eventsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.events, 0);
}
