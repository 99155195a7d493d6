/** Counts epochs for Prometheus. */
import type { Registry } from "prom-client";
import { Counter, Gauge } from "prom-client";
import { knownLabels } from "./label.js";
import { metricTable } from "./metric-table.js";

export interface EpochMetrics {
  /** Says where the gauges are read from, at each scrape. */
  readFrom(counts: () => { readonly held: number; readonly listening: boolean }): void;
  /** Counts a bump, or a refusal to, by who asked: a person, a signal, a task's end. */
  bumped(result: string, by: string): void;
  /** Counts what happened to records of epochs, and losses of what was kept. */
  event(event: string, count: number): void;
}

const results = ["done", "unwritten", "refused"] as const;
const makers = ["operator", "signal", "task"] as const;
const events = ["unauthentic", "healed", "too_many", "missed"] as const;

export function createEpochMetrics(registry: Registry): EpochMetrics {
  let counts: (() => { readonly held: number; readonly listening: boolean }) | undefined;
  const registers = [registry];
  const { countersign_epochs: held, countersign_epochs_listening: listening } = metricTable;
  new Gauge({
    aggregator: "max",
    ...{ name: "countersign_epochs", help: held.help, registers },
    collect() {
      this.set(counts?.().held ?? 0);
    },
  });
  new Gauge({
    aggregator: "max",
    ...{ name: "countersign_epochs_listening", help: listening.help, registers },
    collect() {
      this.set(counts?.().listening === true ? 1 : 0);
    },
  });
  const bumpFacts = metricTable.countersign_epoch_bumps_total;
  const bumps = new Counter({
    ...{ name: "countersign_epoch_bumps_total", help: bumpFacts.help, registers },
    labelNames: [...bumpFacts.labels],
  });
  const eventFacts = metricTable.countersign_epoch_events_total;
  const happened = new Counter({
    ...{ name: "countersign_epoch_events_total", help: eventFacts.help, registers },
    labelNames: [...eventFacts.labels],
  });
  for (const event of events) happened.inc({ event }, 0);
  const resultLabel = knownLabels(results);
  const makerLabel = knownLabels(makers);
  const eventLabel = knownLabels(events);
  return {
    readFrom(from) {
      counts = from;
    },
    bumped(result, by) {
      const maker = by === "task" ? "task" : by.startsWith("signal:") ? "signal" : "operator";
      bumps.inc({ result: resultLabel.of(result), by: makerLabel.of(maker) });
    },
    event: (event, count) => {
      happened.inc({ event: eventLabel.of(event) }, count);
    },
  };
}
