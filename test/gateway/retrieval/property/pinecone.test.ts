import { fc } from "../../../properties.js";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { startPinecone } from "../stores/pinecone/server.js";
import { holdProperty, nearest } from "./property.js";

const key = fc.constantFrom("tenant", "level", "open", "groups", "created");
const test = fc.oneof(
  fc.record({ $eq: fc.constantFrom<string | number | boolean>("a", "b", "5", 5, true) }),
  fc.record({ $ne: fc.constantFrom<string | number>("a", 5) }),
  fc.record({ $in: fc.constantFrom(["a", "ab"], ["b"], [5, 6]) }),
  fc.record({ $nin: fc.constantFrom(["a", "ab"], [5]) }),
  fc.record({ $gte: fc.constantFrom(-1, 5), $lt: fc.constantFrom(5.5, 6, 100) }),
  fc.record({ $exists: fc.boolean() }),
);
const one = fc.tuple(key, test).map(([name, asked]): JsonObject => ({ [name]: asked as Json }));
const several = fc.array(one, { minLength: 1, maxLength: 2 });

holdProperty({
  name: "pinecone",
  // flat metadata without null; lists are of texts
  place: (documents) =>
    documents.map(({ metadata, ...rest }) => ({
      ...rest,
      metadata: Object.fromEntries(
        Object.entries(metadata).filter(([, value]) =>
          Array.isArray(value) ? value.every((each) => typeof each === "string") : typeof value !== "object",
        ),
      ),
    })),
  async start(documents) {
    const records = documents.map(({ id, vector, metadata }) => ({ id, values: [...vector], metadata }));
    const server = await startPinecone({ __default__: records as never });
    return { url: server.url, store: { kind: "pinecone" }, close: server.close };
  },
  filters: fc.oneof(
    fc.constant(undefined),
    one,
    fc.record({ $and: several }),
    fc.record({ $or: several }),
    fc.record({ $or: fc.array(fc.record({ $and: several }), { minLength: 1, maxLength: 2 }) }),
  ) as fc.Arbitrary<JsonObject | undefined>,
  ask: (filter, topK) => ({
    method: "POST",
    path: "/query",
    headers: { "x-pinecone-api-version": "2026-04" },
    body: { vector: nearest, topK, ...(filter === undefined ? {} : { filter }) },
  }),
  ids: (answer) => (answer as { matches: { id: string }[] }).matches.map(({ id }) => id),
});
