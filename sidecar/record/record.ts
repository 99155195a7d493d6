/** Joins the three places where a decision is recorded: decision log, metrics, process log. */
import type { DataDecided } from "../api/data.js";
import type { Decided } from "../authorize.js";
import type { ErrorCode, Json, Outcome } from "../contract.js";
import type { Describer } from "../describe/describe.js";
import type { DecisionLog } from "./decision-log.js";
import type { LogRecord } from "./event.js";
import type { Log } from "./log.js";
import type { Decided as Counted, Metrics } from "./metrics.js";

export interface RecorderParts {
  readonly metrics: Metrics;
  /** Absent where no decision log is configured. */
  readonly decisionLog?: DecisionLog<LogRecord>;
  readonly log: Log;
  readonly locate: Describer["locate"];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Recorder {
  decision(decided: Decided): void | Promise<void>;
  data(decided: DataDecided): void | Promise<void>;
  outcome(outcome: Outcome, by: string): void;
}

/** Errors that lie with the policy or the bundle, not with the caller. */
const evaluationFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "evaluation_error",
  "evaluation_budget_exceeded",
  "undefined_decision",
  "invalid_decision",
  "no_bundle",
]);
/** A caller that provokes a fault with each request must not be able to flood the process log. */
const quietMs = 10_000;

/** Creates the recorder. INVARIANT: what it does can't change a decision, but for strict mode's rejection. */
export function createRecorder({ metrics, decisionLog, log, locate, now }: RecorderParts): Recorder {
  const told = new Map<string, number>();
  const fault = (code: ErrorCode | undefined, entrypoint: string): void => {
    if (code === undefined || !evaluationFaults.has(code)) return;
    metrics.evaluationFailed(code);
    if (now() - (told.get(code) ?? 0) < quietMs) return;
    told.set(code, now());
    log.warn("evaluation failed", { code, entrypoint });
  };
  /** Counts once it is known whether the record stands: without it, strict mode denies. */
  const finish = (written: Promise<void> | undefined, counted: Counted): void | Promise<void> => {
    if (written === undefined) return metrics.decided(counted);
    return written.then(
      () => {
        metrics.decided(counted);
      },
      (error: unknown) => {
        metrics.decided({ ...counted, allow: false, reason: "record_failed" });
        throw error;
      },
    );
  };
  return {
    decision(decided) {
      const { decision, identity, call, request, entrypoint, error, lookups, micros, asked, asserted } =
        decided;
      const { context } = request;
      fault(error, entrypoint);
      const written = decisionLog?.record(
        {
          type: "decision",
          at: now(),
          door: "decisions",
          entrypoint,
          decision,
          ...(identity === undefined ? {} : { identity }),
          call,
          context,
          network: locate(context.source?.ip).network,
          requestedBy: asked.by,
          micros,
          ...(asserted === undefined ? {} : { asserted }),
          ...(error === undefined ? {} : { error }),
        },
        asked.bytes,
      );
      return finish(written, {
        door: "decisions",
        kind: call.kind,
        action: call.action.name,
        allow: decision.allow,
        reason: decision.reasons[0]?.code ?? "",
        policy: entrypoint,
        rules: decision.rules,
        cache: lookups ?? {},
        micros,
      });
    },
    data({
      decisionId,
      path,
      input,
      result,
      rules,
      cache,
      lookups,
      bundles,
      requestedBy,
      bytes,
      error,
      micros,
    }) {
      fault(error, path);
      const written = decisionLog?.record(
        {
          type: "data",
          at: now(),
          decisionId,
          path,
          bundles,
          ...(input === undefined ? {} : { input }),
          ...(result === undefined ? {} : { result: result as Json }),
          rules,
          cache,
          requestedBy,
          micros,
          ...(error === undefined ? {} : { error }),
        },
        bytes,
      );
      return finish(written, {
        door: "opa",
        kind: "other",
        action: "other",
        allow: allows(result),
        reason: error ?? "",
        policy: path,
        rules,
        cache: lookups ?? {},
        micros,
      });
    },
    outcome(outcome, by) {
      metrics.outcome(outcome);
      void decisionLog?.record({ type: "outcome", at: now(), outcome, requestedBy: by })?.catch(() => {
        log.error("outcome not recorded", { decision_id: outcome.decision_id });
      });
    },
  };
}

/** Tells for the metric whether a data query's result allows: literal `true`, bare or as `allow`. */
function allows(result: unknown): boolean {
  return (
    result === true ||
    (typeof result === "object" && result !== null && "allow" in result && result.allow === true)
  );
}
