/** Measures how many chunks a second are decided on: what came back of a query, 256 documents to an evaluation. */
import { connect } from "node:net";
import { createLink } from "../../gateway/link.js";
import { responseObligations } from "../../gateway/retrieval/serve/duties.js";
import type { DecisionRequest, Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { table } from "../engine/tables.js";
import { cpuMicros } from "../gateway/usage.js";
import type { Aim } from "./aim.js";
import { aimAt, askAboutDocuments } from "./aim.js";
import { metadataOf, mixed } from "./documents.js";
import type { Spread } from "./spread.js";
import { draw, spreadOf } from "./spread.js";
import type { Stage } from "./stage.js";

/** As many as the gateway asks about at a time. */
const batch = 256;
/** Whole questions under way, so that the sidecar never waits. */
const underWay = 3;

export interface ChunksOptions {
  /** Of a turn. */
  readonly seconds: number;
  readonly rounds: number;
}

export interface ChunksMeasured {
  readonly name: string;
  /** Chunks a second, by round. */
  readonly perSecond: readonly number[];
  /** Microseconds of the deciding process's CPU per chunk, by round. */
  readonly cpu: readonly number[];
}

interface Way {
  readonly name: string;
  /** Decides on a batch; gives how many of it are kept. */
  decide(index: number): Promise<number>;
  /** Microseconds of CPU so far. */
  cpu(): number;
}

export async function measureChunks(
  stage: Stage,
  sidecar: Sidecar,
  { seconds, rounds }: ChunksOptions,
): Promise<ChunksMeasured[]> {
  const link = createLink({
    connect: () => connect(stage.socket),
    onLost: () => undefined,
    onForeign: () => undefined,
  });
  const own = (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  const question = questionsOf(aimAt(mixed, stage.token));
  const asked = async (index: number): Promise<number> => {
    const answer = await link.ask(stringifyJson(question(index) as unknown as Json), 10_000);
    if (typeof answer === "string") throw new Error(answer);
    const { decisions } = JSON.parse(answer.toString()) as { decisions: Decided[] };
    return kept(decisions[0]);
  };
  const decided = async (index: number): Promise<number> =>
    kept((await sidecar.own.decide(question(index)))[0] as Decided | undefined);
  const evaluated = evaluator(sidecar, question(0));
  let next = 1;
  const ways: readonly Way[] = [
    {
      name: "sidecar, through its socket",
      decide: () => asked(next++),
      cpu: () => cpuMicros(stage.pids.sidecar),
    },
    { name: "in process", decide: () => decided(next++), cpu: own },
    { name: "the evaluation alone", decide: () => Promise.resolve(evaluated(next++)), cpu: own },
  ];
  try {
    const measured = ways.map(({ name }) => ({ name, perSecond: [] as number[], cpu: [] as number[] }));
    for (const way of ways) await drive(way, seconds);
    for (let round = 0; round < rounds; round++) {
      for (const [i, way] of ways.entries()) {
        const { perSecond, cpu } = await drive(way, seconds);
        measured[i]?.perSecond.push(perSecond);
        measured[i]?.cpu.push(cpu);
      }
    }
    process.stderr.write("chunks\n");
    return measured;
  } finally {
    link.close();
  }
}

async function drive(way: Way, seconds: number): Promise<{ perSecond: number; cpu: number }> {
  const [from, before] = [performance.now(), way.cpu()];
  let batches = 0;
  await Promise.all(
    Array.from({ length: underWay }, async () => {
      while (performance.now() - from < seconds * 1_000) {
        const stay = await way.decide(batches++);
        if (stay !== batch / 2) throw new Error(`${way.name}: ${stay} of ${batch} documents were kept`);
      }
    }),
  );
  const [chunks, elapsed] = [batches * batch, performance.now() - from];
  return { perSecond: (chunks / elapsed) * 1_000, cpu: (way.cpu() - before) / chunks };
}

interface Decided {
  readonly allow: boolean;
  readonly obligations: readonly { readonly type: string; readonly properties: JsonObject }[];
}

/** How many documents are kept. @throws Error where it isn't allowed */
function kept(decision: Decided | undefined): number {
  const keep = decision?.obligations.find(({ type }) => type === "keep_documents")?.properties["documents"];
  if (decision?.allow !== true || !Array.isArray(keep)) throw new Error(JSON.stringify(decision));
  return keep.length;
}

/** Makes questions as the gateway asks them: each index is about other documents. Decisions on what came back aren't kept. */
function questionsOf(aim: Aim): (index: number) => DecisionRequest {
  const pool = Array.from({ length: 8_192 }, (_, i) => metadataOf(i, mixed));
  return (index) => {
    const at = (index * 2) % (pool.length - batch);
    const documents = pool
      .slice(at, at + batch)
      .map((one) => ({ ...one, created: Number(one["created"]) + index }));
    return askAboutDocuments(aim, [documents], responseObligations);
  };
}

/** The engine alone: from the input as a value to the result as a value. */
function evaluator(sidecar: Sidecar, first: DecisionRequest): (index: number) => number {
  const [bundle] = sidecar.bundles.current().bundles;
  const [call] = first.calls ?? [];
  if (bundle === undefined || call === undefined) throw new Error("there is nothing to evaluate");
  const documents = call.resource.properties["documents"] as JsonObject[];
  return (index) => {
    const changed = documents.map((one) => ({ ...one, created: Number(one["created"]) + index }));
    const input = {
      ...subjectAndContext,
      action: call.action,
      resource: { ...call.resource, properties: { ...call.resource.properties, documents: changed } },
    };
    const answer = bundle.policy.evaluate("countersign/decision", input as unknown as Json);
    if (answer.kind !== "value" || !isObject(answer.value)) throw new Error(JSON.stringify(answer));
    return kept(answer.value as unknown as Decided);
  };
}

/** Of the demo's senior engineer, as `describe` says them. */
const subjectAndContext = {
  subject: {
    ...{ type: "agent", id: "agent:senior-assistant" },
    properties: {
      ...{ tenant: "acme", issuer: "https://issuer.countersign.demo", method: "jwt", assurance: "bearer" },
      ...{ groups: ["ml-engineering", "ml-senior"], roles: ["engineer"], claims: {}, department: "research" },
      chain: [
        { type: "user", id: "sam@acme.example", issuer: "https://issuer.countersign.demo" },
        { type: "agent", id: "agent:senior-assistant", issuer: "https://issuer.countersign.demo" },
      ],
    },
  },
  context: {
    request: { id: "bench", method: "POST", path: "/stores/bench" },
    time: {
      ...{ hour: 10, weekday: "wednesday", zone: "UTC" },
      hour_until: Math.ceil(Date.now() / 3_600_000) * 3_600,
    },
    source: { ip: "127.0.0.1", network: "internal", region: "eu" },
    device: { id: "acme-laptop-17", managed: true, compliant: true },
    environment: "demo",
  },
};

export function drawChunks(measured: readonly ChunksMeasured[]): string {
  const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
  const rows = measured.map(({ name, perSecond, cpu }) => {
    const rate: Spread = spreadOf(perSecond);
    return [
      ...[name, draw(rate, whole), `${(rate.median / 10_000).toFixed(2)}`],
      ...[draw(spreadOf(cpu), (value) => value.toFixed(1)), whole((1e6 / rate.median) * batch)],
    ];
  });
  return `Chunks decided on, ${batch} to an evaluation, one core, half of them kept\n\n${table(
    ["", "chunks/s", "of 10,000", "µs of CPU a chunk", `µs for ${batch}`],
    rows,
  )}\n`;
}
