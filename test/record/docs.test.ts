/** docs/metrics.md and docs/decision-log.md say what the code does. */
import { describe, expect, test } from "@jest/globals";
import { createEventWriter } from "../../sidecar/record/event.js";
import type { LogRecord } from "../../sidecar/record/event.js";
import { createDigest } from "../../sidecar/record/fact.js";
import { metricTable } from "../../sidecar/record/metric-table.js";
import { alerts, textOf } from "../deploy/files.js";
import { callOf, contextOf, decisionOf, decisionRecordOf } from "./records.js";

const firstCells = (text: string) =>
  [...text.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, f]) => f),
  );
const sectionOf = (text: string, title: string) => text.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

describe("docs/metrics.md", () => {
  const text = textOf("docs/metrics.md");
  const rows = Object.entries(metricTable).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );

  test("lists every metric with its type, labels and help, and no other", () => {
    expect(sectionOf(text, "The metrics").match(/^\| `.*$/gm)).toEqual(rows);
  });

  test("explains every label", () => {
    const labels = new Set<string>(Object.values(metricTable).flatMap((facts) => [...facts.labels]));
    expect(firstCells(sectionOf(text, "Labels are bounded")).sort()).toEqual([...labels].sort());
  });

  test("has a runbook for every alert, and no other", () => {
    expect([...text.matchAll(/^### (\w+)$/gm)].map(([, title]) => title).sort()).toEqual(
      alerts()
        .map(({ alert }) => alert)
        .sort(),
    );
  });
});

describe("docs/decision-log.md", () => {
  const text = textOf("docs/decision-log.md");
  const write = createEventWriter({
    labels: { id: "i", version: "v" },
    digest: createDigest(),
    input: "digest",
  });
  const fieldsOf = (record: LogRecord) => Object.keys(JSON.parse(write(record)) as object);
  const context = contextOf({ prompt: { bytes: 1 }, content: { bytes: 1 } });
  const decision = decisionOf({ task: { id: "t", lineage: ["t"], proven: true }, limits: [] });

  test("lists the fields of a decision", () => {
    const ofStore = { ...callOf({ store: "kb" }), kind: "retrieval" } as const;
    const fields = new Set([
      ...fieldsOf(
        decisionRecordOf({ context, decision, call: callOf({ risk: "low" }), error: "denied", fence: "f" }),
      ),
      ...fieldsOf(decisionRecordOf({ context, call: ofStore })),
      ...["erased", "masked", "incomplete"],
    ]);
    expect(firstCells(sectionOf(text, "Fields of a decision")).sort()).toEqual([...fields].sort());
  });

  test("lists the fields of an outcome", () => {
    const fields = fieldsOf({
      type: "outcome",
      at: 0,
      requestedBy: "unix",
      outcome: {
        decision_id: "d",
        outcome: "forwarded",
        kind: "tool",
        status: 200,
        duration_ms: 1,
        upstream: "u",
        credential: "env:KEY",
        attempts: 2,
        bytes: 1,
        usage: { input_tokens: 1, output_tokens: 1 },
        cost: { amount: "0.1", currency: "USD", as_of: "2026-11-01", source: "s" },
        stream: { longest_wait_ms: 1 },
        content: { scanned: true },
        retrieval: { given: 1 },
        labels: ["restricted-data"],
      },
    });
    expect(firstCells(sectionOf(text, "Fields of an outcome")).sort()).toEqual(fields.sort());
  });
});
