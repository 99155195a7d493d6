import { fc } from "../../../properties.js";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import type { Schema } from "../stores/weaviate/matches.js";
import { startWeaviate } from "../stores/weaviate/server.js";
import { holdProperty, nearest } from "./property.js";

/** A property has one type: what is of another isn't stored. */
const schema = {
  ...{ tenant: "keyword", level: "number", open: "boolean", groups: "text_field[]", created: "int" },
} as const satisfies Schema;
const fits: Readonly<Record<keyof typeof schema, (value: Json) => boolean>> = {
  tenant: (value) => typeof value === "string",
  level: (value) => typeof value === "number",
  open: (value) => typeof value === "boolean",
  groups: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  created: (value) => Number.isInteger(value),
};
const names = Object.keys(schema) as (keyof typeof schema)[];

const leaf = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("Equal", "NotEqual", "GreaterThanEqual", "LessThan"),
      fc.constantFrom("a", "ab", "5"),
    )
    .map(([operator, value]) => `{operator: ${operator}, path: ["tenant"], valueText: "${value}"}`),
  fc
    .tuple(fc.constantFrom("Equal", "NotEqual", "GreaterThan", "LessThanEqual"), fc.constantFrom(5, 5.5, -1))
    .map(([operator, value]) => `{operator: ${operator}, path: ["level"], valueNumber: ${value}}`),
  fc.constantFrom(
    '{operator: Equal, path: ["open"], valueBoolean: true}',
    '{operator: ContainsAny, path: ["groups"], valueText: ["a", "b"]}',
    '{operator: Like, path: ["tenant"], valueText: "a*"}',
  ),
);
const joined = fc
  .tuple(fc.constantFrom("And", "Or"), fc.array(leaf, { minLength: 1, maxLength: 3 }))
  .map(([operator, operands]) => `{operator: ${operator}, operands: [${operands.join(", ")}]}`);

holdProperty({
  name: "weaviate",
  place: (documents) =>
    documents.map((one) => {
      const metadata: JsonObject = {};
      for (const name of names) {
        const value = one.metadata[name];
        if (value !== undefined && (value === null || fits[name](value))) metadata[name] = value;
      }
      return { ...one, metadata };
    }),
  async start(documents) {
    const objects = documents.map(({ id, vector, metadata }) => ({
      id: uuidOf(id),
      vector,
      properties: metadata,
    }));
    const server = await startWeaviate({ Docs: { schema, objects } });
    return {
      url: server.url,
      store: { kind: "weaviate" },
      collection: { name: "Docs", schema },
      close: () => server.close(),
    };
  },
  filters: fc.oneof(fc.constant(undefined), leaf, joined),
  ask: (filter: Json | undefined, topK) => {
    const where = typeof filter === "string" ? `where: ${filter}, ` : "";
    const near = `nearVector: {vector: [${nearest.join(", ")}]}`;
    return {
      method: "POST",
      path: "/v1/graphql",
      body: { query: `{ Get { Docs(${where}${near}, limit: ${topK}) { _additional { id } } } }` },
    };
  },
  ids: (answer) =>
    (answer as { data: { Get: { Docs: { _additional: { id: string } }[] } } | null }).data?.Get.Docs.map(
      ({ _additional: { id } }) => `d${Number(id.slice(24))}`,
    ),
});

function uuidOf(id: string): string {
  return `00000000-0000-4000-8000-${id.slice(1).padStart(12, "0")}`;
}
