/** Measures the steps of a query one by one: what is done for it by the gateway's own code and by the sidecar's. */
import type { Adapter, Narrowing, StoreAsk, StoreOperation } from "../../gateway/retrieval/adapter.js";
import { holds } from "../../gateway/retrieval/conditions/holds.js";
import type { CollectionConfig, StoreConfig, StoreKind } from "../../gateway/retrieval/config.js";
import type { Cursors } from "../../gateway/retrieval/cursors.js";
import { readDocument } from "../../gateway/retrieval/document.js";
import { describeAsk, describeResults, documentOf } from "../../gateway/retrieval/serve/describe.js";
import {
  readRequestDuties,
  readResponseDuties,
  requestObligations,
  responseObligations,
} from "../../gateway/retrieval/serve/duties.js";
import type { Prepared } from "../../gateway/retrieval/serve/prepare.js";
import { prepare } from "../../gateway/retrieval/serve/prepare.js";
import { adapters } from "../../gateway/retrieval/stores/registry.js";
import type { Decision, DecisionRequest, Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { table } from "../engine/tables.js";
import { about } from "./aim.js";
import { configure } from "./configure.js";
import type { Shelf } from "./documents.js";
import { metadataOf, mixed, shelf } from "./documents.js";
import { connect } from "./search.js";
import { draw, spreadOf } from "./spread.js";
import { sqlQuery } from "./sql.js";
import type { Stage } from "./stage.js";

/** Microseconds of CPU each time, by round. */
export interface Cost {
  readonly name: string;
  readonly micros: readonly number[];
}

export interface CostsMeasured {
  /** Condition to the store's request, by kind of store. */
  readonly adapters: readonly (Cost & { readonly exact?: boolean })[];
  /** Kinds that weren't measured, and why. */
  readonly skipped: readonly string[];
  readonly documents: readonly Cost[];
  /** By top-k. */
  readonly steps: Readonly<Record<string, readonly Cost[]>>;
}

/** Nobody's: none is given here. */
const cursors: Cursors = { give: (cursor) => cursor, take: (sealed) => sealed };
const kinds: readonly StoreKind[] = [
  ...(["chroma", "qdrant", "pinecone", "opensearch", "elasticsearch"] as const),
  ...(["weaviate", "milvus", "http"] as const),
];

interface Aimed {
  readonly adapter: Adapter;
  readonly store: StoreConfig;
  readonly collection: CollectionConfig;
}

interface Asked extends Aimed {
  readonly operation: StoreOperation;
  readonly prepared: Prepared;
  readonly narrowing: Narrowing;
}

export async function measureCosts(stage: Stage, sidecar: Sidecar, rounds: number): Promise<CostsMeasured> {
  const skipped: string[] = [];
  const compiled: CostsMeasured["adapters"][number][] = [];
  for (const kind of kinds) {
    try {
      const { adapter, operation, narrowing, store } = await ask(sidecar, stage.token, aim(kind, mixed), 10);
      const narrow = () => adapter.narrow(operation, [narrowing], store);
      const sent = narrow();
      if (sent.kind === "refusal") throw new Error(sent.code);
      compiled.push({
        ...{ name: kind, exact: sent.exact.every((one) => one) },
        micros: await cpuOf(narrow, rounds),
      });
    } catch (error) {
      skipped.push(
        `${kind}: ${error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 200) : "?"}`,
      );
    }
  }
  try {
    compiled.push(...(await sqlCosts(sidecar, stage.token, rounds)));
  } catch (error) {
    skipped.push(
      `postgres: ${error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 200) : "?"}`,
    );
  }
  const steps: Record<string, Cost[]> = {};
  for (const topK of [10, 100]) steps[topK] = await stepsOf(stage, sidecar, topK, rounds);
  process.stderr.write("costs\n");
  return { adapters: compiled, skipped, documents: await documentsOf(stage, sidecar, rounds), steps };
}

function aim(kind: StoreKind, of: Shelf): Aimed {
  const adapter = adapters[kind];
  if (adapter === undefined) throw new Error("there is no adapter");
  return { adapter, ...configure(kind, of) };
}

/** A query with the condition that the shipped rule makes for this caller. */
async function ask(sidecar: Sidecar, token: string, aimed: Aimed, topK: number): Promise<Asked> {
  const { adapter, store, collection } = aimed;
  if (adapter.ask === undefined) throw new Error("takes no neutral query");
  const request = adapter.ask({ vector: [0.1, 0.2, 0.3, 0.4], topK }, collection, store);
  if (request.kind === "refusal") throw new Error(request.code);
  const operation = adapter.classify(request, store, cursors);
  if (operation.kind === "refusal") throw new Error(operation.code);
  const [one] = operation.asks;
  if (one === undefined) throw new Error("it asks nothing");
  const { route } = operation;
  const prepared = await allowed(sidecar, token, { store, route, one, most: adapter.mostFetched });
  return { ...aimed, operation, prepared, narrowing: prepared.narrowing };
}

async function sqlCosts(sidecar: Sidecar, token: string, rounds: number): Promise<CostsMeasured["adapters"]> {
  const { store, collection } = configure("postgres", mixed);
  const query = await sqlQuery(store, collection);
  const prepared = await allowed(sidecar, token, {
    store,
    route: "sql.select",
    one: query.ask,
    most: 10_000,
  });
  const narrow = () => query.narrow(prepared.narrowing);
  const exact = narrow();
  return [
    { name: "postgres: narrowed, written and read again", exact, micros: await cpuOf(narrow, rounds) },
    { name: "postgres: the statement read first", micros: await cpuOf(query.read, rounds) },
  ];
}

/** Asks about one thing, and prepares it as it is allowed. */
async function allowed(
  sidecar: Sidecar,
  token: string,
  { store, route, one, most }: { store: StoreConfig; route: string; one: StoreAsk; most: number },
): Promise<Prepared> {
  const decision = await decide(sidecar, {
    ...{ calls: [describeAsk(store, route, one)], ...about(token, one.name) },
    obligations: requestObligations,
  });
  const duties = readRequestDuties(decision.obligations);
  const prepared = duties && prepare(one, duties, { mostFetched: most });
  if (prepared?.kind !== "prepared") throw new Error("it can't be done");
  return prepared;
}

async function decide(sidecar: Sidecar, request: DecisionRequest): Promise<Decision> {
  const [decision] = await sidecar.own.decide(request);
  if (decision?.allow !== true) throw new Error(JSON.stringify(decision));
  return decision;
}

async function documentsOf(stage: Stage, sidecar: Sidecar, rounds: number): Promise<Cost[]> {
  const { narrowing, collection } = await ask(sidecar, stage.token, aim("qdrant", mixed), 10);
  const stored = Array.from({ length: 1_000 }, (_, i) => metadataOf(i, mixed));
  const { fields, constants } = collection;
  const read = stored.map((one) => readDocument(one, fields.values(), constants));
  const each = async (name: string, run: () => unknown): Promise<Cost> => ({
    name,
    micros: (await cpuOf(run, rounds)).map((micros) => micros / stored.length),
  });
  return [
    await each("readDocument: eight fields", () =>
      stored.map((one) => readDocument(one, fields.values(), constants)),
    ),
    await each("holds: the shipped rule's condition", () =>
      read.filter((one) => holds(narrowing.condition, one)),
    ),
  ];
}

/** The way of a query through both processes, each step by itself; what isn't here is HTTP, sockets and waiting. */
async function stepsOf(stage: Stage, sidecar: Sidecar, topK: number, rounds: number): Promise<Cost[]> {
  const aimed = aim("qdrant", shelf);
  const { adapter, store } = aimed;
  const { narrowing, operation: plain } = await ask(sidecar, stage.token, aimed, topK);
  const searcher = connect(stage.store, "", 384);
  const first = adapter.narrow(plain, [narrowing], store);
  if (first.kind === "refusal") throw new Error(first.code);
  const filter = stringifyJson((first.request.body as Record<string, Json>)["filter"] ?? null);
  const answered = await searcher.search({ collection: shelf.name, index: 1, topK, filter });
  await searcher.close();
  const vector = Array.from({ length: 384 }, (_, i) => (Math.sin(i) / 10).toFixed(7)).join(",");
  const body = Buffer.from(`{"query":[${vector}],"limit":${topK},"with_payload":true}`);
  const classify = () =>
    adapter.classify(
      {
        ...{ kind: "request", method: "POST", segments: ["collections", shelf.name, "points", "query"] },
        ...{ query: new Map(), body: parseJson(body), form: "json", headers: {} },
      },
      store,
      cursors,
    );
  const operation = classify();
  if (operation.kind === "refusal") throw new Error(operation.code);
  const [one] = operation.asks;
  if (one === undefined) throw new Error("it asks nothing");
  let count = 0;
  const question = (): DecisionRequest => ({
    // another query each time
    calls: [
      describeAsk(store, operation.route, {
        ...one,
        query: { ...one.query, top_k: topK, kinds: ["vector"], sha256: String(++count) },
      }),
    ],
    ...about(stage.token, shelf.name),
    obligations: requestObligations,
  });
  const decision = await decide(sidecar, question());
  const decisionBytes = Buffer.from(stringifyJson(decision as unknown as Json));
  const understood = () => {
    const read = parseJson(decisionBytes) as unknown as Decision;
    const duties = readRequestDuties(read.obligations);
    return duties && prepare(one, duties, { mostFetched: adapter.mostFetched });
  };
  const narrow = () => adapter.narrow(operation, [narrowing], store);
  const sent = narrow();
  if (sent.kind === "refusal") throw new Error(sent.code);
  const value = parseJson(answered);
  const read = () => adapter.results(operation, sent, { status: 200, value }, cursors);
  const found = read();
  if (found.kind === "refusal") throw new Error(found.code);
  const look = () =>
    found.items.flatMap(({ metadata }) => {
      const document = documentOf(one, metadata);
      return holds(narrowing.condition, document) ? [document] : [];
    });
  const documents = look();
  if (documents.length !== topK) throw new Error(`${documents.length} documents`);
  const second = (): DecisionRequest => ({
    calls: [
      describeResults(store, operation.route, one, documents, { queries: ++count, narrow: 0, window_s: 600 }),
    ],
    ...about(stage.token, shelf.name),
    obligations: responseObligations,
  });
  const judged = await decide(sidecar, second());
  const judgedBytes = Buffer.from(stringifyJson(judged as unknown as Json));
  const each: readonly (readonly [string, () => unknown])[] = [
    ["gateway: read the query, classify it", classify],
    ["gateway: write the question", () => stringifyJson(question() as unknown as Json)],
    ["sidecar: decide, derive the condition, record", () => decide(sidecar, question())],
    ["gateway: read the decision, prepare", understood],
    [
      "gateway: narrow, write the query",
      () => {
        const { request } = narrow() as typeof sent;
        return stringifyJson(request.body ?? null);
      },
    ],
    ["gateway: read the store's answer", () => parseJson(answered)],
    ["gateway: find its documents", read],
    ["gateway: measure each by the condition", look],
    ["gateway: write the question on them", () => stringifyJson(second() as unknown as Json)],
    ["sidecar: decide on them, record", () => decide(sidecar, second())],
    [
      "gateway: read what stays",
      () => {
        const told = parseJson(judgedBytes) as unknown as Decision;
        return readResponseDuties(told.obligations, topK);
      },
    ],
    ["gateway: write the answer", () => stringifyJson(found.rebuild(found.items) ?? null)],
  ];
  const out: Cost[] = [];
  for (const [name, run] of each) out.push({ name, micros: await cpuOf(run, rounds) });
  return out;
}

/** Microseconds of CPU of one run: as many as take some 30 ms, by round. */
async function cpuOf(run: () => unknown, rounds: number): Promise<number[]> {
  const spend = async (times: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) {
      const given = run();
      if (given instanceof Promise) await given;
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  let times = 8;
  while ((await spend(times)) < 30_000) times *= 2;
  // code is compiled again while it is used
  await spend(times * 5);
  const out: number[] = [];
  for (let round = 0; round < rounds; round++) out.push((await spend(times)) / times);
  return out;
}

/** Microseconds of CPU of all steps of a query. */
export function sumOf({ steps }: CostsMeasured, topK: number): number {
  return (steps[topK] ?? []).reduce((sum, { micros }) => sum + spreadOf(micros).median, 0);
}

export function drawCosts({ adapters: compiled, skipped, documents, steps }: CostsMeasured): string {
  const micros = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
  const nanos = (value: number): string => String(Math.round(value * 1_000));
  const tops = Object.keys(steps);
  const names = steps[tops[0] ?? ""]?.map(({ name }) => name) ?? [];
  const cost = (top: string, i: number): number => spreadOf(steps[top]?.[i]?.micros ?? []).median;
  const total = (top: string): number => names.reduce((sum, _, i) => sum + cost(top, i), 0);
  return [
    "Condition to the store's request (the shipped rule's, a vector of four numbers)",
    table(
      ["store", "µs", "exact"],
      compiled.map(({ name, micros: of, exact }) => [
        name,
        draw(spreadOf(of), micros),
        exact === undefined ? "" : exact ? "yes" : "wider",
      ]),
    ),
    ...(skipped.length === 0 ? [] : [`Not measured: ${skipped.join("; ")}`]),
    "Nanoseconds a document",
    table(
      ["", "ns"],
      documents.map(({ name, micros: of }) => [name, draw(spreadOf(of), nanos)]),
    ),
    "Microseconds of CPU of a query's steps, 384 dimensions",
    table(
      ["", ...tops.map((top) => `top ${top}`)],
      [
        ...names.map((name, i) => [name, ...tops.map((top) => micros(cost(top, i)))]),
        ["all of these", ...tops.map((top) => micros(total(top)))],
      ],
    ),
    "",
  ].join("\n\n");
}
