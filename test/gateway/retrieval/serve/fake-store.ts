/** A store of a few documents, its adapter and all that a turn needs: everything runs in this process. */
import type {
  Adapter,
  Narrowing,
  StoreAsk,
  StoreOperation,
  StoreRequest,
} from "../../../../gateway/retrieval/adapter.js";
import type { StoreConfig } from "../../../../gateway/retrieval/config.js";
import { readStore } from "../../../../gateway/retrieval/config.js";
import { createRecent } from "../../../../gateway/retrieval/serve/recent.js";
import { runOperation } from "../../../../gateway/retrieval/serve/run.js";
import type { OpenCursors } from "../../../../gateway/retrieval/serve/seal-cursor.js";
import { openCursors } from "../../../../gateway/retrieval/serve/seal-cursor.js";
import type { Ran } from "../../../../gateway/retrieval/serve/turn.js";
import { noTask } from "../../../../gateway/tasks/carried.js";
import type { Call, Condition, Decision, Json, JsonObject } from "../../../../sidecar/contract.js";
import { Fields, Problems, stringifyJson } from "../../../../sidecar/contract.js";

export interface Stored {
  readonly id: string;
  readonly metadata: JsonObject;
  readonly text?: string;
}

export interface Fake {
  readonly store: StoreConfig;
  readonly asked: Call[];
  readonly narrowings: Narrowing[];
  /** What was sent, look-ups too. */
  readonly sent: string[];
  readonly cursors: OpenCursors;
  decide: (call: Call) => Partial<Decision>;
  /** Whether the store filters exactly. */
  exact: boolean;
  /** Whether what it gives first is the same, however much is fetched. */
  inOrder: boolean;
  run(asks: readonly (Partial<StoreAsk> & Pick<StoreAsk, "effect">)[], caller?: Condition): Promise<Ran>;
}

export const subject = { type: "agent", id: "agent-1", tenant: "acme", chain: "c1" };

export function readConfig(collections: JsonObject): StoreConfig {
  const problems = new Problems();
  const value = { kind: "http", region: "eu", environment: "prod", collections };
  const store = readStore("lab", new Fields(value, "", problems), problems, {
    settings: {},
    readUpstream: () => ({ url: new URL("http://store.test") }) as never,
  });
  if (problems.list.length > 0) throw new Error(problems.list.join("; "));
  return store;
}

const obligation = (type: string, properties: unknown) => ({
  id: type,
  type,
  properties: properties as JsonObject,
});

/** Allows with these obligations, those that end in `_documents` but for two of them in the response. */
export function obliging(...all: readonly [string, unknown][]): Fake["decide"] {
  return ({ action }) => ({
    allow: true,
    obligations: all
      .filter(([type]) => /^(?:keep|mask|label)_/.test(type) === (action.properties["phase"] === "response"))
      .map(([type, properties]) => obligation(type, properties)),
  });
}

function mostOf(body = "{}"): number | undefined {
  return (JSON.parse(body) as { readonly most?: number }).most;
}

export function createFake(collections: JsonObject, documents: readonly Stored[]): Fake {
  const store = readConfig(collections);
  const [asked, narrowings, sent]: [Call[], Narrowing[], string[]] = [[], [], []];
  let count = 0;
  const adapter: Adapter = {
    routes: [],
    mostFetched: 50,
    classify: (_request: StoreRequest) => {
      throw new Error("the operation is given");
    },
    narrow(_operation, given) {
      narrowings.push(...given);
      return {
        kind: "narrowed",
        request: {
          ...{ method: "POST", path: "/query" },
          body: fake.inOrder ? { most: given[0]?.most ?? 0 } : { query: true },
        },
        exact: given.map(() => fake.exact),
      };
    },
    inOrder: () => fake.inOrder,
    empty: () => ({ documents: [] }),
    lookUp: (_collection, ids) => ({
      kind: "narrowed",
      request: { method: "POST", path: "/ids", body: { ids: [...ids] } },
      exact: [true],
    }),
    lookedUp: ({ value }) => (value as unknown as Stored[]).map((one) => ({ ask: 0, ...one })),
    results(operation, _sent, { value }) {
      if (operation.asks[0]?.action === "collection.list") {
        const names = value as string[];
        return {
          kind: "found",
          items: [],
          collections: names,
          rebuild: (_items, kept) => names.filter((_, i) => kept?.[i]),
        };
      }
      const all = operation.asks.flatMap((_, ask) =>
        (value as unknown as Stored[]).map((one) => ({ ask, ...one })),
      );
      return {
        kind: "found",
        items: all,
        rebuild: (items) => items.filter((one) => one !== undefined) as unknown as Json,
      };
    },
    refuse: () => ({}),
  };
  const parts = {
    config: { claimedHeaders: [] },
    clock: () => 0,
    recentQueries: createRecent(() => 0),
    metrics: { gatewayAsked: () => undefined },
    ask: ({ calls = [] }: { readonly calls?: readonly Call[] }) => {
      asked.push(...calls);
      return Promise.resolve(
        calls.map((call) => ({
          ...{ decision_id: `d-${++count}`, allow: false, reasons: [], obligations: [], labels: [], subject },
          ...fake.decide(call),
        })),
      );
    },
    forward: ({ path, body }: { readonly path: string; readonly body?: string }) => {
      sent.push(`${path} ${body ?? ""}`);
      const ids = path === "/ids" ? (JSON.parse(body ?? "{}") as { ids: string[] }).ids : undefined;
      const found: unknown = path.startsWith("/query")
        ? (fake.listed ?? documents.slice(0, fake.inOrder ? mostOf(body) : undefined))
        : documents.filter(({ id }) => ids?.includes(id));
      return Promise.resolve({
        kind: "answered",
        status: 200,
        headers: {},
        body: (async function* () {
          await Promise.resolve();
          yield Buffer.from(stringifyJson(found as Json));
        })(),
      });
    },
  };
  const exchange = {
    ...{ req: { method: "POST", headers: {} }, id: "r", path: "/stores/lab/x", credentials: {} },
    ...{ ip: undefined, started: 0, signal: new AbortController().signal, task: noTask() },
    // nothing is fenced
    ...{ wasCut: () => undefined, alive: { allow: () => true } },
  };
  const fake: Fake & { listed?: readonly string[] } = {
    ...{ store, asked, narrowings, sent, exact: true, inOrder: false },
    cursors: openCursors(Buffer.alloc(32, 7), "lab"),
    decide: () => ({ allow: true }),
    run(given, caller) {
      const asks = given.map((one): StoreAsk => {
        const name = one.name ?? "docs";
        return { action: "retrieval.query", name, collection: store.byName(name), ...one };
      });
      const operation: StoreOperation = { kind: "operation", route: "query", asks };
      const turn = { parts, exchange, store, operation, caller } as never;
      return runOperation(turn, adapter, fake.cursors);
    },
  };
  if (documents.length === 0) fake.listed = ["docs", "secret", "unlisted"];
  return fake;
}
