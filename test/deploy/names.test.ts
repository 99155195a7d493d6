/** The dashboard and the alerts use metrics, labels and values that exist, and all of them. */
import { describe, expect, test } from "@jest/globals";
import { bundleCodes } from "../../sidecar/bundles/codes.js";
import { errorTable } from "../../sidecar/contract.js";
import { metricTable } from "../../sidecar/record/metric-table.js";
import type { MetricFacts } from "../../sidecar/record/metric-table.js";
import { alertExpressions, alerts, dashboard, dashboardExpressions } from "./files.js";

const table: Readonly<Record<string, MetricFacts>> = metricTable;
const scraped = ["job", "instance"];

/** Facts of the metric that a series belongs to, and the labels that the series has. */
function seriesFacts(series: string): { name: string; labels: readonly string[] } | undefined {
  const own = table[series];
  if (own !== undefined && own.type !== "histogram") return { name: series, labels: [...own.labels, ...scraped] };
  const [, name = "", suffix = ""] = /^(.*)_(bucket|sum|count)$/.exec(series) ?? [];
  const histogram = table[name];
  if (histogram?.type !== "histogram") return undefined;
  return { name, labels: [...histogram.labels, ...scraped, ...(suffix === "bucket" ? ["le"] : [])] };
}

const seriesIn = (expr: string) =>
  [...expr.matchAll(/\b(countersign_\w+)(?:\{([^}]*)\})?/g)].map(([, series = "", matchers = ""]) => ({
    series,
    matchers: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = "", value = ""]) => ({
      label,
      value,
    })),
  }));

const expressions = [...dashboardExpressions(), ...alertExpressions()];

/** Values of labels that are closed sets; `reason` holds patterns over the error table's codes. */
const values: Readonly<Record<string, readonly string[]>> = {
  countersign_decisions_total_result: ["allow", "deny"],
  countersign_decision_step_seconds_step: ["identify", "describe", "cache", "evaluate", "record", "total"],
  countersign_cache_total_level: ["l1", "l2"],
  countersign_cache_l2_total_event: ["hit", "miss", "timeout", "unauthentic", "error", "skipped"],
  countersign_cache_total_result: ["hit", "miss", "error", "bypass"],
  countersign_bundle_activations_total_result: ["activated", "rejected"],
  countersign_decision_log_events_total_result: ["written", "dropped", "failed"],
  countersign_bundle_rejected_total_code: Object.keys(bundleCodes),
  countersign_bundle_requests_total_result: ["downloaded", "unchanged", ...Object.keys(bundleCodes)],
  countersign_decision_log_upload_total_event: [
    ...["uploaded", "failed", "withheld", "shortened"],
    ...["buffer_full", "spill_full", "too_large", "rate_limit", "shutdown", "corrupt"],
  ],
  countersign_decision_log_waiting_bytes_place: ["memory", "disk"],
  countersign_gateway_requests_total_status: ["1xx", "2xx", "3xx", "4xx", "5xx"],
  countersign_fences_state: ["in_force", "waiting"],
  countersign_fence_changes_total_change: ["added", "lifted", "asked", "refused"],
  countersign_fence_events_total_event: [
    ...["unauthentic", "healed", "too_many", "unwritten", "file_damaged", "file_unwritten"],
  ],
  countersign_state_events_total_event: [
    ...["full", "lapsed", "unsettled", "dropped", "unauthentic", "restored"],
  ],
  countersign_limits_total_result: ["held", "warned", "exceeded", "refused"],
  countersign_decisions_total_reason: Object.keys(errorTable),
};

describe("expressions", () => {
  test.each(expressions)("of $where name metrics, labels and values that exist", ({ expr }) => {
    const found = seriesIn(expr);
    const known = new Set(found.flatMap(({ series }) => seriesFacts(series)?.labels ?? []));
    for (const { series, matchers } of found) {
      const facts = seriesFacts(series);
      expect({ series, known: facts !== undefined }).toEqual({ series, known: true });
      for (const { label, value } of matchers) {
        expect(facts?.labels).toContain(label);
        const allowed = values[`${facts?.name}_${label}`];
        if (allowed === undefined) continue;
        for (const part of value.split("|")) {
          const matches = allowed.some((candidate) => new RegExp(`^(?:${part})$`).test(candidate));
          expect({ series, label, part, matches }).toEqual({ series, label, part, matches: true });
        }
      }
    }
    for (const [, list = ""] of expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)) {
      for (const label of list.split(",").map((text) => text.trim())) {
        // count(up)-like expressions have no metric of ours
        if (found.length > 0) expect([...known]).toContain(label);
      }
    }
  });

  test("an unknown metric, label or value would be found", () => {
    expect(seriesFacts("countersign_decision_total")).toBeUndefined();
    expect(seriesFacts("countersign_decision_step_seconds")).toBeUndefined();
    expect(seriesFacts("countersign_decisions_total")?.labels).not.toContain("tenant");
    expect(seriesIn('rate(countersign_cache_total{level="l9"}[5m])')).toEqual([
      { series: "countersign_cache_total", matchers: [{ label: "level", value: "l9" }] },
    ]);
  });
});

test.each(Object.keys(metricTable))("%s is on the dashboard", (name) => {
  const used = dashboardExpressions().flatMap(({ expr }) => seriesIn(expr).map(({ series }) => seriesFacts(series)?.name));
  expect(used).toContain(name);
});

test("the dashboard's panels have their own place, id and title", () => {
  const { panels } = dashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
});

test("the dashboard's variables are those that its expressions use", () => {
  const defined = dashboard().templating.list.map(({ name }) => name);
  const used = [...JSON.stringify(dashboard()).matchAll(/\$\{?([a-z]+)\b/g)].map(([, name]) => name);
  expect([...new Set(used)].sort()).toEqual([...defined].sort());
});

test.each(alerts().map(({ alert, labels, annotations }) => ({ alert, labels, annotations })))(
  "$alert says how severe it is, what happens and where its runbook is",
  ({ alert, labels, annotations }) => {
    expect(["warning", "critical"]).toContain(labels["severity"]);
    expect(Object.keys(annotations).sort()).toEqual(["description", "runbook_url", "summary"]);
    expect(annotations["runbook_url"]).toBe(`docs/metrics.md#${alert.toLowerCase()}`);
  },
);
