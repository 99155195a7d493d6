/** Counts for Prometheus what becomes of the decision log's events on their way to a service. */
import type { Registry } from "prom-client";
import { Counter, Gauge } from "prom-client";
import { knownLabels } from "./label.js";
import { metricTable } from "./metric-table.js";
import { dropReasons } from "./upload/store.js";
import type { Waiting } from "./upload/store.js";

export interface UploadMetrics {
  /** Says where the gauge is read from, at each scrape. */
  readFrom(waiting: () => Pick<Waiting, "bytes" | "spilledBytes">): void;
  /** `uploaded` and reasons of drops count events, `failed` counts uploads; `withheld` and `shortened`, events that lack a part. */
  happened(event: string, count: number): void;
}

const events = ["uploaded", "failed", "withheld", "shortened", ...dropReasons];

export function createUploadMetrics(registry: Registry): UploadMetrics {
  let read: (() => Pick<Waiting, "bytes" | "spilledBytes">) | undefined;
  const registers = [registry];
  const { help, labels } = metricTable.countersign_decision_log_waiting_bytes;
  new Gauge({
    ...{ name: "countersign_decision_log_waiting_bytes", help, registers, labelNames: [...labels] },
    collect() {
      const waiting = read?.();
      this.set({ place: "memory" }, waiting?.bytes ?? 0);
      this.set({ place: "disk" }, waiting?.spilledBytes ?? 0);
    },
  });
  const facts = metricTable.countersign_decision_log_upload_total;
  const counter = new Counter({
    ...{ name: "countersign_decision_log_upload_total", help: facts.help, registers },
    labelNames: [...facts.labels],
  });
  for (const event of events) counter.inc({ event }, 0);
  const eventLabel = knownLabels(events);
  return {
    readFrom(waiting) {
      read = waiting;
    },
    happened(event, count) {
      counter.inc({ event: eventLabel.of(event) }, count);
    },
  };
}
