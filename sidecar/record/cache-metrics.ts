/** Counts what was asked of the decision cache in Redis, and shows for which entrypoints it is asked. */
import type { Registry } from "prom-client";
import { Counter, Gauge } from "prom-client";
import { knownLabels, learnedLabels } from "./label.js";
import { metricTable } from "./metric-table.js";

export interface CacheMetrics {
  /** Counts what came of asking Redis. */
  l2(event: string): void;
  /** Says where the choices by entrypoint are read from, at each scrape. */
  readChoices(from: () => ReadonlyMap<string, boolean>): void;
}

const events = ["hit", "miss", "timeout", "unauthentic", "error", "skipped"] as const;
/** Entrypoints that are told apart. */
const most = 64;

export function createCacheMetrics(registry: Registry): CacheMetrics {
  let choices: () => ReadonlyMap<string, boolean> = () => new Map();
  const registers = [registry];
  const eventFacts = metricTable.countersign_cache_l2_total;
  const asked = new Counter({
    ...{ name: "countersign_cache_l2_total", help: eventFacts.help, registers },
    labelNames: [...eventFacts.labels],
  });
  for (const event of events) asked.inc({ event }, 0);
  const eventLabel = knownLabels(events);
  const policyLabel = learnedLabels(most, ["countersign/decision"]);
  const choiceFacts = metricTable.countersign_cache_l2_choice;
  new Gauge({
    ...{ name: "countersign_cache_l2_choice", help: choiceFacts.help, registers },
    labelNames: [...choiceFacts.labels],
    collect() {
      this.reset();
      for (const [entrypoint, pays] of choices()) {
        const policy = policyLabel.of(entrypoint);
        if (policy !== "other") this.set({ policy }, pays ? 1 : 0);
      }
    },
  });
  return {
    l2(event) {
      asked.inc({ event: eventLabel.of(event) });
    },
    readChoices(from) {
      choices = from;
    },
  };
}
