import { fc } from "../../../properties.js";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { Source } from "../stores/search/matches.js";
import { startSearch } from "../stores/search/server.js";
import type { Placed } from "./property.js";
import { holdProperty, nearest } from "./property.js";

const mapping = {
  ...{ tenant: { type: "keyword", ignore_above: 256 }, groups: { type: "keyword", ignore_above: 256 } },
  ...{ level: { type: "double" }, created: { type: "double" }, open: { type: "boolean" } },
};
const name = fc.constantFrom("tenant", "groups");
const test = fc.oneof(
  fc
    .tuple(name, fc.constantFrom("a", "b", "5"))
    .map(([field, value]): JsonObject => ({ term: { [field]: value } })),
  fc
    .tuple(name, fc.constantFrom<Json>(["a", "ab"], ["5"]))
    .map(([field, value]): JsonObject => ({ terms: { [field]: value } })),
  fc.constantFrom(-1, 5, 6).map((gte): JsonObject => ({ range: { level: { gte } } })),
  fc.constantFrom("tenant", "level", "open").map((field): JsonObject => ({ exists: { field } })),
);
const tests = fc.array(test, { minLength: 1, maxLength: 2 });

/** The mapping refuses what it can't read: texts for numbers, objects for values. */
function isTaken(field: string, value: Json): boolean {
  const each = Array.isArray(value) ? value : [value];
  return each.every((one) => {
    if (one === null) return true;
    if (typeof one === "object") return false;
    if (field === "open") return typeof one === "boolean" || one === "true" || one === "false" || one === "";
    if (field === "tenant" || field === "groups") return true;
    return typeof one === "number" || (typeof one === "string" && /^-?\d+(?:\.\d+)?$/.test(one));
  });
}

function place(documents: readonly Placed[]): Placed[] {
  return documents.map((one) => ({
    ...one,
    metadata: Object.fromEntries(
      Object.entries(one.metadata).filter(([field, value]) => isTaken(field, value)),
    ),
  }));
}

for (const kind of ["elasticsearch", "opensearch"] as const) {
  holdProperty({
    name: kind,
    place,
    async start(documents) {
      const sources = documents.map(({ id, vector, metadata }): [string, Source] => [
        id,
        { ...(metadata as Source), embedding: [...vector] },
      ]);
      const server = await startSearch(kind, {
        docs: { mapping: mapping as never, documents: Object.fromEntries(sources) },
      });
      const { tenant, groups, level, created, open } = mapping;
      return {
        url: server.url,
        store: { kind },
        collection: {
          vector: "embedding",
          mapping: {
            ...{ tenant: tenant.type, groups: groups.type, level: level.type },
            ...{ created: created.type, open: open.type },
          },
        },
        close: server.close,
      };
    },
    filters: fc.oneof(
      fc.constant(undefined),
      test,
      tests.map((must): JsonObject => ({ bool: { must } })),
      tests.map((should): JsonObject => ({ bool: { should } })),
      fc.tuple(tests, tests).map(([filter, must_not]): JsonObject => ({ bool: { filter, must_not } })),
    ),
    ask: (filter, topK) => ({
      method: "POST",
      path: "/docs/_search",
      body: kind === "opensearch" ? knnQuery(filter, topK) : knnSection(filter, topK),
    }),
    ids: (answer) => (answer as { hits: { hits: { _id: string }[] } }).hits.hits.map(({ _id }) => _id),
  });
}

function knnSection(filter: Json | undefined, k: number): JsonObject {
  const knn: JsonObject = { field: "embedding", query_vector: [...nearest], k, num_candidates: 100 };
  return { size: k, _source: false, knn: filter === undefined ? knn : { ...knn, filter } };
}

function knnQuery(filter: Json | undefined, k: number): JsonObject {
  const vector: JsonObject = { vector: [...nearest], k };
  const query: JsonObject = { knn: { embedding: filter === undefined ? vector : { ...vector, filter } } };
  return { size: k, _source: false, query };
}
