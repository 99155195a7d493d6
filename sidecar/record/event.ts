/**
 * Turns what happened into a line of the decision log: OPA's event fields, and ours (docs/decision-log.md).
 *
 * INVARIANT: content never gets in. What a caller or a policy can fill freely (arguments, parameters, obligation
 * properties, results) is recorded as type, size and digest; tokens and claims are not recorded at all.
 */
import type { Digest } from "./fact.js";
import type { DataRecord } from "./data-event.js";
import { createDataText } from "./data-event.js";
import type { DecisionRecord } from "./decision-event.js";
import { createDecisionText } from "./decision-event.js";
import { outcomeFields } from "./outcome.js";
import type { OutcomeRecord } from "./outcome.js";
import type { BundleRecord } from "./bundle.js";
import { bundleFields, bundleId } from "./bundle.js";
import type { EpochRecord } from "./epoch.js";
import { epochFields, epochId } from "./epoch.js";
import type { FenceRecord } from "./fence.js";
import { fenceFields, fenceId } from "./fence.js";
import type { SignalRecord } from "./signal.js";
import { signalFields, signalId } from "./signal.js";

export type LogRecord =
  DecisionRecord | DataRecord | OutcomeRecord | SignalRecord | FenceRecord | EpochRecord | BundleRecord;

export interface EventParts {
  /** `id` and `version` of this sidecar, and the operator's own. */
  readonly labels: Readonly<Record<string, string>> & { readonly id: string; readonly version: string };
  readonly digest: Digest;
  /** `full` writes inputs and results of OPA's data API verbatim; calls are never written verbatim. */
  readonly input: "digest" | "full";
}

/** Makes the function that writes a record as one JSON text without a line break. Never throws. */
export function createEventWriter(parts: EventParts): (record: LogRecord) => string {
  const labels = JSON.stringify(parts.labels);
  const dataText = createDataText(parts.digest, parts.input);
  const decisionText = createDecisionText(parts.digest);
  return (record) => {
    let text: string;
    try {
      if (record.type === "decision") text = decisionText(record);
      // a slice of what was put together would be put together twice
      else if (record.type === "data") return `{"labels":${labels},${dataText(record)}`;
      else text = textOf(parts, record);
    } catch {
      // hostile depth or a bug: what identifies the decision is kept
      const { id, allow } = essence(record);
      text = JSON.stringify({
        type: record.type === "data" ? "decision" : record.type,
        decision_id: id,
        timestamp: new Date(record.at).toISOString(),
        ...(allow === undefined ? {} : { result: { allow } }),
        error: "internal_error",
        incomplete: true,
      });
    }
    return `{"labels":${labels},${text.slice(1)}`;
  };
}

function essence(record: LogRecord): { id: string; allow?: boolean } {
  switch (record.type) {
    case "decision":
      return { id: record.decision.decision_id, allow: record.decision.allow };
    case "data":
      return { id: record.decisionId };
    case "outcome":
      return { id: record.outcome.decision_id };
    case "fence":
      return { id: fenceId(record) };
    case "epoch":
      return { id: epochId(record) };
    case "bundle":
      return { id: bundleId(record) };
    case "signal":
      return { id: signalId(record) };
  }
}

function textOf(parts: EventParts, record: Exclude<LogRecord, DataRecord | DecisionRecord>): string {
  switch (record.type) {
    case "outcome":
      return JSON.stringify(outcomeFields(record));
    case "bundle":
      return JSON.stringify(bundleFields(record, parts.digest));
    case "epoch":
      return JSON.stringify(epochFields(record, parts.digest));
    case "fence":
      return JSON.stringify(fenceFields(record, parts.digest));
    case "signal":
      return JSON.stringify(signalFields(record, parts.digest));
  }
}
