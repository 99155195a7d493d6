/** Opens the decision log where the configuration wants one. */
import { randomUUID } from "node:crypto";
import type { BundleSet } from "../bundles/active.js";
import type { SidecarConfig } from "../config.js";
import { createDecisionLog } from "../record/decision-log.js";
import type { DecisionLog } from "../record/decision-log.js";
import type { LogRecord } from "../record/event.js";
import { createEventWriter } from "../record/event.js";
import { createDigest } from "../record/fact.js";
import type { Log } from "../record/log.js";
import { createScreen } from "../record/mask/screen.js";
import type { Metrics } from "../record/metrics.js";
import type { Sink } from "../record/sink.js";
import { fileSink, streamSink } from "../record/sink.js";
import { sinkToAll } from "../record/sink-to-all.js";
import type { DecisionLogStatus } from "../record/upload/status.js";
import { findLogPolicies } from "./log-policies.js";
import { openUpload } from "./upload.js";

export interface DecisionLogParts {
  readonly config: SidecarConfig;
  readonly version: string;
  readonly metrics: Pick<Metrics, "decisionLog" | "upload">;
  readonly log: Log;
  /** The bundles in force: they may have policies that drop and mask. */
  readonly bundles: () => BundleSet;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface OpenedLog extends DecisionLog<LogRecord> {
  /** How the upload goes; absent where there is none. */
  readonly status?: () => DecisionLogStatus | undefined;
}

/** One failure tells of those that follow, milliseconds. */
const quietMs = 10_000;

/** @throws Error where the file can't be opened, or the spill's directory can't be used */
export async function openDecisionLog(parts: DecisionLogParts): Promise<OpenedLog | undefined> {
  const { config, version, metrics, log, bundles, now } = parts;
  const { console, file, input, upload, maskDecision, dropDecision } = config.decisionLogs;
  const strict = config.audit.mode === "strict";
  if (!console && file === undefined && upload === undefined) return undefined;
  const labels = { id: randomUUID(), version, ...config.labels };
  const service = upload === undefined ? undefined : config.bundles.services.get(upload.service);
  const sinks: Sink[] = [];
  if (console) sinks.push(streamSink(process.stdout));
  if (file !== undefined) sinks.push(await fileSink(file, { sync: strict }));
  const decisionStart = `{"labels":${JSON.stringify(labels)},"type":"decision",`;
  const outbox =
    upload === undefined || service === undefined
      ? undefined
      : await openUpload({
          ...{ config: upload, service, strict, metrics, log, now },
          isDecision: (line) => line.startsWith(decisionStart),
        });
  if (outbox !== undefined) sinks.push(outbox);
  const write = createEventWriter({ labels, digest: createDigest(), input });
  let toldAt = -quietMs;
  const screen = createScreen({
    policies: findLogPolicies(bundles, { mask: maskDecision, drop: dropDecision }),
    onWithheld(policy, reason) {
      metrics.upload.happened("withheld", 1);
      if (performance.now() - toldAt < quietMs) return;
      toldAt = performance.now();
      log.error("an event was recorded without input and result: its policy failed", { policy, reason });
    },
  });
  const [only] = sinks;
  return {
    ...createDecisionLog<LogRecord>({
      sink: only !== undefined && sinks.length === 1 ? only : sinkToAll(sinks),
      mode: config.audit.mode,
      // INVARIANT: what operators, signals and enforcement points did is recorded whatever a bundle's policy says
      line: (record) => {
        const text = write(record);
        return record.type === "decision" || record.type === "data" ? screen(text) : text;
      },
      onEvents: metrics.decisionLog,
    }),
    ...(outbox === undefined ? {} : { status: outbox.status }),
  };
}
