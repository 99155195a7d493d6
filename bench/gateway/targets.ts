/** Compares Countersign with the others as the targets have it. */
import { micros, table } from "../engine/tables.js";
import type { SystemMeasured, TurnMeasured } from "./measure.js";

interface Target {
  readonly what: string;
  readonly other: string;
  /** Of Countersign's figure over the other's. */
  readonly ratio: (own: SystemMeasured, other: SystemMeasured, floor: SystemMeasured | undefined) => number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const rate =
  (name: string): Target["ratio"] =>
  (own, other) =>
    medianOf(own, name, (turn) => turn.perSecond) / medianOf(other, name, (turn) => turn.perSecond);

/** Requests that a second of CPU is enough for: what other work on the machine changes least. */
const perCpu =
  (name: string): Target["ratio"] =>
  (own, other) => {
    const of = ({ turns }: SystemMeasured): number =>
      Math.min(
        ...(turns[name] ?? []).map(({ cpu }) => Object.values(cpu).reduce((sum, one) => sum + one, 0)),
      );
    return of(other) / of(own);
  };

const added: Target["ratio"] = (own, other, floor) => {
  const of = (system: SystemMeasured): number =>
    medianOf(system, "plain, one connection", (turn) => turn.p50);
  return floor === undefined ? NaN : (of(own) - of(floor)) / (of(other) - of(floor));
};

const memory: Target["ratio"] = (own, other) => mostMemory(own) / mostMemory(other);

const targets: readonly Target[] = [
  { what: "requests/s", other: "Portkey", ratio: rate("plain"), atLeast: 6 },
  { what: "requests/s", other: "LiteLLM", ratio: rate("plain"), atLeast: 80 },
  { what: "streams/s", other: "Portkey", ratio: rate("streams"), atLeast: 8 },
  { what: "requests per second of CPU", other: "Portkey", ratio: perCpu("plain"), atLeast: 6 },
  { what: "requests per second of CPU", other: "LiteLLM", ratio: perCpu("plain"), atLeast: 80 },
  { what: "streams per second of CPU", other: "Portkey", ratio: perCpu("streams"), atLeast: 8 },
  { what: "added median, one connection", other: "Portkey", ratio: added, atMost: 1 / 4 },
  { what: "added median, one connection", other: "LiteLLM", ratio: added, atMost: 1 / 30 },
  { what: "memory at most", other: "Portkey", ratio: memory, atMost: 1 },
];

/** Draws the ratios beside their targets, for each way that Countersign was measured in. */
export function targetTable(measured: readonly SystemMeasured[]): string {
  const floor = measured.find(({ name }) => name.startsWith("direct"));
  const ours = measured.filter(({ recorded }) => recorded !== undefined);
  const rows = targets.flatMap(({ what, other, ratio, atLeast, atMost }) => {
    const against = measured.find(({ name }) => name === other);
    if (against === undefined) return [];
    const cells = ours.map((own) => {
      const value = ratio(own, against, floor);
      if (!Number.isFinite(value)) return "–";
      const met = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
      return `${value < 1 ? value.toFixed(3) : micros(value)} ${met ? "met" : "missed"}`;
    });
    const wanted = atLeast === undefined ? `≤ ${(atMost ?? 0).toFixed(3)}` : `≥ ${atLeast}`;
    return [[`${what}, of ${other}'s`, wanted, ...cells]];
  });
  return table(["", "target", ...ours.map(({ name }) => name)], rows);
}

/** Takes the median of a case's rounds; NaN where it wasn't measured. */
export function medianOf(
  { turns }: Pick<SystemMeasured, "turns">,
  name: string,
  pick: (turn: TurnMeasured) => number,
): number {
  const sorted = (turns[name] ?? []).map(pick).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Takes the least CPU of a case's rounds: other work on the machine only ever adds to it. */
export function leastCpu({ turns }: Pick<SystemMeasured, "turns">, name: string, process: string): number {
  return Math.min(...(turns[name] ?? []).map(({ cpu }) => cpu[process] ?? NaN));
}

/** Adds up what its processes occupied at most, MB. */
export function mostMemory({ memory: all }: SystemMeasured): number {
  return Object.values(all).reduce((sum, { most }) => sum + most, 0);
}
