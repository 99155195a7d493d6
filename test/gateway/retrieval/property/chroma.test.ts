import { fc } from "../../../properties.js";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { clientId } from "../../../../gateway/retrieval/stores/chroma/address.js";
import { home, startChroma } from "../stores/chroma/server.js";
import { holdProperty, nearest } from "./property.js";

const key = fc.constantFrom("tenant", "level", "open", "groups", "created");
const scalar = fc.constantFrom<string | number | boolean>("a", "b", "5", 5, -1, true);
const test = fc.oneof(
  fc.tuple(key, fc.constantFrom("$eq", "$ne"), scalar),
  fc.tuple(key, fc.constantFrom("$gt", "$gte", "$lt", "$lte"), fc.constantFrom(-1, 5, 6)),
  fc.tuple(key, fc.constantFrom("$in", "$nin"), fc.constantFrom<Json>(["a", "ab"], [5, 6], [true])),
  fc.tuple(key, fc.constantFrom("$contains", "$not_contains"), fc.constantFrom("a", "b")),
);
const one = test.map(([name, operator, value]): JsonObject => ({ [name]: { [operator]: value } }));
const several = fc.array(one, { minLength: 2, maxLength: 3 });

let collection = "";

/** Lists are of one type and not empty, nothing is an object: the rest can't be stored. */
function isStored(value: Json | undefined): boolean {
  if (Array.isArray(value))
    return value.length > 0 && value.every((each) => typeof each === typeof value[0] && each !== null);
  return value !== null && typeof value !== "object";
}

holdProperty({
  name: "chroma",
  place: (documents) =>
    documents.map((each) => ({
      ...each,
      metadata: Object.fromEntries(Object.entries(each.metadata).filter(([, value]) => isStored(value))),
    })),
  async start(documents) {
    const server = await startChroma();
    collection = await server.fill(
      "docs",
      documents.map(({ id, vector, metadata }) => ({
        id,
        embedding: vector,
        metadata: Object.keys(metadata).length === 0 ? null : metadata,
      })),
    );
    return { url: server.url, store: { kind: "chroma" }, close: () => server.close() };
  },
  filters: fc.oneof(
    fc.constant(undefined),
    one,
    several.map((value): JsonObject => ({ $and: value })),
    several.map((value): JsonObject => ({ $or: value })),
    fc.tuple(one, several).map(([first, rest]): JsonObject => ({ $or: [first, { $and: rest }] })),
  ),
  ask: (filter, topK, through) => ({
    method: "POST",
    path: `${home}/collections/${through ? clientId({ store: "lab", name: "docs" }) : collection}/query`,
    body: {
      query_embeddings: [nearest],
      n_results: topK,
      include: ["distances"],
      ...(filter === undefined ? {} : { where: filter }),
    },
  }),
  ids: (answer) => (answer as { ids: string[][] }).ids[0] ?? [],
});
