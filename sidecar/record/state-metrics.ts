/** Counts for Prometheus what happens to what is remembered of tasks and limits. */
import type { Registry } from "prom-client";
import { Counter } from "prom-client";
import { knownLabels } from "./label.js";
import { metricTable } from "./metric-table.js";

const events = ["full", "lapsed", "unsettled", "dropped", "unauthentic", "restored"] as const;

/** Creates the counter; each event is there from the start, so that the first one shows as an increase. */
export function createStateMetrics(registry: Registry): (event: string, count: number) => void {
  const { help, labels } = metricTable.countersign_state_events_total;
  const happened = new Counter({
    ...{ name: "countersign_state_events_total", help, labelNames: [...labels], registers: [registry] },
  });
  for (const event of events) happened.inc({ event }, 0);
  const eventLabel = knownLabels(events);
  return (event, count) => {
    happened.inc({ event: eventLabel.of(event) }, count);
  };
}
