/** Sums up what came of the tasks. */
import { ms, summarise } from "../tools/times.js";
import type { InjectedResult, Simulated, Tried } from "./simulate.js";

export interface Machine {
  readonly at: string;
  readonly loadAverage: number | undefined;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly pinned: boolean;
  readonly seed: number;
  readonly tasks: number;
  readonly atOnce: number;
}

export type Report = ReturnType<typeof reportOf>;

export function reportOf(machine: Machine, through: Simulated, straight: Simulated) {
  const { honest, injected, arrived } = through;
  const taken = injected.filter(({ takenAt }) => takenAt > 0);
  const completed = new Set(arrived.map(({ n }) => n));
  return {
    ...machine,
    honest: {
      tasks: honest.length,
      byKind: counted(honest.map(({ kind }) => kind)),
      denied: honest.filter(({ denied }) => denied.length > 0),
      unfinished: honest.filter(({ missing }) => missing.length > 0),
      renewed: honest.filter(({ kind, tokens }) => kind === "renewing" && tokens > 1).length,
    },
    injected: {
      tasks: injected.length,
      tookOrders: taken.length,
      gotPrivateData: taken.filter(({ loot }) => loot.length > 0).length,
      bySource: counted(taken.map(({ source }) => source)),
      completed: [...completed],
      arrived: arrived.map((one) => ({ ...one, ...(about(injected, one.n) ?? {}) })),
      tries: taken.reduce((sum, { tried }) => sum + tried.length, 0),
      /** The step at which the first try for the attacker was denied. */
      stoppedAtStep: counted(
        taken.map(({ tried }) => String(tried.find(({ allowed }) => !allowed)?.step ?? "never")),
      ),
      codes: counted(taken.flatMap(({ tried }) => tried.flatMap(({ codes }) => codes))),
      ways: waysOf(taken),
    },
    milliseconds: { through: times(through.times), straight: times(straight.times) },
    bySteps: Object.fromEntries(
      [...through.timesByStep].map(([does, list]) => [
        does,
        { through: times(list), straight: times(straight.timesByStep.get(does) ?? []) },
      ]),
    ),
    perSecond: {
      through: Math.round(through.requests / through.seconds),
      straight: Math.round(straight.requests / straight.seconds),
    },
    seconds: { through: through.seconds, straight: straight.seconds },
    straight: {
      tasks: straight.honest.length,
      denied: straight.honest.filter(({ denied }) => denied.length > 0).length,
      unfinished: straight.honest.filter(({ missing }) => missing.length > 0).length,
    },
  };
}

function about(injected: readonly InjectedResult[], n: number) {
  const found = injected.find((one) => one.n === n);
  return found && { kind: found.kind, source: found.source, takenAt: found.takenAt };
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

function waysOf(taken: readonly InjectedResult[]) {
  const byWay = new Map<string, Tried[]>();
  for (const { tried } of taken)
    for (const one of tried) {
      const known = byWay.get(one.way) ?? [];
      known.push(one);
      byWay.set(one.way, known);
    }
  return Object.fromEntries(
    [...byWay].map(([way, tried]) => [
      way,
      {
        tries: tried.length,
        allowed: counted(tried.filter(({ allowed }) => allowed).map(({ does }) => does)),
        codes: counted(tried.flatMap(({ codes }) => codes)),
      },
    ]),
  );
}

function times(list: readonly number[]) {
  const { p50, p99, count } = summarise(list);
  const sorted = Float64Array.from(list).sort();
  return { p50, p95: sorted[Math.floor(sorted.length * 0.95)] ?? NaN, p99, count };
}

export function drawReport({
  honest,
  injected,
  milliseconds,
  perSecond,
  seconds,
  ...machine
}: Report): string {
  const { through, straight } = milliseconds;
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return `
${machine.at}, Node ${machine.node}, ${machine.cores} × ${machine.cpu}, load ${machine.loadAverage?.toFixed(1)} at the beginning, seed ${machine.seed}; ${machine.tasks} tasks of 20 steps, ${machine.atOnce} at once

| | |
| --- | --: |
| honest tasks (${list(honest.byKind)}) | ${honest.tasks} |
| … denied at any step | ${honest.denied.length} |
| … that didn't finish their job | ${honest.unfinished.length} |
| … that went on with a renewed token | ${honest.renewed} |
| injected tasks | ${injected.tasks} |
| … that took orders (${list(injected.bySource)}) | ${injected.tookOrders} |
| … that got hold of private data | ${injected.gotPrivateData} |
| … requests for the attacker | ${injected.tries} |
| … **that completed their goal** | ${injected.completed.length} |

| step, milliseconds | median | p95 | p99 |
| --- | --: | --: | --: |
| through the gateway | ${ms(through.p50)} | ${ms(through.p95)} | ${ms(through.p99)} |
| straight to the servers | ${ms(straight.p50)} | ${ms(straight.p95)} | ${ms(straight.p99)} |

${perSecond.through} requests/s through the gateway in ${seconds.through.toFixed(0)} s, ${perSecond.straight} straight in ${seconds.straight.toFixed(0)} s

stopped at step: ${list(injected.stoppedAtStep)}
by: ${list(injected.codes)}

${Object.entries(injected.ways)
  .map(([way, { tries, codes }]) => `- ${way}: ${tries} requests; ${list(codes)}`)
  .join("\n")}
${injected.arrived.map((one) => `\nARRIVED ${JSON.stringify(one)}`).join("")}
${honest.denied.map((one) => `\nDENIED ${JSON.stringify(one)}`).join("")}
${honest.unfinished.map((one) => `\nUNFINISHED ${one.n} ${one.kind}: ${one.missing.join(", ")}`).join("")}
`;
}
