/** Opens what sends the decision log to a service. */
import type { ServiceConfig } from "../net/service/config.js";
import { createService } from "../net/service/service.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import { openSpill } from "../record/spill/spill.js";
import type { UploadConfig } from "../record/upload-config.js";
import { openOutbox } from "../record/upload/outbox.js";
import type { Outbox } from "../record/upload/outbox.js";

export interface UploadParts {
  readonly config: UploadConfig;
  readonly service: ServiceConfig;
  readonly strict: boolean;
  readonly isDecision: (line: string) => boolean;
  readonly metrics: Pick<Metrics, "upload">;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The longest that closing sends, milliseconds. */
  readonly closeMs?: number;
}

/** One answer is waited for so long, milliseconds; and so much of it is read. */
const timeoutMs = 60_000;
const mostOfAnswer = 2 ** 20;

/** @throws Error where the spill's directory can't be used */
export async function openUpload(parts: UploadParts): Promise<Outbox> {
  const { config, strict, metrics, log, now } = parts;
  const service = createService(parts.service);
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const { spill } = config;
  let failing = false;
  let told = false;
  const outbox = await openOutbox({
    ...{ reporting: config.reporting, isDecision: parts.isDecision, now },
    ...(parts.closeMs === undefined ? {} : { closeMs: parts.closeMs }),
    async post(body, signal) {
      const answer = await service.request({
        ...{
          method: "POST",
          path: config.resource,
          headers,
          body,
          maxBytes: mostOfAnswer,
          timeoutMs,
          signal,
        },
      });
      if (answer.kind === "failed") return answer;
      const { status } = answer;
      const wait = Number(answer.headers["retry-after"]);
      return { kind: "answered", status, ...(wait > 0 ? { retryAfterMs: wait * 1_000 } : {}) };
    },
    ...(spill === undefined
      ? {}
      : {
          openSpill: ({ onDropped }) =>
            openSpill({
              ...{ ...spill, strict, onDropped, now },
              onOdd: (what, file) => {
                log.warn("a part of the decision log's spill isn't as it was written", { what, file });
              },
            }),
        }),
    events: {
      onUploaded(events) {
        metrics.upload.happened("uploaded", events);
        if (failing) log.info("the decision log is uploaded again", { service: config.service });
        failing = false;
      },
      onFailed(reason) {
        metrics.upload.happened("failed", 1);
        if (!failing)
          log.warn("the decision log could not be uploaded; what waits is kept", {
            ...{ service: config.service, reason },
          });
        failing = true;
      },
      onDropped(reason, count) {
        metrics.upload.happened(reason, count);
      },
      onRefused(ids) {
        log.error("the service refuses events alone; they are dropped, and those behind them sent", {
          ...{ service: config.service, events: ids.length, decision_ids: ids.slice(0, 20) },
        });
      },
      onTooLarge(result) {
        if (result === "shortened") metrics.upload.happened("shortened", 1);
        if (told) return;
        told = true;
        log.error("an event is larger than decision_logs.reporting.upload_size_limit_bytes: raise it", {
          result,
        });
      },
    },
  });
  metrics.upload.readFrom(() => {
    const { buffered_bytes: bytes, spilled_bytes: spilledBytes } = outbox.status();
    return { bytes, spilledBytes };
  });
  return {
    ...outbox,
    async close() {
      await outbox.close();
      service.close();
    },
  };
}
