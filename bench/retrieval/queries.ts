/** Measures what the gateway adds to a vector query: narrowed by the derived filter, each document looked at. */
import { table } from "../engine/tables.js";
import { cpuMicros } from "../gateway/usage.js";
import type { Times } from "../tools/times.js";
import { ms, summarise } from "../tools/times.js";
import type { Shelf } from "./documents.js";
import { isOpen, mixed, shelf } from "./documents.js";
import type { Searcher } from "./search.js";
import { connect, lastFilter, pointsOf } from "./search.js";
import type { Spread } from "./spread.js";
import { draw, ratios, spreadOf } from "./spread.js";
import type { Stage } from "./stage.js";

const cases = [
  { of: shelf, topK: 10, dimensions: 384 },
  { of: shelf, topK: 100, dimensions: 384 },
  { of: shelf, topK: 10, dimensions: 1_536 },
  // the store's filter is wider than the condition
  { of: mixed, topK: 10, dimensions: 384 },
] as const;
const many = 32;
/** Queries before the first round, where they take no longer than so many milliseconds. */
const [leastWarm, longestWarm] = [1_500, 6_000];

export interface QueriesOptions {
  /** Of a turn. */
  readonly seconds: number;
  readonly rounds: number;
}

interface Turn {
  readonly one: Times;
  readonly many: Times;
  readonly perSecond: number;
  /** Microseconds of CPU of each process, per query, with many connections. */
  readonly cpu: readonly number[];
}

export interface QueriesMeasured {
  readonly collection: string;
  readonly topK: number;
  readonly dimensions: number;
  readonly filter: unknown;
  readonly direct: readonly Turn[];
  /** CPU of gateway and sidecar. */
  readonly through: readonly Turn[];
  /** Both in one process. */
  readonly together: readonly Turn[];
}

interface Way {
  readonly of: Shelf;
  readonly topK: number;
  readonly searchers: readonly Searcher[];
  readonly pids: readonly number[];
  readonly filter: string | undefined;
  readonly turns: Turn[];
}

let asked = 0;

export async function measureQueries(
  stage: Stage,
  { seconds, rounds }: QueriesOptions,
): Promise<QueriesMeasured[]> {
  const out: QueriesMeasured[] = [];
  for (const { of, topK, dimensions } of cases) {
    const open = (origin: string, prefix: string, token?: string): Searcher[] =>
      Array.from({ length: many }, () => connect(origin, prefix, dimensions, token));
    const by = (gateway: string, ...pids: number[]): Way => ({
      ...{ of, topK, pids, turns: [], filter: undefined },
      searchers: open(gateway, stage.prefix, stage.token),
    });
    const through = by(stage.gateway, stage.pids.gateway, stage.pids.sidecar);
    const together = by(stage.together.gateway, stage.together.pid);
    const filter = await checked(stage, through);
    if ((await checked(stage, together)) !== filter) throw new Error("the filters differ");
    const direct: Way = { of, topK, pids: [], searchers: open(stage.store, ""), filter, turns: [] };
    const ways = [direct, through, together];
    // code is compiled again while it is used: so many times, not so long, makes it quick
    for (const way of ways) await drive(way.searchers, way, seconds, leastWarm);
    for (let round = 0; round < rounds; round++) {
      // turn and turn about, so that noise of the machine meets all
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) way.turns.push(await turn(way, seconds));
    }
    for (const { searchers } of ways) for (const one of searchers) await one.close();
    out.push({
      ...{ collection: of.name, topK, dimensions, filter: JSON.parse(filter) as unknown },
      ...{ direct: direct.turns, through: through.turns, together: together.turns },
    });
    process.stderr.write(`queries: ${of.name}, top ${topK}, ${dimensions} dimensions\n`);
  }
  return out;
}

/** Holds that what comes through is what there is for this caller; gives the filter that the gateway sent. */
async function checked(stage: Stage, { searchers, of, topK }: Way): Promise<string> {
  const [searcher] = searchers;
  if (searcher === undefined) throw new Error("nobody searches");
  const found = pointsOf(await searcher.search({ collection: of.name, index: 0, topK }));
  const filter = await lastFilter(stage.store, of.name);
  if (filter === "") throw new Error("the store was given no filter");
  if (found.length !== topK || !found.every(({ id }) => isOpen(id, of)))
    throw new Error(`${found.length} documents came through the gateway, or others than may be known`);
  return filter;
}

async function turn(way: Way, seconds: number): Promise<Turn> {
  const { times: one } = await drive(way.searchers.slice(0, 1), way, seconds);
  const before = way.pids.map(cpuMicros);
  const { times, elapsed } = await drive(way.searchers, way, seconds);
  return {
    ...{ one: summarise(one), many: summarise(times), perSecond: (times.length / elapsed) * 1_000 },
    cpu: way.pids.map((pid, i) => (cpuMicros(pid) - (before[i] ?? 0)) / times.length),
  };
}

async function drive(
  searchers: readonly Searcher[],
  { of, topK, filter }: Way,
  seconds: number,
  least = 0,
): Promise<{ times: number[]; elapsed: number }> {
  const times: number[] = [];
  const from = performance.now();
  await Promise.all(
    searchers.map(async (searcher) => {
      while (
        performance.now() - from < seconds * 1_000 ||
        (times.length < least && performance.now() - from < longestWarm)
      ) {
        const before = performance.now();
        const bytes = await searcher.search({
          ...{ collection: of.name, index: ++asked % 1_000_000, topK },
          ...(filter === undefined ? {} : { filter }),
        });
        times.push(performance.now() - before);
        // ten documents are some 4 KB
        if (bytes.length < topK * 200) throw new Error("documents are missing");
      }
    }),
  );
  return { times, elapsed: performance.now() - from };
}

export function drawQueries(measured: readonly QueriesMeasured[]): string {
  const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
  const rows = measured.flatMap(({ collection, topK, dimensions, direct, through, together }) => {
    const what = `top ${topK}, ${dimensions.toLocaleString("en-US")} dimensions${collection === mixed.name ? ", wider filter" : ""}`;
    const cells = (turns: readonly Turn[]): string[] => {
      const pick = (of: (one: Turn) => number): Spread => spreadOf(turns.map(of));
      const added = (of: (one: Turn) => number): string =>
        turns === direct ? "" : draw(spreadOf(turns.map((one, i) => of(one) - of(direct[i] ?? one))), ms);
      const cpu = turns[0]?.cpu.map((_, i) => whole(pick((one) => one.cpu[i] ?? NaN).median)) ?? [];
      return [
        ...[
          draw(
            pick(({ one }) => one.p50),
            ms,
          ),
          added(({ one }) => one.p50),
        ],
        turns === direct
          ? ""
          : draw(
              ratios(turns, direct, ({ one }) => one.p50),
              (value) => value.toFixed(1),
            ),
        ...[ms(pick(({ one }) => one.p99).median), added(({ one }) => one.p99)],
        draw(
          pick(({ perSecond }) => perSecond),
          whole,
        ),
        ...[ms(pick((one) => one.many.p50).median), ms(pick((one) => one.many.p99).median), cpu.join(" + ")],
      ];
    };
    return [
      [`${what}: directly`, ...cells(direct)],
      ["gateway and sidecar", ...cells(through)],
      ["both in one process", ...cells(together)],
    ];
  });
  return `A query for the nearest documents, directly with the same filter and through the gateway\n\n${table(
    [
      ...["", "p50 ms", "added", "× direct", "p99 ms", "added"],
      ...[`queries/s, ${many} at once`, "p50 ms", "p99 ms", "µs of CPU"],
    ],
    rows,
  )}\n`;
}
