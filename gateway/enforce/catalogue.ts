/** What obligations there are: what each is for, when it is carried out, and what its properties must be. */
import type { JsonObject } from "../../sidecar/contract.js";
import { assurances, limitUnits } from "../../sidecar/contract.js";
import { retrievalCatalogue } from "./retrieval-catalogue.js";

export interface ObligationFacts {
  readonly summary: string;
  /** When it is carried out: before the request is sent, or on what comes back. */
  readonly phases: readonly ("request" | "response")[];
  /** The kinds of calls that it is for; tools: their calls, resources and prompts. */
  readonly on: readonly ("model" | "retrieval" | "tool" | "any")[];
  /** JSON Schema draft 2020-12 of its properties. INVARIANT: what doesn't fit is a deny; what fits may still not be possible. */
  readonly schema: JsonObject;
}

const dialect = "https://json-schema.org/draft/2020-12/schema";
const text = { type: "string", minLength: 1, maxLength: 1_024 };
const texts = { type: "array", minItems: 1, maxItems: 256, items: text };

/** The schema of an object without other members. */
const object = (properties: JsonObject, required: readonly string[], more: JsonObject = {}): JsonObject => ({
  $schema: dialect,
  type: "object",
  properties,
  required: [...required],
  additionalProperties: false,
  ...more,
});

const onRequest = { phases: ["request"], on: ["model"] } as const;

const onResult = { phases: ["response"], on: ["tool"] } as const;
const count = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

export const catalogue: Readonly<Record<string, ObligationFacts>> = {
  limit_tokens: {
    summary: "the request's token limit is set or lowered before it is sent",
    ...onRequest,
    schema: object({ max_tokens: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } }, [
      "max_tokens",
    ]),
  },
  set_parameters: {
    summary: "parameters of the model get these values",
    ...onRequest,
    schema: object({ parameters: { type: "object" } }, ["parameters"]),
  },
  cap_parameters: {
    summary: "numbers are lowered to the most; those that aren't given are set to it",
    ...onRequest,
    schema: object({ parameters: { type: "object", additionalProperties: { type: "number" } } }, [
      "parameters",
    ]),
  },
  filter_tools: {
    summary: "tools are taken out of the request, so that the model doesn't know them",
    ...onRequest,
    schema: object({ allow: texts, deny: texts }, [], {
      oneOf: [{ required: ["allow"] }, { required: ["deny"] }],
    }),
  },
  require_system_prompt: {
    summary: "instructions in front of all others",
    ...onRequest,
    schema: object({ text: { type: "string", minLength: 1, maxLength: 32_768 } }, ["text"]),
  },
  stop_on: {
    summary: "texts at which the model must stop, beside the request's own",
    ...onRequest,
    schema: object({ sequences: texts }, ["sequences"]),
  },
  mask: {
    summary: "what detectors find, or what pointers lead to, is replaced",
    phases: ["request", "response"],
    on: ["model", "tool"],
    schema: object(
      {
        patterns: texts,
        pointers: { ...texts, maxItems: 32, items: { type: "string", maxLength: 256, pattern: "^/" } },
        phase: { enum: ["request", "response"] },
        replacement: { type: "string", maxLength: 64 },
      },
      ["phase"],
      { anyOf: [{ required: ["patterns"] }, { required: ["pointers"] }] },
    ),
  },
  add_label: {
    summary: "the call gets labels: in its record, and in what is asked about its answer",
    phases: ["request", "response"],
    on: ["model", "tool"],
    schema: object(
      {
        labels: {
          ...{ type: "array", minItems: 1, maxItems: 32 },
          items: { type: "string", pattern: "^[a-z0-9][a-z0-9_.:-]{0,63}$" },
        },
      },
      ["labels"],
    ),
  },
  notify: {
    summary: "a configured hook is told of the decision; where required, before the request is sent",
    phases: ["request", "response"],
    on: ["model", "tool"],
    schema: object(
      { hook: { type: "string", minLength: 1, maxLength: 128 }, required: { type: "boolean" } },
      ["hook"],
    ),
  },
  inspect_answer: {
    summary: "the answer is looked at by detectors, and decided on where the mode says so",
    phases: ["response"],
    on: ["model"],
    schema: object({ mode: { enum: ["observe", "decide"] } }, ["mode"]),
  },
  require_assurance: {
    summary: "the caller must have proved itself at least so strongly; carried out by the sidecar",
    phases: ["request"],
    on: ["any"],
    schema: object({ assurance: { enum: [...assurances] } }, ["assurance"]),
  },
  fence: {
    summary:
      "what the call belongs to is fenced off, in the caller's tenant; carried out by the sidecar, also of a denial",
    phases: ["request", "response"],
    on: ["any"],
    schema: object(
      {
        kinds: {
          type: "array",
          minItems: 1,
          items: { enum: ["task", "session", "token", "subject", "workload", "chain", "device"] },
        },
        reason: { type: "string", minLength: 1, maxLength: 200 },
        seconds: { type: "integer", minimum: 1, maximum: 2_592_000 },
      },
      ["kinds", "reason", "seconds"],
    ),
  },
  limit: {
    summary: "the call counts against a limit of the policy's own; carried out by the sidecar",
    phases: ["request"],
    on: ["any"],
    schema: object(
      {
        name: { type: "string", pattern: "^[a-z0-9][a-z0-9_.:-]{0,63}$" },
        unit: { enum: limitUnits.filter((unit) => unit !== "denials") },
        amount: {
          anyOf: [
            { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
            { type: "string", pattern: "^[0-9]{1,15}(\\.[0-9]{1,9})?$" },
          ],
        },
        currency: { type: "string", pattern: "^[A-Z]{3}$" },
        window: {
          anyOf: [
            { type: "string", pattern: "^([1-9][0-9]{0,6}[smhd]|task|concurrent)$" },
            {
              type: "object",
              properties: { calendar: { enum: ["day", "week", "month"] }, time_zone: text },
              required: ["calendar"],
              additionalProperties: false,
            },
          ],
        },
        sliding: { type: "boolean" },
        per: { type: "array", maxItems: 8, items: text },
        key: { type: "object", minProperties: 1 },
        soft: { type: "boolean" },
        warn_at: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
      },
      ["name", "unit", "amount"],
      { anyOf: [{ required: ["window"] }, { properties: { unit: { const: "concurrent" } } }] },
    ),
  },
  remove_labels: {
    summary: "labels are taken off the task and whoever holds it; carried out by the sidecar",
    phases: ["request", "response"],
    on: ["any"],
    schema: object({ labels: { ...texts, items: { type: "string", minLength: 1, maxLength: 128 } } }, [
      "labels",
    ]),
  },
  restrict_regions: {
    summary: "only deployments in these regions are asked; none is a deny",
    ...onRequest,
    schema: object({ regions: texts }, ["regions"]),
  },
  restrict_providers: {
    summary: "only deployments of these providers are asked; none is a deny",
    ...onRequest,
    schema: object({ providers: texts }, ["providers"]),
  },
  select_model: {
    summary: "this model is called instead, once it is decided on",
    ...onRequest,
    schema: object({ model: text }, ["model"]),
  },
  ...retrievalCatalogue,
  strip_content: {
    summary: "blocks of these types are taken out of what a tool or a prompt gives",
    ...onResult,
    schema: object(
      { types: { ...texts, items: { enum: ["image", "audio", "resource_link", "resource"] } } },
      ["types"],
    ),
  },
  limit_result: {
    summary: "what a tool, a resource or a prompt gives is cut to a size, or refused beyond it",
    ...onResult,
    schema: object({ max_bytes: count, max_blocks: count, otherwise: { enum: ["cut", "refuse"] } }, [], {
      anyOf: [{ required: ["max_bytes"] }, { required: ["max_blocks"] }],
    }),
  },
  inspect_result: {
    summary: "what a tool, a resource or a prompt gives is looked at, and decided on where the mode says so",
    ...onResult,
    schema: object({ mode: { enum: ["observe", "decide"] } }, ["mode"]),
  },
};
