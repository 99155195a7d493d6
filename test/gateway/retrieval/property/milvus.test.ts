import { fc } from "../../../properties.js";
import type { Json } from "../../../../sidecar/contract.js";
import { startMilvus } from "../stores/milvus/server.js";
import { holdProperty, nearest } from "./property.js";

/** What policy looks at stands in a JSON column, where anything may be. */
const schema = { id: "varchar", vector: "float_vector", meta: "json" } as const;
const key = fc.constantFrom("tenant", "level", "open", "groups", "created").map((name) => `meta["${name}"]`);
const one = fc.oneof(
  fc.tuple(key, fc.constantFrom("==", "!="), fc.constantFrom('"a"', '"b"', "5", "true")),
  fc.tuple(key, fc.constantFrom("<", ">="), fc.constantFrom("5", "-1", '"ab"')),
  fc.tuple(key, fc.constantFrom("in", "not in"), fc.constantFrom('["a", "ab"]', "[5, 6]")),
);
const said = one.map((parts) => parts.join(" "));
const has = key.map((name) => `json_contains(${name}, "a")`);

holdProperty({
  name: "milvus",
  place: (documents) => documents,
  async start(documents) {
    const rows = documents.map(({ id, vector, metadata }) => ({ id, vector, meta: metadata }));
    const server = await startMilvus([{ collectionName: "docs", schema, rows }]);
    return {
      url: server.url,
      store: { kind: "milvus" },
      collection: { schema },
      close: () => server.close(),
    };
  },
  fields: {
    ...{ tenant: "meta.tenant", level: { path: "meta.level", type: "number" } },
    ...{ open: { path: "meta.open", type: "boolean" }, groups: { path: "meta.groups", type: "strings" } },
    created: { path: "meta.created", type: "time", form: "epoch_s" },
  },
  filters: fc.oneof(
    fc.constant(undefined),
    said,
    has,
    fc.tuple(said, fc.constantFrom("and", "or", "&&", "||"), said).map((parts) => parts.join(" ")),
    fc.tuple(said, has).map(([a, b]) => `not (${a}) or (${b} and ${a})`),
  ),
  ask: (filter: Json | undefined, topK) => ({
    method: "POST",
    path: "/v2/vectordb/entities/search",
    body: {
      collectionName: "docs",
      data: [nearest],
      annsField: "vector",
      limit: topK,
      outputFields: ["id"],
      ...(filter === undefined ? {} : { filter }),
    },
  }),
  ids: (answer) => (answer as { data?: { id: string }[] }).data?.map(({ id }) => id),
});
