/** Joins the three places where a decision is recorded: decision log, metrics, process log. */
import type { Decided } from "../authorize.js";
import type { DataDecided } from "../api/data.js";
import type { ErrorCode, Json, Outcome } from "../contract.js";
import type { Describer } from "../describe/describe.js";
import type { DecisionLog } from "./decision-log.js";
import type { LogRecord } from "./event.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";

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
  outcome(outcome: Outcome): void;
}

/** Errors that lie with the policy or the bundle, not with the caller. */
const evaluationFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "evaluation_error",
  "evaluation_budget_exceeded",
  "undefined_decision",
  "invalid_decision",
  "no_bundle",
]);

/** Creates the recorder. INVARIANT: what it does can't change a decision, but for strict mode's rejection. */
export function createRecorder({ metrics, decisionLog, log, locate, now }: RecorderParts): Recorder {
  const fault = (code: ErrorCode | undefined, entrypoint: string): void => {
    if (code === undefined || !evaluationFaults.has(code)) return;
    metrics.evaluationFailed(code);
    log.warn("evaluation failed", { code, entrypoint });
  };
  return {
    decision({ decision, identity, call, request, entrypoint, error, micros }) {
      const { context } = request;
      metrics.decided({
        door: "decisions",
        kind: call.kind,
        action: call.action.name,
        allow: decision.allow,
        reason: decision.reasons[0]?.code ?? "",
        policy: entrypoint,
        rules: decision.rules,
        cache: decision.cache,
        micros,
      });
      if (error !== undefined && identity === undefined) metrics.identityFailed(error);
      fault(error, entrypoint);
      return decisionLog?.record({
        type: "decision",
        at: now(),
        door: "decisions",
        entrypoint,
        decision,
        ...(identity === undefined ? {} : { identity }),
        call,
        context,
        network: locate(context.source?.ip).network,
        micros,
        ...(error === undefined ? {} : { error }),
      });
    },
    data({ decisionId, path, input, result, rules, cache, bundles, requestedBy, error, micros }) {
      metrics.decided({
        door: "opa",
        kind: "other",
        action: "other",
        allow: allows(result),
        reason: "",
        policy: path,
        rules,
        cache,
        micros,
      });
      fault(error, path);
      return decisionLog?.record({
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
      });
    },
    outcome(outcome) {
      metrics.outcome(outcome);
      void decisionLog?.record({ type: "outcome", at: now(), outcome })?.catch(() => {
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
