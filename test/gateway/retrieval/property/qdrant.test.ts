import { fc } from "../../../properties.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { startQdrant } from "../stores/qdrant/server.js";
import { holdProperty, nearest } from "./property.js";

const key = fc.constantFrom("tenant", "level", "open", "groups", "created");
const test = fc.oneof(
  fc.record({
    key,
    match: fc.record({ value: fc.constantFrom<string | number | boolean>("a", "b", "5", 5, true) }),
  }),
  fc.record({ key, match: fc.record({ any: fc.constantFrom(["a", "ab"], ["b"], ["5"]) }) }),
  fc.record({ key, range: fc.record({ gte: fc.constantFrom(-1, 5), lt: fc.constantFrom(5.5, 6, 100) }) }),
  fc.record({ is_empty: fc.record({ key }) }),
  fc.record({ is_null: fc.record({ key }) }),
);
const tests = fc.array(test, { minLength: 1, maxLength: 2 });

holdProperty({
  name: "qdrant",
  place: (documents) => documents,
  async start(documents) {
    const points = documents.map(({ id, vector, metadata }) => ({
      id: uuidOf(id),
      vector: [...vector],
      payload: metadata,
    }));
    const server = await startQdrant({ docs: points as never });
    return { url: server.url, store: { kind: "qdrant" }, close: server.close };
  },
  filters: fc.oneof(
    fc.constant(undefined),
    fc.record({ must: tests }),
    fc.record({ should: tests }),
    fc.record({ must_not: tests }),
    fc.record({
      must: fc.array(fc.record({ should: tests, must_not: tests }), { minLength: 1, maxLength: 2 }),
    }),
  ) as fc.Arbitrary<JsonObject | undefined>,
  ask: (filter, topK) => ({
    method: "POST",
    path: "/collections/docs/points/query",
    body: { query: nearest, limit: topK, ...(filter === undefined ? {} : { filter }) },
  }),
  ids: (answer) =>
    (answer as { result: { points: { id: string }[] } }).result.points.map(({ id }) => idOf(id)),
});

/** Ids of points are UUIDs or whole numbers. */
function uuidOf(id: string): string {
  return `00000000-0000-4000-8000-${id.slice(1).padStart(12, "0")}`;
}

function idOf(uuid: string): string {
  return `d${Number(uuid.slice(24))}`;
}
