/** Counts fences for Prometheus. */
import type { Registry } from "prom-client";
import { Counter, Gauge } from "prom-client";
import { knownLabels } from "./label.js";
import { metricTable } from "./metric-table.js";

export interface FenceCounts {
  readonly in_force: number;
  readonly waiting_for_second_person: number;
  readonly stale: boolean;
}

export interface FenceMetrics {
  /** Says where the gauges are read from, at each scrape. */
  readFrom(counts: () => FenceCounts): void;
  /** Counts a change by who made it: a person, or what fences by itself. */
  changed(change: string, by: string): void;
  /** Counts what happened to records of fences. */
  event(event: string, count: number): void;
}

const changes = ["added", "lifted", "asked", "refused"] as const;
const makers = ["operator", "rule", "policy", "signal"] as const;
const events = ["unauthentic", "healed", "too_many", "unwritten", "file_damaged", "file_unwritten"] as const;

export function createFenceMetrics(registry: Registry): FenceMetrics {
  let counts: (() => FenceCounts) | undefined;
  const registers = [registry];
  const { countersign_fences: fences, countersign_fences_stale: stale } = metricTable;
  new Gauge({
    aggregator: "max",
    ...{ name: "countersign_fences", help: fences.help, labelNames: [...fences.labels], registers },
    collect() {
      const now = counts?.();
      this.set({ state: "in_force" }, now?.in_force ?? 0);
      this.set({ state: "waiting" }, now?.waiting_for_second_person ?? 0);
    },
  });
  new Gauge({
    aggregator: "max",
    ...{ name: "countersign_fences_stale", help: stale.help, registers },
    collect() {
      this.set(counts?.().stale === true ? 1 : 0);
    },
  });
  const changeFacts = metricTable.countersign_fence_changes_total;
  const changed = new Counter({
    ...{ name: "countersign_fence_changes_total", help: changeFacts.help, registers },
    labelNames: [...changeFacts.labels],
  });
  const eventFacts = metricTable.countersign_fence_events_total;
  const happened = new Counter({
    ...{ name: "countersign_fence_events_total", help: eventFacts.help, registers },
    labelNames: [...eventFacts.labels],
  });
  for (const event of events) happened.inc({ event }, 0);
  const changeLabel = knownLabels(changes);
  const makerLabel = knownLabels(makers);
  const eventLabel = knownLabels(events);
  return {
    readFrom(from) {
      counts = from;
    },
    changed(change, by) {
      const [maker = ""] = by.split(":");
      const known = (makers as readonly string[]).includes(maker) && maker !== "operator" && by.includes(":");
      changed.inc({ change: changeLabel.of(change), by: makerLabel.of(known ? maker : "operator") });
    },
    event: (event, count) => {
      happened.inc({ event: eventLabel.of(event) }, count);
    },
  };
}
