/** What the status says of the decision log's upload: OPA's members, and what waits and was dropped. */
import { dropReasons } from "./store.js";
import type { DropReason, Waiting } from "./store.js";
import type { UploadFailure } from "./upload.js";

/** `decision_logs` of the status. Source: OPA, "Status", decision_logs: `code`, `message`, `http_code`. */
export interface DecisionLogStatus {
  /** Set while the last upload failed. */
  readonly code?: "decision_log_error";
  readonly message?: string;
  readonly http_code?: string;
  /** Events that arrived since the start. */
  readonly uploaded: number;
  readonly last_successful_upload?: string;
  /** Events that never will, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Compressed bytes that wait in memory, and on the disk. */
  readonly buffered_bytes: number;
  readonly spilled_bytes: number;
  /** Since when the oldest of it waits. */
  readonly oldest?: string;
}

export interface Report {
  uploaded(events: number): void;
  failed(failure: UploadFailure): void;
  dropped(reason: DropReason, count: number): void;
  status(waiting: Waiting): DecisionLogStatus;
}

/** @param now epoch milliseconds */
export function createReport(now: () => number): Report {
  const dropped = new Map<DropReason, number>();
  let uploaded = 0;
  let lastAt: number | undefined;
  let failure: UploadFailure | undefined;
  return {
    uploaded(events) {
      uploaded += events;
      lastAt = now();
      failure = undefined;
    },
    failed(latest) {
      failure = latest;
    },
    dropped(reason, count) {
      dropped.set(reason, (dropped.get(reason) ?? 0) + count);
    },
    status: ({ bytes, spilledBytes, oldest }) => ({
      ...(failure === undefined ? {} : { code: "decision_log_error", message: failure.message }),
      ...(failure?.status === undefined ? {} : { http_code: String(failure.status) }),
      uploaded,
      ...(lastAt === undefined ? {} : { last_successful_upload: new Date(lastAt).toISOString() }),
      dropped: Object.fromEntries(
        dropReasons.flatMap((reason) => {
          const count = dropped.get(reason);
          return count === undefined ? [] : [[reason, count]];
        }),
      ),
      buffered_bytes: bytes,
      spilled_bytes: spilledBytes,
      ...(oldest === undefined ? {} : { oldest: new Date(oldest).toISOString() }),
    }),
  };
}
