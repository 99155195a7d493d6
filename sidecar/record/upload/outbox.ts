/** Takes the decision log's lines for a service: they wait, in memory or on the disk, and are sent in OPA's format. */
import type { Sink } from "../sink.js";
import type { ReportingConfig } from "../upload-config.js";
import type { Block } from "./block.js";
import { createBlockMaker } from "./block.js";
import { frameBytes } from "./chunk.js";
import { createMemoryStore } from "./memory.js";
import { createRate } from "./rate.js";
import { createReport } from "./status.js";
import type { DecisionLogStatus } from "./status.js";
import type { BlockStore, DropReason } from "./store.js";
import type { Post } from "./upload.js";
import { createUploader } from "./upload.js";

export interface OutboxParts {
  readonly post: Post;
  readonly reporting: ReportingConfig;
  /** Opens the place on the disk; absent: what waits is in memory. */
  readonly openSpill?: (told: Pick<OutboxEvents, "onDropped">) => Promise<BlockStore>;
  /** Tells a decision from the other records, which no rate holds back. */
  readonly isDecision: (line: string) => boolean;
  readonly now: () => number;
  readonly events: OutboxEvents;
  /** The longest that closing sends, milliseconds; 3,000. */
  readonly closeMs?: number;
}

export interface OutboxEvents {
  readonly onDropped: (reason: DropReason, count: number) => void;
  readonly onUploaded: (events: number, bytes: number) => void;
  readonly onFailed: (message: string) => void;
  /** An event was larger than an upload, alone. */
  readonly onTooLarge: (result: "shortened" | "dropped") => void;
  /** The service refuses these alone, by their ids, and takes others. */
  readonly onRefused: (decisionIds: readonly string[]) => void;
}

export interface Outbox extends Sink {
  status(): DecisionLogStatus;
  /** Sends all that waits, now. @throws Error where it doesn't arrive */
  flush(): Promise<void>;
}

/** Most bytes that are put together at a time, whatever the configured limit says. */
const mostUpload = 64 * 2 ** 20;

/** @throws Error where the spill's directory can't be used */
export async function openOutbox(parts: OutboxParts): Promise<Outbox> {
  const { now, events } = parts;
  const reporting = {
    ...parts.reporting,
    uploadSizeLimitBytes: Math.min(parts.reporting.uploadSizeLimitBytes, mostUpload),
  };
  const report = createReport(now);
  const onDropped = (reason: DropReason, count: number): void => {
    report.dropped(reason, count);
    events.onDropped(reason, count);
  };
  const { bufferType, bufferSizeLimitBytes, bufferSizeLimitEvents, maxDecisionsPerSecond } = reporting;
  const store =
    parts.openSpill === undefined
      ? createMemoryStore({
          limit:
            bufferType === "size"
              ? { of: "bytes", most: bufferSizeLimitBytes }
              : { of: "events", most: bufferSizeLimitEvents },
          onDropped,
        })
      : await parts.openSpill({ onDropped });
  const makeBlocks = createBlockMaker({
    most: reporting.uploadSizeLimitBytes - frameBytes.around,
    now,
    onTooLarge(result) {
      events.onTooLarge(result);
      if (result === "dropped") onDropped("too_large", 1);
    },
  });
  const uploader = createUploader({
    ...{ post: parts.post, store, makeBlocks, reporting, onDropped },
    onRefused(lines) {
      events.onRefused(lines.map((line) => /"decision_id":"([\w.-]{1,128})"/.exec(line)?.[1] ?? "none"));
    },
    onUploaded(count, bytes) {
      report.uploaded(count);
      events.onUploaded(count, bytes);
    },
    onFailed(failure) {
      report.failed(failure);
      events.onFailed(failure.message);
    },
  });
  const allow = maxDecisionsPerSecond === undefined ? undefined : createRate(maxDecisionsPerSecond);
  let last: { readonly text: string; readonly blocks: readonly Block[] } | undefined;

  return {
    async write(text) {
      // what is tried again was counted and compressed already
      if (last?.text !== text) last = { text, blocks: await makeBlocks(linesThrough(text)) };
      await store.append(last.blocks);
      last = undefined;
      uploader.appended();
    },
    async close() {
      await uploader.close(parts.closeMs ?? 3_000);
    },
    status: () => report.status(store.waiting()),
    flush: uploader.flush,
  };

  function linesThrough(text: string): string[] {
    const lines = text.slice(0, -1).split("\n");
    if (allow === undefined) return lines;
    const kept = lines.filter((line) => !parts.isDecision(line) || allow());
    if (kept.length < lines.length) onDropped("rate_limit", lines.length - kept.length);
    return kept;
  }
}
