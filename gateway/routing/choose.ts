import { createHash } from "node:crypto";
import type { Choice, Deployment } from "./deployment.js";
import type { Health } from "./health.js";

export interface Chooser {
  readonly choice: Choice;
  readonly stream: boolean;
  /** What keeps its deployment, where something does. */
  readonly stickyKey: string | undefined;
  readonly healthOf: (deployment: Deployment) => Health;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Chooses one of the deployments of the lowest `priority`; undefined where there is none. */
export function choose(available: readonly Deployment[], by: Chooser): Deployment | undefined {
  if (available.length <= 1) return available[0];
  const best = Math.min(...available.map(({ priority }) => priority));
  const among = available.filter(({ priority }) => priority === best);
  // a weight of 0 takes it out of the lottery; it is there for when nothing else is
  const weighing = among.some(({ weight }) => weight > 0) ? among.filter(({ weight }) => weight > 0) : among;
  const { stickyKey } = by;
  if (stickyKey !== undefined) return least(weighing, (one) => -rank(stickyKey, one), by.random);
  switch (by.choice) {
    case "weighted":
      return weighted(weighing, by.random);
    case "priority":
      return among[0];
    case "latency":
      return least(weighing, (one) => by.healthOf(one).latency(by.stream), by.random);
    case "least_busy":
      return least(weighing, (one) => by.healthOf(one).inFlight / (one.weight || 1), by.random);
    case "cost":
      return least(
        weighing,
        ({ cost }) => (cost === undefined ? Infinity : cost.input + cost.output),
        by.random,
      );
  }
}

function weighted(among: readonly Deployment[], random: () => number): Deployment | undefined {
  const sum = among.reduce((total, { weight }) => total + weight, 0);
  let at = random() * sum;
  for (const one of among) {
    at -= one.weight;
    if (at < 0) return one;
  }
  return among.at(-1);
}

/** Of those that are equal, any. */
function least(
  among: readonly Deployment[],
  measure: (one: Deployment) => number,
  random: () => number,
): Deployment | undefined {
  const measures = among.map(measure);
  const low = Math.min(...measures);
  const equal = among.filter((_one, i) => measures[i] === low);
  return equal[Math.floor(random() * equal.length)];
}

/**
 * Ranks a deployment for a key by weighted rendezvous hashing: nothing to remember, the same in every process, and a
 * deployment that comes or goes moves only its own share.
 */
function rank(key: string, { name, weight }: Deployment): number {
  const digest = createHash("sha256").update(`${key}\0${name}`).digest();
  const share = (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48;
  return (weight || 1) / -Math.log(share);
}
