/** Measures a top-10 query by the gateway beside applications that fetch more and filter it themselves. */
import { connect as connectSocket } from "node:net";
import { createLink } from "../../gateway/link.js";
import { responseObligations } from "../../gateway/retrieval/serve/duties.js";
import type { Json } from "../../sidecar/contract.js";
import { table } from "../engine/tables.js";
import { ms } from "../tools/times.js";
import type { Aim } from "./aim.js";
import { askAboutDocuments } from "./aim.js";
import { archive, isOpen } from "./documents.js";
import type { Point, Searcher } from "./search.js";
import { connect, given, pointsOf } from "./search.js";
import { draw, spreadOf } from "./spread.js";
import type { Stage } from "./stage.js";

const topK = 10;
const dimensions = 384;
const page = 100;
/** Where all are fetched. */
const large = 10_000;

export interface BesideMeasured {
  readonly name: string;
  /** Milliseconds to the ten documents, the median of a round's queries, by round. */
  readonly ms: readonly number[];
  /** Per query: what the store gave. */
  readonly documents: number;
  readonly bytes: number;
  readonly requests: number;
}

interface Way {
  readonly name: string;
  readonly queries: number;
  /** Gives the ids of the nearest documents that the caller may know. */
  find(index: number): Promise<number[]>;
}

export async function measureBeside(stage: Stage, aim: Aim, rounds: number): Promise<BesideMeasured[]> {
  const through = connect(stage.gateway, stage.prefix, dimensions, stage.token);
  const direct = connect(stage.store, "", dimensions);
  const link = createLink({
    connect: () => connectSocket(stage.socket),
    onLost: () => undefined,
    onForeign: () => undefined,
  });
  const ways: readonly Way[] = [
    { name: "gateway, top 10", queries: 40, find: (index) => byGateway(through, index) },
    {
      name: `application: pages of ${page}, filtered in its own code`,
      queries: 10,
      find: (index) => byPages(direct, index, page, (points) => Promise.resolve(points.map(mayKnow))),
    },
    {
      name: `application: pages of ${page}, the sidecar asked for each document`,
      queries: 3,
      find: (index) =>
        byPages(direct, index, page, async (points) => {
          const request = askAboutDocuments(
            aim,
            points.map(({ payload }) => [payload as never]),
            responseObligations,
          );
          const answer = await link.ask(JSON.stringify(request as unknown as Json), 10_000);
          if (typeof answer === "string") throw new Error(answer);
          return (JSON.parse(answer.toString()) as { decisions: Decided[] }).decisions.map(isKept);
        }),
    },
    {
      name: "application: all fetched, filtered in its own code",
      queries: 1,
      find: async (index) => (await fetchAll(direct, index)).slice(0, topK),
    },
  ];
  try {
    const measured = ways.map(({ name }) => ({
      name,
      ms: [] as number[],
      documents: 0,
      bytes: 0,
      requests: 0,
    }));
    let index = 0;
    for (let round = -1; round < rounds; round++) {
      for (const [i, { name, queries, find }] of ways.entries()) {
        // the first round warms up: the store meets the filters, code is compiled
        if (round < 0 && queries === 1) continue;
        const times: number[] = [];
        await given(stage.store);
        for (let query = 0; query < queries; query++) {
          const before = performance.now();
          const ids = await find(++index);
          times.push(performance.now() - before);
          check(name, index, ids);
        }
        const told = await given(stage.store);
        const one = measured[i];
        if (one === undefined || round < 0) continue;
        one.ms.push(spreadOf(times).median);
        one.documents += told.documents / queries / rounds;
        one.bytes += told.bytes / queries / rounds;
        one.requests += told.requests / queries / rounds;
      }
    }
    process.stderr.write("beside\n");
    return measured;
  } finally {
    link.close();
    await Promise.all([through.close(), direct.close()]);
  }
}

async function byGateway(searcher: Searcher, index: number): Promise<number[]> {
  const bytes = await searcher.search({ collection: archive.name, index, topK });
  return pointsOf(bytes).map(({ id }) => id);
}

/** Goes on to the next page until there are enough. */
async function byPages(
  searcher: Searcher,
  index: number,
  size: number,
  look: (points: readonly Point[]) => Promise<readonly boolean[]>,
): Promise<number[]> {
  const ids: number[] = [];
  for (let offset = 0; ids.length < topK && offset < archive.count; offset += size) {
    const points = pointsOf(await searcher.search({ collection: archive.name, index, topK: size, offset }));
    const open = await look(points);
    for (const [i, { id }] of points.entries()) if (open[i] === true && ids.length < topK) ids.push(id);
  }
  return ids;
}

async function fetchAll(searcher: Searcher, index: number): Promise<number[]> {
  const ids: number[] = [];
  for (let offset = 0; offset < archive.count; offset += large) {
    const points = pointsOf(await searcher.search({ collection: archive.name, index, topK: large, offset }));
    for (const point of points) if (mayKnow(point)) ids.push(point.id);
  }
  return ids;
}

const now = Date.now() / 1_000;
const readable: ReadonlySet<unknown> = new Set(["public", "internal", "confidential"]);

/** The shipped rule for this caller, as an application would write it down. */
function mayKnow({ payload: { tenant, classification, expires } }: Point): boolean {
  if (tenant !== "acme" && tenant !== "*") return false;
  if (!readable.has(classification)) return false;
  return expires === undefined || (typeof expires === "number" && expires > now);
}

interface Decided {
  readonly allow: boolean;
  readonly obligations: readonly { readonly type: string; readonly properties: { documents?: unknown[] } }[];
}

function isKept({ allow, obligations }: Decided): boolean {
  const keep = obligations.find(({ type }) => type === "keep_documents")?.properties.documents;
  return allow && keep?.length === 1;
}

function check(name: string, index: number, ids: readonly number[]): void {
  if (ids.length !== topK || !ids.every((id) => isOpen(id, archive)))
    throw new Error(`${name}, query ${index}: ${ids.join(", ")}`);
}

export function drawBeside(measured: readonly BesideMeasured[]): string {
  const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
  const [first] = measured;
  const rows = measured.map((one) => [
    ...[one.name, draw(spreadOf(one.ms), ms)],
    one === first || first === undefined
      ? ""
      : `${(spreadOf(one.ms).median / spreadOf(first.ms).median).toFixed(1)} ×`,
    ...[
      whole(one.requests),
      whole(one.documents),
      `${(one.bytes / 1_024).toLocaleString("en-US", { maximumFractionDigits: 0 })}`,
    ],
  ]);
  return `The ${topK} nearest of ${whole(archive.count)} documents, of which the caller may know ${100 / archive.oneOf} %\n\n${table(
    ["", "ms", "of the gateway's", "requests to the store", "documents that left it", "KB"],
    rows,
  )}\n`;
}
