/**
 * Names and values of OpenTelemetry's conventions for generative AI (status: development).
 * Source: open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and gen-ai-metrics.md.
 */
import type { Json, JsonObject, Outcome } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AttemptFacts } from "./trace.js";

export type Attributes = Record<string, string | number | boolean | string[]>;

/** Those of the conventions, by what operators call them; another one is called as it is configured. */
const providers: Readonly<Record<string, string>> = {
  azure: "azure.ai.openai",
  aws: "aws.bedrock",
  bedrock: "aws.bedrock",
  google: "gcp.gemini",
  gemini: "gcp.gemini",
  vertex: "gcp.vertex_ai",
  mistral: "mistral_ai",
  moonshot: "moonshot_ai",
  watsonx: "ibm.watsonx.ai",
  xai: "x_ai",
};

/** What metrics are told apart by, too. */
export function commonAttributes({ operation, deployment, model, url }: AttemptFacts): Attributes {
  const { provider, upstreamModel } = deployment;
  return {
    "gen_ai.operation.name": operation,
    "gen_ai.provider.name": Object.hasOwn(providers, provider) ? (providers[provider] ?? provider) : provider,
    "gen_ai.request.model": upstreamModel ?? model,
    "server.address": url.hostname,
    "server.port": Number(url.port) || (url.protocol === "https:" ? 443 : 80),
  };
}

const parameters: readonly (readonly [string, readonly string[]])[] = [
  ["gen_ai.request.max_tokens", ["max_tokens", "max_completion_tokens", "max_output_tokens"]],
  ["gen_ai.request.temperature", ["temperature"]],
  ["gen_ai.request.top_p", ["top_p"]],
  ["gen_ai.request.top_k", ["top_k"]],
  ["gen_ai.request.seed", ["seed"]],
];

/** Numbers only: no text of a request. */
export function requestAttributes({ body, stream, model, deployment, decisionId }: AttemptFacts): Attributes {
  const out: Attributes = {
    "gen_ai.request.stream": stream,
    "countersign.model": model,
    "countersign.deployment": deployment.name,
    "countersign.decision.id": decisionId,
  };
  const { generationConfig: config } = body;
  for (const [name, members] of parameters) {
    const value = members.map((member) => body[member]).find((one) => typeof one === "number");
    if (typeof value === "number") out[name] = value;
  }
  if (isObject(config)) {
    const { maxOutputTokens: most, temperature, topP } = config;
    if (typeof most === "number") out["gen_ai.request.max_tokens"] = most;
    if (typeof temperature === "number") out["gen_ai.request.temperature"] = temperature;
    if (typeof topP === "number") out["gen_ai.request.top_p"] = topP;
  }
  return out;
}

export function usageAttributes({ usage, cost }: Partial<Outcome>): Attributes {
  const out: Attributes = {};
  if (usage !== undefined) {
    out["gen_ai.usage.input_tokens"] = usage.input_tokens;
    out["gen_ai.usage.output_tokens"] = usage.output_tokens;
    const { cached_tokens: cached, cache_write_tokens: written, reasoning_tokens: thought } = usage;
    if (cached !== undefined) out["gen_ai.usage.cache_read.input_tokens"] = cached;
    if (written !== undefined) out["gen_ai.usage.cache_creation.input_tokens"] = written;
    if (thought !== undefined) out["gen_ai.usage.reasoning.output_tokens"] = thought;
    if (usage.estimated === true) out["countersign.usage.estimated"] = true;
  }
  if (cost !== undefined) {
    out["countersign.cost.amount"] = cost.amount;
    out["countersign.cost.currency"] = cost.currency;
  }
  return out;
}

/** Names that an upstream chose are told only in the form that such names have. */
const plain = /^[\w./:@-]{1,128}$/;

/** Reads who answered, and why it ended, from an answer or an event of a stream. */
export function readAnswer(said: JsonObject, into: Attributes): void {
  const inner = [said, said["message"], said["response"]].filter((one) =>
    isObject(one ?? null),
  ) as JsonObject[];
  const finishes: string[] = [];
  const keep = (name: string, value: Json | undefined): void => {
    if (typeof value === "string" && plain.test(value)) into[name] ??= value;
  };
  for (const one of inner) {
    keep("gen_ai.response.model", one["model"] ?? one["modelVersion"]);
    keep(
      "gen_ai.response.id",
      one["responseId"] ?? (one["type"] === "message" || one["object"] ? one["id"] : undefined),
    );
    const { delta, stop_reason: stopped, choices, candidates } = one;
    const reasons = [
      isObject(delta ?? null) ? (delta as JsonObject)["stop_reason"] : undefined,
      stopped,
      ...members(choices, "finish_reason"),
      ...members(candidates, "finishReason"),
    ];
    for (const reason of reasons) if (typeof reason === "string" && plain.test(reason)) finishes.push(reason);
  }
  const known = into["gen_ai.response.finish_reasons"];
  if (finishes.length > 0)
    into["gen_ai.response.finish_reasons"] = [...(Array.isArray(known) ? known : []), ...finishes].slice(
      0,
      16,
    );
}

function members(list: Json | undefined, name: string): (Json | undefined)[] {
  return Array.isArray(list) ? list.slice(0, 16).map((one) => (isObject(one) ? one[name] : undefined)) : [];
}

/** Names an operation by its path and action. */
export function operationName(path: string, action: string): string {
  if (action === "embedding.create") return "embeddings";
  if (action !== "model.invoke") return action;
  if (path.startsWith("/v1/completions")) return "text_completion";
  return path.startsWith("/v1beta") ? "generate_content" : "chat";
}
