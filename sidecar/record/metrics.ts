/** Counts and times decisions for Prometheus; the metrics themselves are listed in metric-table.ts. */
import { Gauge, Registry, collectDefaultMetrics } from "prom-client";
import { actionNames, errorTable, limitUnits } from "../contract.js";
import type { ErrorCode, Outcome, StreamTimes, TokenUsage } from "../contract.js";
import type { Common, Decided, Varying } from "./count-decided.js";
import { createDecidedCounter } from "./count-decided.js";
import { CellCounter, CellHistogram } from "./cell.js";
import type { CounterCell, HistogramCell } from "./cell.js";
import type { CacheMetrics } from "./cache-metrics.js";
import { createCacheMetrics } from "./cache-metrics.js";
import { createBundleMetrics } from "./bundle-metrics.js";
import type { EpochMetrics } from "./epoch-metrics.js";
import { createEpochMetrics } from "./epoch-metrics.js";
import type { FenceMetrics } from "./fence-metrics.js";
import { createFenceMetrics } from "./fence-metrics.js";
import { createStateMetrics } from "./state-metrics.js";
import type { UploadMetrics } from "./upload-metrics.js";
import { createUploadMetrics } from "./upload-metrics.js";
import { knownLabels, learnedLabels } from "./label.js";
import { metricTable } from "./metric-table.js";
import type { MetricFacts, MetricName } from "./metric-table.js";

export type { Decided } from "./count-decided.js";

export const doors = ["decisions", "opa", "authzen", "ext_authz", "admin", "diagnostics", "console"] as const;
/** The way by which a request reached the sidecar. */
export type Door = (typeof doors)[number];

export const steps = ["identify", "describe", "cache", "evaluate", "state", "record", "total"] as const;
/** Microseconds per step; a step that did not run is left out. */
export type StepMicros = { readonly [step in (typeof steps)[number]]?: number };

export type CacheResult = "hit" | "miss" | "error" | "bypass";
/** What each level answered; a level that was not asked is left out. */
export interface CacheLookups {
  readonly l1?: CacheResult;
  readonly l2?: CacheResult;
}

/** What a call of a model used and cost at the gateway. */
export interface GatewayUsed {
  /** Its name in the gateway's configuration. */
  readonly model: string;
  readonly usage: TokenUsage | undefined;
  /** In billionths of the currency. */
  readonly cost: { readonly currency: string; readonly nanos: number } | undefined;
  readonly stream: StreamTimes | undefined;
}

export interface Metrics {
  readonly registry: Registry;
  decided(facts: Decided): void;
  /** Makes what counts decisions that have these in common, without looking anything up. */
  countingFor(facts: Common): (facts: Varying) => void;
  identityFailed(code: ErrorCode): void;
  evaluationFailed(code: ErrorCode): void;
  /** Records an activation; its entrypoints become values of the `policy` label. `at` is epoch milliseconds. */
  bundleActivated(bundle: {
    readonly name: string;
    readonly revision: string;
    readonly at: number;
    readonly entrypoints: readonly string[];
  }): void;
  bundleRejected(name: string, code: string): void;
  /** Counts what a service answered that was asked for a bundle. */
  bundleAsked(name: string, result: string): void;
  /** Counts what came of a push or a rollback. */
  bundlePushed(action: string, result: string): void;
  /** Says until when what is in force holds, epoch milliseconds; undefined: for ever. */
  bundleExpires(name: string, at: number | undefined): void;
  outcome(outcome: Pick<Outcome, "kind" | "outcome" | "duration_ms">): void;
  decisionLog(result: "written" | "dropped" | "failed" | "excluded", count: number): void;
  /** Counts what became of records on their way to a service, and of those that couldn't be masked. */
  readonly upload: UploadMetrics;
  httpAnswered(door: Door, status: number): void;
  /** Counts a call against a limit. */
  limitCounted(limit: string, unit: string, result: "held" | "warned" | "exceeded" | "refused"): void;
  /** Counts a shared signal that came from a transmitter, or was told to a receiver. */
  signal(direction: "received" | "sent", peer: string, event: string, result: string): void;
  gatewayAnswered(kind: string, status: number): void;
  gatewayAsked(micros: number): void;
  gatewayReused(result: "reused" | "asked" | "fenced"): void;
  gatewayFirstByte(micros: number): void;
  gatewayTried(upstream: string, result: string): void;
  gatewayUsed(facts: GatewayUsed): void;
  gatewayBetweenTokens(micros: number): void;
  gatewayReloaded(result: string): void;
  gatewayCredential(credential: string, event: string): void;
  gatewayTool(server: string, risk: string, result: string): void;
  gatewayToolServer(server: string, event: string): void;
  gatewayDocuments(store: string, result: "given" | "masked" | "removed" | "filtered", count: number): void;
  /** Counts what became of telling a hook of a decision. */
  gatewayNotified(hook: string, result: string): void;
  /** What is asked of the decision cache in Redis. */
  readonly cache: CacheMetrics;
  readonly epochs: EpochMetrics;
  readonly fences: FenceMetrics;
  /** Counts what happened to what is remembered of tasks and limits. */
  stateHappened(event: string, count: number): void;
  /** Writes the text exposition format. */
  text(): Promise<string>;
}

const evaluationCodes = [
  "evaluation_error",
  "evaluation_budget_exceeded",
  "undefined_decision",
  "invalid_decision",
  "no_bundle",
] as const satisfies readonly ErrorCode[];
const kinds = ["model", "retrieval", "tool", "agent", "network", "route", "task"] as const;
const outcomes: readonly Outcome["outcome"][] = [
  "forwarded",
  "denied",
  "upstream_error",
  "upstream_timeout",
  "client_disconnected",
  "obligation_unsatisfiable",
];
const toolServerEvents = [
  ...["started", "stopped", "ended", "not_started", "too_long", "garbage", "unread", "too_many"],
  ...["definition_new", "definition_changed", "not_offered"],
] as const;
/** Keeps one counter cell per combination of (already bounded) label values; cells count in parts, `scale` to a unit. */
function counterBy(registry: Registry, name: MetricName, scale = 1): (...values: string[]) => CounterCell {
  const { help, labels }: MetricFacts = metricTable[name];
  const counter = new CellCounter({ name, help, labelNames: [...labels], registers: [registry] }, scale);
  const cells = new Map<string, CounterCell>();
  return (...values) => {
    const key = values.length === 1 ? (values[0] ?? "") : values.join("\n");
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = counter.cell(Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ""])));
      cells.set(key, cell);
    }
    return cell;
  };
}

function histogramBy(registry: Registry, name: MetricName): (value?: string) => HistogramCell {
  const { help, labels, buckets }: MetricFacts = metricTable[name];
  const histogram = new CellHistogram({
    name,
    help,
    labelNames: [...labels],
    buckets: [...(buckets ?? [])],
    registers: [registry],
  });
  const cells = new Map<string, HistogramCell>();
  return (value = "") => {
    let cell = cells.get(value);
    if (cell === undefined) {
      cell = histogram.cell(Object.fromEntries(labels.map((label) => [label, value])));
      cells.set(value, cell);
    }
    return cell;
  };
}

function gauge(registry: Registry, name: MetricName): Gauge {
  const { help, labels }: MetricFacts = metricTable[name];
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry], aggregator: "max" });
}

/**
 * Registers every metric of the table in a registry of its own.
 * @param options `process` adds Node's own process metrics (`process_*`, `nodejs_*`).
 */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process === true) collectDefaultMetrics({ register: registry });

  const decisions = counterBy(registry, "countersign_decisions_total");
  const stepSeconds = histogramBy(registry, "countersign_decision_step_seconds");
  const cacheLookups = counterBy(registry, "countersign_cache_total");
  const bundles = createBundleMetrics(registry);
  const identityFailures = counterBy(registry, "countersign_identity_failures_total");
  const evaluationFailures = counterBy(registry, "countersign_evaluation_failures_total");
  const rulesHeld = counterBy(registry, "countersign_rule_held_total");
  const outcomeCount = counterBy(registry, "countersign_outcomes_total");
  const upstreamSeconds = histogramBy(registry, "countersign_upstream_seconds");
  const logEvents = counterBy(registry, "countersign_decision_log_events_total");
  const httpRequests = counterBy(registry, "countersign_http_requests_total");
  const signals = counterBy(registry, "countersign_signals_total");
  const signalsSent = counterBy(registry, "countersign_signals_sent_total");
  const limits = counterBy(registry, "countersign_limits_total");
  const gatewayRequests = counterBy(registry, "countersign_gateway_requests_total");
  const gatewayAsk = histogramBy(registry, "countersign_gateway_ask_seconds");
  const gatewayReuse = counterBy(registry, "countersign_gateway_reuse_total");
  const gatewayFirstByte = histogramBy(registry, "countersign_gateway_first_byte_seconds");
  const gatewayAttempts = counterBy(registry, "countersign_gateway_attempts_total");
  const gatewayTokens = counterBy(registry, "countersign_gateway_tokens_total");
  const gatewayCost = counterBy(registry, "countersign_gateway_cost_total", 1e9);
  const gatewayFirstToken = histogramBy(registry, "countersign_gateway_first_token_seconds");
  const gatewayBetweenTokens = histogramBy(registry, "countersign_gateway_between_tokens_seconds");
  const gatewayTokenRate = histogramBy(registry, "countersign_gateway_tokens_per_second");
  const gatewayReloads = counterBy(registry, "countersign_gateway_config_reloads_total");
  const gatewayConfigAt = gauge(registry, "countersign_gateway_config_last_success_timestamp_seconds");
  const gatewayNotices = counterBy(registry, "countersign_gateway_notified_total");
  const hookLabel = learnedLabels(64);
  const noticeLabel = knownLabels(["delivered", "failed", "dropped"]);
  const gatewayCredentials = counterBy(registry, "countersign_gateway_credential_events_total");

  const errorCodes = Object.keys(errorTable);
  const doorLabel = knownLabels(doors);
  const kindLabel = knownLabels(kinds);
  const actionLabel = knownLabels(actionNames);
  const codeLabel = knownLabels(errorCodes);
  const outcomeLabel = knownLabels(outcomes);
  const reasonLabel = learnedLabels(64, ["", ...errorCodes]);
  const limitLabel = learnedLabels(128);
  const unitLabel = knownLabels(limitUnits);
  const policyLabel = learnedLabels(64, ["countersign/decision"]);
  const ruleLabel = learnedLabels(512);
  const transmitterLabel = learnedLabels(64);
  const receiverLabel = learnedLabels(64);
  // names of events and results are from closed lists
  const signalLabel = learnedLabels(64);
  const signalResultLabel = learnedLabels(32);
  const upstreamLabel = learnedLabels(64);
  const modelLabel = learnedLabels(64);
  const currencyLabel = learnedLabels(8);
  const triedLabel = knownLabels(["answered", "error", "failed", "aborted", "refusal"]);
  const reloadLabel = knownLabels(["applied", "rejected"]);
  const credentialLabel = learnedLabels(64);
  const gatewayTools = counterBy(registry, "countersign_gateway_tool_calls_total");
  const gatewayToolServers = counterBy(registry, "countersign_gateway_tool_server_events_total");
  const serverLabel = learnedLabels(64);
  const gatewayDocuments = counterBy(registry, "countersign_gateway_documents_total");
  const storeLabel = learnedLabels(64);
  const riskLabel = knownLabels(["low", "medium", "high", "critical"]);
  const toolResultLabel = knownLabels(["answered", "error", "aborted", ...outcomes]);
  const toolServerEventLabel = knownLabels(toolServerEvents);
  const credentialEvents = ["changed", "failed", "restored", "previous_used", "current_used"];
  const credentialEventLabel = knownLabels(credentialEvents);
  const entrypoints = new Set(["countersign/decision"]);

  // series that alerts and ratios need from the first scrape on
  for (const result of ["written", "dropped", "failed", "excluded"]) logEvents(result);
  for (const step of steps) stepSeconds(step);
  for (const level of ["l1", "l2"])
    for (const result of ["hit", "miss", "error"]) cacheLookups(level, result);
  for (const code of evaluationCodes) evaluationFailures(code);
  gatewayAsk();
  gatewayFirstByte();
  const betweenTokens = gatewayBetweenTokens();

  const step = {
    identify: stepSeconds("identify"),
    describe: stepSeconds("describe"),
    cache: stepSeconds("cache"),
    evaluate: stepSeconds("evaluate"),
    state: stepSeconds("state"),
    record: stepSeconds("record"),
    total: stepSeconds("total"),
  };

  return {
    registry,
    cache: createCacheMetrics(registry),
    epochs: createEpochMetrics(registry),
    fences: createFenceMetrics(registry),
    stateHappened: createStateMetrics(registry),
    upload: createUploadMetrics(registry),
    ...createDecidedCounter({
      decisionsOf: ({ door, kind, action, allow, reason, policy }) =>
        decisions(
          doorLabel.of(door),
          kindLabel.of(kind),
          actionLabel.of(action),
          allow ? "allow" : "deny",
          reasonLabel.of(reason),
          entrypoints.has(policy) ? policyLabel.of(policy) : "other",
        ),
      heldOf: (rule) => rulesHeld(ruleLabel.of(rule)),
      ...{ lookupsOf: cacheLookups, step },
    }),
    identityFailed: (code) => identityFailures(codeLabel.of(code)).add(),
    evaluationFailed: (code) => evaluationFailures(codeLabel.of(code)).add(),
    bundleActivated({ name, revision, at, entrypoints: active }) {
      for (const entrypoint of active) entrypoints.add(entrypoint);
      bundles.activated({ name, revision, at });
    },
    bundleRejected: bundles.rejected,
    bundleAsked: bundles.asked,
    bundlePushed: bundles.pushed,
    bundleExpires: bundles.expires,
    outcome({ kind, outcome, duration_ms }) {
      outcomeCount(kindLabel.of(kind), outcomeLabel.of(outcome)).add();
      upstreamSeconds(kindLabel.of(kind)).observe(duration_ms * 1000);
    },
    decisionLog: (result, count) => logEvents(result).add(count),
    limitCounted: (limit, unit, result) => limits(limitLabel.of(limit), unitLabel.of(unit), result).add(),
    httpAnswered: (door, status) => httpRequests(doorLabel.of(door), statusLabel(status)).add(),
    signal: (direction, peer, event, result) =>
      (direction === "sent"
        ? signalsSent(receiverLabel.of(peer), signalLabel.of(event), signalResultLabel.of(result))
        : signals(transmitterLabel.of(peer), signalLabel.of(event), signalResultLabel.of(result))
      ).add(),
    gatewayAnswered: (kind, status) => gatewayRequests(kindLabel.of(kind), statusClass(status)).add(),
    gatewayAsked: (micros) => gatewayAsk().observe(micros),
    gatewayReused: (result) => gatewayReuse(result).add(),
    gatewayFirstByte: (micros) => gatewayFirstByte().observe(micros),
    gatewayTried: (upstream, result) =>
      gatewayAttempts(upstreamLabel.of(upstream), triedLabel.of(result)).add(),
    gatewayReloaded(result) {
      if (result === "applied" || result === "started") gatewayConfigAt.set(Date.now() / 1000);
      if (result !== "started") gatewayReloads(reloadLabel.of(result)).add();
    },
    gatewayNotified: (hook, result) => gatewayNotices(hookLabel.of(hook), noticeLabel.of(result)).add(),
    gatewayCredential: (credential, event) =>
      gatewayCredentials(credentialLabel.of(credential), credentialEventLabel.of(event)).add(),
    gatewayTool: (server, risk, result) =>
      gatewayTools(serverLabel.of(server), riskLabel.of(risk), toolResultLabel.of(result)).add(),
    gatewayToolServer: (server, event) =>
      gatewayToolServers(serverLabel.of(server), toolServerEventLabel.of(event)).add(),
    gatewayDocuments: (store, result, count) => gatewayDocuments(storeLabel.of(store), result).add(count),
    gatewayUsed({ model: name, usage, cost, stream }) {
      const model = modelLabel.of(name);
      if (usage !== undefined) {
        const source = usage.estimated === true ? "estimated" : "reported";
        const count = (type: string, tokens = 0): void => {
          if (tokens > 0) gatewayTokens(model, type, source).add(tokens);
        };
        count("input", usage.input_tokens);
        count("output", usage.output_tokens);
        count("cached", usage.cached_tokens);
        count("cache_write", usage.cache_write_tokens);
        count("reasoning", usage.reasoning_tokens);
      }
      if (cost !== undefined) gatewayCost(currencyLabel.of(cost.currency), model).add(cost.nanos);
      if (stream?.first_token_ms !== undefined)
        gatewayFirstToken(model).observe(stream.first_token_ms * 1000);
      if (stream?.tokens_per_second !== undefined)
        gatewayTokenRate(model).observe(stream.tokens_per_second * 1e6);
    },
    gatewayBetweenTokens: (micros) => betweenTokens.observe(micros),
    text: () => registry.metrics(),
  };
}

function statusLabel(status: number): string {
  return Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : "other";
}

function statusClass(status: number): string {
  return status >= 100 && status <= 599 ? `${Math.trunc(status / 100)}xx` : "other";
}
