/** Measures what the gateway adds to a tool's call, beside the same call without it (`make bench-tools`, docs/performance.md). */
import { parseArgs } from "node:util";
import { table } from "../engine/tables.js";
import { cpuMicros } from "../gateway/usage.js";
import type { Caller, Era } from "./caller.js";
import { connect } from "./caller.js";
import { prepareStage } from "./stage.js";
import type { Times } from "./times.js";
import { ms, summarise } from "./times.js";

const { values: flags } = parseArgs({ options: { seconds: { type: "string" }, rounds: { type: "string" } } });
/** Of a turn. */
const seconds = Number(flags.seconds ?? 4);
const rounds = Number(flags.rounds ?? 5);
const many = 32;

interface Measured {
  readonly one: Times;
  readonly many: Times;
  readonly perSecond: number;
  readonly cpuMicros: number;
}

const stage = await prepareStage({ servers: ["s00", "m00"], toolsPerServer: 20, allowed: () => true });
let said = 0;

async function turn(
  callers: readonly Caller[],
  duration: number,
): Promise<{ times: number[]; elapsed: number }> {
  const times: number[] = [];
  const start = performance.now();
  await Promise.all(
    callers.map(async (caller) => {
      while (performance.now() - start < duration * 1_000) {
        const text = `text ${++said}`;
        const before = performance.now();
        const { result } = await caller.call("tools/call", { name: "tool_01", arguments: { text } });
        times.push(performance.now() - before);
        if (!JSON.stringify(result).includes(`found ${text}"`)) throw new Error("the answer is another's");
      }
    }),
  );
  return { times, elapsed: performance.now() - start };
}

/** Runs the turns of one way in the midst of the others', so that noise of the machine meets all. */
async function measure(): Promise<Map<string, Measured>> {
  const ways: {
    name: string;
    callers: Caller[];
    one: number[];
    many: number[];
    elapsed: number;
    cpu: number;
  }[] = [];
  for (const [era, server] of [
    ["sessions", "s00"],
    ["stateless", "m00"],
  ] as const satisfies readonly (readonly [Era, string])[]) {
    const open = (origin: string, path: string, token?: string): Promise<Caller[]> =>
      Promise.all(Array.from({ length: many }, () => connect(origin, path, era, token)));
    const way = (name: string, callers: Caller[]) => ({
      name,
      callers,
      one: [],
      many: [],
      elapsed: 0,
      cpu: 0,
    });
    ways.push(
      way(`${era}, direct`, await open(stage.upstream, `/${server}`)),
      way(`${era}, through the gateway`, await open(stage.gateway, `/mcp/${server}`, stage.token)),
    );
  }
  for (const { callers } of ways) await turn(callers, seconds);
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      way.one.push(...(await turn(way.callers.slice(0, 1), seconds)).times);
      const before = cpuMicros(stage.pid);
      const { times, elapsed } = await turn(way.callers, seconds);
      way.cpu += cpuMicros(stage.pid) - before;
      way.many.push(...times);
      way.elapsed += elapsed;
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
  for (const { callers } of ways) for (const caller of callers) await caller.close();
  return new Map(
    ways.map((way) => [
      way.name,
      {
        ...{ one: summarise(way.one), many: summarise(way.many) },
        perSecond: (way.many.length / way.elapsed) * 1_000,
        cpuMicros: way.cpu / way.many.length,
      },
    ]),
  );
}

try {
  const measured = await measure();
  const rows = [...measured].map(([name, found]) => {
    const direct = measured.get(`${name.split(",")[0] ?? ""}, direct`) ?? found;
    const added = (pick: (one: Measured) => number): string =>
      found === direct ? "" : ms(pick(found) - pick(direct));
    return [
      ...[
        name,
        ms(found.one.p50),
        added(({ one }) => one.p50),
        ms(found.one.p99),
        added(({ one }) => one.p99),
      ],
      ...[Math.round(found.perSecond).toLocaleString("en-US"), ms(found.many.p50), ms(found.many.p99)],
      found === direct ? "" : `${(found.one.p50 / direct.one.p50).toFixed(2)} ×`,
      found === direct ? "" : String(Math.round(found.cpuMicros)),
    ];
  });
  process.stdout.write(
    `A tool's call, its result decided on, each with arguments of its own; ${rounds} rounds of ${seconds} s\n\n${table(
      [
        ...["", "p50 ms", "added", "p99 ms", "added", `calls/s with ${many}`, "p50 ms", "p99 ms"],
        ...["of direct, p50", "µs of CPU"],
      ],
      rows,
    )}\n`,
  );
} finally {
  await stage.close();
}
