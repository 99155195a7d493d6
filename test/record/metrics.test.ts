import { describe, expect, test } from "@jest/globals";
import { Histogram, Registry, register } from "prom-client";
import { CellHistogram } from "../../sidecar/record/cell.js";
import { metricTable } from "../../sidecar/record/metric-table.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import type { Decided, Metrics } from "../../sidecar/record/metrics.js";

const facts: Decided = {
  door: "decisions",
  kind: "model",
  action: "model.invoke",
  allow: true,
  reason: "group_may_use_model",
  policy: "countersign/decision",
  rules: ["model.group"],
  cache: "l2",
  micros: { identify: 3, cache: 1, total: 60 },
};
const lines = async (metrics: Metrics, name: string) =>
  (await metrics.text()).split("\n").filter((line) => line.startsWith(name) && !line.endsWith(" 0"));

describe("metrics", () => {
  test("are those of the table, in a registry of their own", async () => {
    const metrics = createMetrics();
    const json = await metrics.registry.getMetricsAsJSON();
    expect(json.map(({ name, type, help }) => [name, String(type), help]).sort()).toEqual(
      Object.entries(metricTable)
        .map(([name, { type, help }]) => [name, type, help])
        .sort(),
    );
    expect(register.getMetricsAsArray()).toEqual([]);
    createMetrics(); // twice in one process is fine
  });

  test("count a decision", async () => {
    const metrics = createMetrics();
    metrics.decided(facts);
    metrics.decided({ ...facts, cache: { l1: "bypass" } });
    metrics.decided({ ...facts, allow: false, reason: "", cache: "none" });
    expect(await lines(metrics, "countersign_decisions_total")).toEqual([
      'countersign_decisions_total{door="decisions",kind="model",action="model.invoke",result="allow",reason="group_may_use_model",policy="countersign/decision"} 2',
      'countersign_decisions_total{door="decisions",kind="model",action="model.invoke",result="deny",reason="",policy="countersign/decision"} 1',
    ]);
    expect(await lines(metrics, "countersign_cache_total")).toEqual([
      'countersign_cache_total{level="l1",result="miss"} 1',
      'countersign_cache_total{level="l2",result="hit"} 1',
      'countersign_cache_total{level="l1",result="bypass"} 1',
    ]);
    expect(await lines(metrics, "countersign_rule_held_total")).toEqual([
      'countersign_rule_held_total{rule="model.group"} 3',
    ]);
    expect(await lines(metrics, "countersign_decision_step_seconds_count")).toEqual([
      'countersign_decision_step_seconds_count{step="identify"} 3',
      'countersign_decision_step_seconds_count{step="cache"} 3',
      'countersign_decision_step_seconds_count{step="total"} 3',
    ]);
  });

  const learned: readonly {
    readonly name: string;
    readonly most: number;
    readonly hit: (m: Metrics, i: number) => void;
  }[] = [
    {
      name: "countersign_decisions_total",
      most: 65,
      hit: (m, i) => m.decided({ ...facts, reason: `code_${i}` }),
    },
    {
      name: "countersign_rule_held_total",
      most: 513,
      hit: (m, i) => m.decided({ ...facts, rules: [`rule.${i}`] }),
    },
    {
      name: "countersign_bundle_activations_total",
      most: 65,
      hit: (m, i) => m.bundleRejected(`bundle-${i}`, `code_${i}`),
    },
    {
      name: "countersign_decisions_total",
      most: 1,
      hit: (m, i) => m.decided({ ...facts, policy: `no/such/entrypoint/${i}` }),
    },
    { name: "countersign_decisions_total", most: 1, hit: (m, i) => m.decided({ ...facts, action: `a${i}` }) },
    { name: "countersign_decisions_total", most: 1, hit: (m, i) => m.decided({ ...facts, kind: `k${i}` }) },
    { name: "countersign_http_requests_total", most: 1, hit: (m, i) => m.httpAnswered("opa", 1000 + i) },
    {
      name: "countersign_gateway_requests_total",
      most: 1,
      hit: (m, i) => m.gatewayAnswered(`k${i}`, 1000 + i),
    },
    { name: "countersign_bundle_info", most: 1, hit: (m, i) => m.bundleActivated(bundle(`r${i}`)) },
  ];
  const bundle = (revision: string) => ({ name: "main", revision, at: 5_000, entrypoints: ["app/allow"] });
  test.each(learned)("keep $name at $most series, whatever comes", async ({ name, most, hit }) => {
    const metrics = createMetrics();
    for (let i = 0; i < 2_000; i++) hit(metrics, i);
    expect(await lines(metrics, `${name}{`)).toHaveLength(most);
  });

  test("know the error table's codes beside the 64 learned", async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 100; i++) metrics.decided({ ...facts, reason: `code_${i}` });
    metrics.decided({ ...facts, reason: "token_expired" });
    expect((await metrics.text()).includes('reason="token_expired"')).toBe(true);
  });

  test("tell the active revision, when it came, and failed activations", async () => {
    const metrics = createMetrics();
    metrics.bundleActivated(bundle("r1"));
    metrics.bundleActivated({ ...bundle("r2"), at: 9_000 });
    metrics.bundleRejected("main", "build_failed");
    metrics.bundleExpires("main", 10_000);
    metrics.bundleAsked("main", "source_timeout");
    metrics.decided({ ...facts, policy: "app/allow" });
    expect(await lines(metrics, "countersign_bundle")).toEqual([
      'countersign_bundle_info{bundle="main",revision="r2"} 1',
      'countersign_bundle_activated_timestamp_seconds{bundle="main"} 9',
      'countersign_bundle_expires_timestamp_seconds{bundle="main"} 10',
      'countersign_bundle_activations_total{bundle="main",result="rejected"} 1',
      'countersign_bundle_activations_total{bundle="main",result="activated"} 2',
      'countersign_bundle_rejected_total{bundle="main",code="build_failed"} 1',
      'countersign_bundle_requests_total{bundle="main",result="source_timeout"} 1',
    ]);
    expect(await metrics.text()).toContain('policy="app/allow"');
  });

  test("count the rest", async () => {
    const metrics = createMetrics();
    metrics.identityFailed("token_expired");
    metrics.evaluationFailed("evaluation_budget_exceeded");
    metrics.outcome({ kind: "tool", outcome: "upstream_error", duration_ms: 2_000 });
    metrics.decisionLog("dropped", 7);
    metrics.httpAnswered("opa", 404);
    metrics.gatewayAnswered("model", 503);
    metrics.gatewayAsked(700);
    metrics.gatewayFirstByte(1_500_000);
    metrics.gatewayTried("eu-1", "failed");
    metrics.gatewayNotified("soc", "delivered");
    metrics.gatewayTool("files", "low", "answered");
    metrics.gatewayTool("files", "a value", "a value");
    metrics.gatewayToolServer("files", "definition_changed");
    metrics.gatewayToolServer("files", "a value");
    metrics.gatewayDocuments("kb", "removed", 3);
    metrics.limitCounted("tenant-month", "cost", "refused");
    metrics.limitCounted("a value", "a value", "held");
    const text = await metrics.text();
    for (const line of [
      'countersign_identity_failures_total{code="token_expired"} 1',
      'countersign_evaluation_failures_total{code="evaluation_budget_exceeded"} 1',
      'countersign_outcomes_total{kind="tool",outcome="upstream_error"} 1',
      'countersign_upstream_seconds_sum{kind="tool"} 2',
      'countersign_decision_log_events_total{result="dropped"} 7',
      'countersign_http_requests_total{door="opa",code="404"} 1',
      'countersign_gateway_requests_total{kind="model",status="5xx"} 1',
      "countersign_gateway_ask_seconds_sum 0.0007",
      "countersign_gateway_first_byte_seconds_sum 1.5",
      'countersign_gateway_attempts_total{upstream="eu-1",result="failed"} 1',
      'countersign_gateway_documents_total{store="kb",result="removed"} 3',
      'countersign_limits_total{limit="tenant-month",unit="cost",result="refused"} 1',
      'countersign_limits_total{limit="other",unit="other",result="held"} 1',
      'countersign_gateway_tool_calls_total{server="files",risk="low",result="answered"} 1',
      'countersign_gateway_tool_calls_total{server="files",risk="other",result="other"} 1',
      'countersign_gateway_tool_server_events_total{server="files",event="definition_changed"} 1',
      'countersign_gateway_tool_server_events_total{server="files",event="other"} 1',
      'countersign_gateway_notified_total{hook="soc",result="delivered"} 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  test("histogram cells write what prom-client's own histogram writes", async () => {
    const buckets = [0.000001, 0.00001, 0.001, 1];
    const configuration = { name: "h", help: "h", labelNames: ["step"], buckets };
    const [ours, theirs] = [new Registry(), new Registry()];
    const cells = new CellHistogram({ ...configuration, registers: [ours] });
    const histogram = new Histogram({ ...configuration, registers: [theirs] });
    for (const step of ["a", "b"]) {
      const cell = cells.cell({ step });
      for (const micros of [0, 0.5, 1, 1.5, 10, 999, 1_000, 1_001, 1_000_000, 5_000_000]) {
        cell.observe(micros);
        histogram.observe({ step }, micros / 1e6);
      }
    }
    const sorted = async (registry: Registry) =>
      (await registry.metrics())
        .split("\n")
        .map((line) => line.replace(/\{(.*)\}/, (_, l: string) => l.split(",").sort().join(",")))
        .sort();
    expect(await sorted(ours)).toEqual(await sorted(theirs));
  });

  test.each([NaN, -5, Infinity])("a duration of %d doesn't break a histogram", async (micros) => {
    const metrics = createMetrics();
    metrics.decided({ ...facts, micros: { total: micros } });
    metrics.decided({ ...facts, micros: { total: 5 } });
    const text = await metrics.text();
    expect(text).toContain('countersign_decision_step_seconds_count{step="total"} 2');
    expect(text).toContain('countersign_decision_step_seconds_sum{step="total"} 0.000005');
  });
});
