/** Joins the three places where a decision is recorded: decision log, metrics, process log. */
import type { DataDecided } from "../api/data.js";
import type { Decided } from "../pipeline/refusal.js";
import type { ErrorCode, Json, Outcome } from "../contract.js";
import type { Describer } from "../describe/describe.js";
import type { SignalEvent } from "../signals/told.js";
import type { DecisionLog } from "./decision-log.js";
import type { LogRecord } from "./event.js";
import type { BundleEntry } from "./bundle.js";
import type { EpochEntry } from "./epoch.js";
import type { FenceEntry } from "./fence.js";
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
  /** Makes what records the queries at one path: what they have in common is looked up once. */
  dataAt(path: string): (decided: DataDecided) => void | Promise<void>;
  outcome(outcome: Outcome, by: string): void;
  /** Records what was asked of fences; in strict mode it resolves once written, and rejects where it isn't. */
  fence(entry: FenceEntry): void | Promise<void>;
  /** Records what was asked of epochs; in strict mode it resolves once written, and rejects where it isn't. */
  epoch(entry: EpochEntry): void | Promise<void>;
  /** Records what was asked of pushed bundles; in strict mode it resolves once written, and rejects where it isn't. */
  bundle(entry: BundleEntry): void | Promise<void>;
  /** Records a shared signal. */
  signal(event: SignalEvent): void;
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
  const finish = (
    written: Promise<void> | undefined,
    counted: Counted,
    count: (counted: Counted) => void = metrics.decided,
  ): void | Promise<void> => {
    if (written === undefined) return count(counted);
    return written.then(
      () => {
        count(counted);
      },
      (error: unknown) => {
        count({ ...counted, allow: false, reason: "record_failed" });
        throw error;
      },
    );
  };
  const recordData = (decided: DataDecided, count: (counted: Counted) => void): void | Promise<void> => {
    const { decisionId, path, input, result, rules, cache, lookups, bundles, error, micros } = decided;
    if (error !== undefined) fault(error, path);
    // no spreading: most of what costs of a decision that is known is putting it on record
    const written = decisionLog?.record(
      {
        type: "data",
        at: now(),
        decisionId,
        path,
        bundles,
        input,
        result: result as Json | undefined,
        rules,
        cache,
        requestedBy: decided.requestedBy,
        micros,
        error,
      },
      decided.bytes,
    );
    const counted: Counted = {
      door: "opa",
      kind: "other",
      action: "other",
      policy: path,
      allow: allows(result),
      reason: error ?? "",
      rules,
      cache: lookups ?? nothingLooked,
      micros,
    };
    return finish(written, counted, count);
  };
  return {
    decision(decided) {
      const {
        decision,
        identity,
        call,
        request,
        entrypoint,
        error,
        lookups,
        micros,
        asked,
        asserted,
        fence,
      } = decided;
      const { context } = request;
      fault(error, entrypoint);
      const written = decisionLog?.record(
        {
          type: "decision",
          at: now(),
          door: "decisions",
          entrypoint,
          decision,
          identity,
          call,
          context,
          network: locate(context.source?.ip).network,
          requestedBy: asked.by,
          micros,
          asserted,
          fence,
          error,
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
        cache: lookups ?? nothingLooked,
        micros,
      });
    },
    data: (decided) => recordData(decided, metrics.decided),
    dataAt(path) {
      const count = metrics.countingFor(commonAt(path));
      return (decided) => recordData(decided, count);
    },
    outcome(outcome, by) {
      metrics.outcome(outcome);
      void decisionLog?.record({ type: "outcome", at: now(), outcome, requestedBy: by })?.catch(() => {
        log.error("outcome not recorded", { decision_id: outcome.decision_id });
      });
    },
    fence(entry) {
      const changes = entry.action === "add" || entry.action === "lift";
      if (changes && entry.result !== "attempted") metrics.fences.changed(changeOf(entry), entry.by);
      return decisionLog?.record({ type: "fence", at: now(), entry });
    },
    epoch(entry) {
      if (entry.action === "bump") metrics.epochs.bumped(entry.result, entry.by);
      return decisionLog?.record({ type: "epoch", at: now(), entry });
    },
    bundle(entry) {
      const changes = entry.action === "push" || entry.action === "rollback";
      if (changes && entry.result !== "attempted") metrics.bundlePushed(entry.action, entry.result);
      return decisionLog?.record({ type: "bundle", at: now(), entry });
    },
    signal(event) {
      metrics.signal(event.direction, event.peer, event.event, event.result);
      void decisionLog?.record({ type: "signal", at: now(), signal: event })?.catch(() => {
        log.error("signal not recorded", { peer: event.peer, event: event.event });
      });
    },
  };
}

const nothingLooked = Object.freeze({});

function commonAt(path: string) {
  return { door: "opa", kind: "other", action: "other", policy: path } as const;
}

function changeOf({ action, result }: FenceEntry): string {
  if (result === "refused") return "refused";
  if (result === "waits") return "asked";
  return action === "add" ? "added" : "lifted";
}

/** Tells for the metric whether a data query's result allows: literal `true`, bare or as `allow`. */
function allows(result: unknown): boolean {
  return (
    result === true ||
    (typeof result === "object" && result !== null && "allow" in result && result.allow === true)
  );
}
