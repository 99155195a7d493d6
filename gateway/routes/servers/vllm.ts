/**
 * vLLM's API beside OpenAI's: one table; anything else (metrics, adapters, sleep, server info, OpenAI's own paths) is
 * refused. Source: vLLM docs, "OpenAI-Compatible Server", "Extra APIs".
 */
import { createHash } from "node:crypto";
import type { ActionName, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Check } from "../../models/fields.js";
import { count, either, flag, list, number, object, text } from "../../models/fields.js";
import type { Attempting, ServerAttempt } from "./attempt.js";
import { asItIs, readFields, textsOf } from "./attempt.js";
import { describeModel } from "./model.js";

interface Extra {
  readonly action: ActionName;
  readonly fields: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
  /** Fields that policy sees. */
  readonly parameters: readonly string[];
}

const truncation = { truncate_prompt_tokens: number, priority: number, user: text };
// no `chat_template`, no `mm_processor_kwargs`: they are programs and settings of the server
const tokenize: Extra = {
  action: "model.tokenize",
  fields: {
    ...{ model: text, prompt: text, messages: list, tools: list, add_special_tokens: flag },
    ...{ add_generation_prompt: flag, continue_final_message: flag, return_token_strs: flag },
  },
  required: ["model"],
  parameters: ["add_special_tokens", "return_token_strs"],
};
const score: Extra = {
  action: "rerank.create",
  fields: {
    ...{ model: text, text_1: either(text, list), text_2: either(text, list), encoding_format: text },
    ...{ use_activation: flag, activation: flag, ...truncation },
  },
  required: ["model", "text_1", "text_2"],
  parameters: [],
};
const rerank: Extra = {
  action: "rerank.create",
  fields: {
    ...{ model: text, query: either(text, object), documents: either(list, object), top_n: count },
    ...{ return_documents: flag, max_tokens_per_doc: count, use_activation: flag, activation: flag },
    ...truncation,
  },
  required: ["model", "query", "documents"],
  parameters: ["top_n"],
};
const pooling: Extra = {
  action: "embedding.create",
  fields: {
    ...{ model: text, input: either(text, list), messages: list, encoding_format: text, dimensions: count },
    ...{ add_special_tokens: flag, task: text, normalize: flag, embed_dtype: text, ...truncation },
  },
  required: ["model"],
  parameters: ["dimensions", "task"],
};
const extras: Readonly<Record<string, Extra>> = {
  tokenize,
  detokenize: {
    action: "model.tokenize",
    fields: { model: text, tokens: list },
    required: ["model", "tokens"],
    parameters: [],
  },
  score,
  "v1/score": score,
  rerank,
  "v1/rerank": rerank,
  "v2/rerank": rerank,
  pooling,
  classify: {
    action: "classification.create",
    fields: {
      ...{ model: text, input: either(text, list), messages: list, add_special_tokens: flag },
      ...{ use_activation: flag, activation: flag, ...truncation },
    },
    required: ["model"],
    parameters: [],
  },
};

export async function attemptVllm({
  route,
  method,
  segments,
  read,
}: Attempting): Promise<ServerAttempt | Refusal> {
  const name = segments.join("/");
  const extra = Object.hasOwn(extras, name) ? extras[name] : undefined;
  if (extra === undefined) return refuse("unknown_operation");
  if (method !== "POST") return refuse("method_not_allowed");
  const got = await readFields(read, extra.fields, extra.required);
  if (got.kind === "refusal") return got;
  const { body, bytes } = got;
  const model = describeModel(route, body["model"]);
  if (model.kind === "refusal") return model;
  const parameters: JsonObject = {};
  for (const one of extra.parameters) {
    const value = body[one];
    if (value !== undefined && value !== null) parameters[one] = value;
  }
  return {
    kind: "attempt",
    calls: [
      {
        kind: "model",
        action: { name: extra.action, properties: { phase: "request", operation: name, parameters } },
        resource: model.resource,
      },
    ],
    prompt: { bytes: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") },
    texts: textsOf({ ...body, model: null }),
    ...(model.upstreamModel === undefined ? { unknown: "unknown_model" as const } : {}),
    obligations: [],
    body: asItIs({ ...body, model: model.upstreamModel ?? "" }),
    method: "POST",
    path: `/${name}`,
    answer: { kind: "json" },
    model: model.resource.id,
    offered: [],
  };
}
