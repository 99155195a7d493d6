/** Opens the decision log where the configuration wants one. */
import { randomUUID } from "node:crypto";
import type { SidecarConfig } from "../config.js";
import { createDecisionLog } from "../record/decision-log.js";
import type { DecisionLog } from "../record/decision-log.js";
import type { LogRecord } from "../record/event.js";
import { createEventWriter } from "../record/event.js";
import { createDigest } from "../record/fact.js";
import type { Metrics } from "../record/metrics.js";
import { fileSink, streamSink } from "../record/sink.js";

/** @throws Error where the file can't be opened */
export async function openDecisionLog(
  config: SidecarConfig,
  version: string,
  metrics: Pick<Metrics, "decisionLog">,
): Promise<DecisionLog<LogRecord> | undefined> {
  const { console, file, input } = config.decisionLogs;
  if (!console && file === undefined) return undefined;
  const sink =
    file === undefined
      ? streamSink(process.stdout)
      : await fileSink(file, { sync: config.audit.mode === "strict" });
  return createDecisionLog<LogRecord>({
    sink,
    mode: config.audit.mode,
    line: createEventWriter({
      labels: { id: randomUUID(), version, ...config.labels },
      digest: createDigest(),
      input,
    }),
    onEvents: metrics.decisionLog,
  });
}
