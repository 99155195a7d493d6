/** What obligations there are on stores of documents. */
import type { JsonObject } from "../../sidecar/contract.js";
import { comparisons, conditionLimits } from "../../sidecar/contract.js";
import type { ObligationFacts } from "./catalogue.js";

const dialect = "https://json-schema.org/draft/2020-12/schema";
const field: JsonObject = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]{0,63}$" };
const fields: JsonObject = { type: "array", minItems: 1, maxItems: 64, items: field };
const text: JsonObject = { type: "string", maxLength: conditionLimits.text };
const scalar: JsonObject = { anyOf: [text, { type: "number" }, { type: "boolean" }] };
const places: JsonObject = { type: "array", items: { type: "integer", minimum: 0 } };

const object = (properties: JsonObject, required: readonly string[], more: JsonObject = {}): JsonObject => ({
  $schema: dialect,
  type: "object",
  properties,
  required: [...required],
  additionalProperties: false,
  ...more,
});

/** A test of a field, by its operators. */
const leaf = (operators: readonly string[], value: JsonObject): JsonObject => ({
  type: "object",
  properties: { type: { const: "field" }, operator: { enum: [...operators] }, field, value },
  required: ["type", "operator", "field", "value"],
  additionalProperties: false,
});

const compound = (operators: readonly string[], more: JsonObject): JsonObject => ({
  type: "object",
  properties: {
    type: { const: "compound" },
    operator: { enum: [...operators] },
    value: { type: "array", items: { $ref: "#/$defs/condition" }, ...more },
  },
  required: ["type", "operator", "value"],
  additionalProperties: false,
});

const condition: JsonObject = {
  oneOf: [
    leaf(comparisons, scalar),
    leaf(["in", "nin"], { type: "array", maxItems: conditionLimits.listed, items: scalar }),
    leaf(["contains", "startswith", "endswith"], text),
    leaf(["exists"], { type: "boolean" }),
    compound(["and", "or"], {}),
    compound(["not"], { minItems: 1, maxItems: 1 }),
  ],
};

const onRequest = { phases: ["request"], on: ["retrieval"] } as const;
const onResponse = { phases: ["response"], on: ["retrieval"] } as const;

export const retrievalCatalogue: Readonly<Record<string, ObligationFacts>> = {
  filter: {
    summary: "only documents of which a condition holds are found, counted, written or changed",
    ...onRequest,
    schema: object(
      {
        condition: { $ref: "#/$defs/condition" },
        include: { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_/.]{0,255}$" },
      },
      [],
      { oneOf: [{ required: ["condition"] }, { required: ["include"] }], $defs: { condition } },
    ),
  },
  filter_documents: {
    summary: "documents of other tenants, or above the classification, stay out: a short form of filter",
    ...onRequest,
    schema: object(
      {
        tenant: { type: "string" },
        max_classification: { enum: ["public", "internal", "confidential", "restricted"] },
      },
      ["tenant", "max_classification"],
    ),
  },
  hide_fields: {
    summary: "fields are in no answer, and no query may filter or sort by them",
    ...onRequest,
    schema: object({ fields }, ["fields"]),
  },
  limit_results: {
    summary: "at most so many documents are asked for and given",
    ...onRequest,
    schema: object({ top_k: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } }, ["top_k"]),
  },
  stamp_documents: {
    summary: "documents that are written get these values; one that says otherwise is a deny",
    ...onRequest,
    schema: object(
      {
        set: { type: "object", propertyNames: field, additionalProperties: scalar },
        at_least: {
          type: "object",
          propertyNames: field,
          additionalProperties: {
            type: "object",
            properties: { value: scalar, order: { type: "array", items: scalar } },
            required: ["value", "order"],
            additionalProperties: false,
          },
        },
      },
      [],
    ),
  },
  keep_documents: {
    summary: "only these documents of those that were asked about are given",
    ...onResponse,
    schema: object({ documents: places }, ["documents"]),
  },
  mask_documents: {
    summary: "fields of these documents are masked before they are given",
    ...onResponse,
    schema: object({ documents: places, fields }, ["documents", "fields"]),
  },
  label_documents: {
    summary: "these documents are labelled, and with them the call",
    ...onResponse,
    schema: object(
      {
        documents: places,
        labels: {
          ...{ type: "array", minItems: 1, maxItems: 32 },
          items: { type: "string", pattern: "^[a-z0-9][a-z0-9_.:-]{0,63}$" },
        },
      },
      ["documents", "labels"],
    ),
  },
};
