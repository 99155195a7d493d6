/** Prometheus' own tool accepts the files, and the alerts fire when they should. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { alerts, dashboardExpressions, pathOf, textOf } from "./files.js";
import { promtool } from "./promtool.js";

describe("promtool", () => {
  test.each([
    { what: "the alert rules", args: ["check", "rules", pathOf("deploy/prometheus/alerts.yaml")] },
    { what: "the scrape configuration", args: ["check", "config", pathOf("deploy/prometheus/prometheus.yaml")] },
    { what: "the alerts' unit tests", args: ["test", "rules", pathOf("test/deploy/alerts_test.yaml")] },
  ])("accepts $what", ({ args }) => {
    expect(promtool(args)).toMatchObject({ code: 0 });
  });

  test("accepts every expression of the dashboard", () => {
    const folder = mkdtempSync(join(tmpdir(), "rules-"));
    const rules = dashboardExpressions().map(({ expr }, i) => ({ record: `panel:expression:${i}`, expr }));
    writeFileSync(join(folder, "rules.json"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    try {
      expect(rules.length).toBeGreaterThan(20);
      expect(promtool(["check", "rules", join(folder, "rules.json")])).toMatchObject({ code: 0 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("finds nothing to complain of in the metrics", async () => {
    const metrics = createMetrics();
    metrics.decided({
      door: "decisions",
      kind: "tool",
      action: "tool.call",
      allow: false,
      reason: "denied",
      policy: "countersign/decision",
      rules: ["tool.arguments"],
      cache: "l1",
      micros: { identify: 1, describe: 1, cache: 1, evaluate: 30, record: 1, total: 40 },
    });
    metrics.bundleActivated({ name: "main", revision: 'r"1\\\n', at: 1, entrypoints: [] });
    metrics.outcome({ kind: "tool", outcome: "denied", duration_ms: 1 });
    metrics.identityFailed("token_expired");
    metrics.httpAnswered("opa", 200);
    metrics.gatewayAnswered("tool", 403);
    expect(promtool(["check", "metrics"], await metrics.text())).toEqual({ code: 0, output: "" });
  });

  test("every alert has a unit test that makes it fire", () => {
    const tests = textOf("test/deploy/alerts_test.yaml");
    for (const { alert } of alerts()) {
      expect(tests).toMatch(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`));
    }
  });
});
