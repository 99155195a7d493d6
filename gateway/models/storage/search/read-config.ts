/** Reads what policy sees of the files in OpenAI's stores of vectors (docs/gateway-retrieval-openai.md). */
import type { Fields, JsonObject, Problems } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../../retrieval/config.js";
import { readCollection } from "../../../retrieval/config.js";
import type { FieldConfig } from "../../../retrieval/document.js";

/** The most results of one search (OpenAI API reference, "Search vector store": `max_num_results`). */
export const mostResults = 50;

/** Attributes by the names that the shipped policies use; whose a file is, is told by its store. */
const usual: readonly FieldConfig[] = [
  ...["classification", "department", "region", "owner"].map((name): FieldConfig => ({
    ...{ name, path: [name], type: "string" },
  })),
  { name: "created", path: ["created"], type: "time", form: "epoch_s" },
  { name: "expires", path: ["expires"], type: "time", form: "epoch_s" },
];

/** @param facts of the account, as policy sees them */
export function readVectorStores(
  fields: Fields,
  problems: Problems,
  facts: JsonObject & { readonly upstream: string },
): CollectionConfig {
  const declares = fields.has("fields");
  const read = readCollection(facts.upstream, fields, problems, { facts, own: undefined });
  for (const { name, path } of read.fields.values())
    if (path.length !== 1)
      problems.add(`${fields.at("fields")}.${name}`, "attributes hold no objects: give one name");
  return {
    ...read,
    ...(declares ? {} : { fields: new Map(usual.map((one) => [one.name, one])), namespaceField: "tenant" }),
    limits: {
      ...read.limits,
      topK: Math.min(read.limits.topK, mostResults),
      fetched: Math.min(read.limits.fetched, mostResults),
    },
  };
}
