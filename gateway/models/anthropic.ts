/** Anthropic's protocol of messages. */
import type { Decision, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import type { AnthropicVersion } from "./anthropic-version.js";
import { notIn, readVersion, versionOf } from "./anthropic-version.js";
import type { RequestShape } from "./classify.js";
import { classifyInvoke, offeredIn } from "./classify.js";
import { settable } from "./fields.js";
import { anthropicCalls } from "./calls/anthropic-calls.js";
import { messagesFields } from "./messages-fields.js";
import { countIn, tokenUsage } from "../observe/token-usage.js";
import type { ModelCall, ModelProtocol } from "./protocol.js";
import { sayRefusal } from "./refuse.js";
import { readAnthropicAnswer, writeAnthropicAnswer } from "./translate/anthropic-answer.js";
import { createAnthropicReader, createAnthropicWriter } from "./translate/anthropic-stream.js";
import { readAnthropicRequest } from "./translate/read-anthropic.js";
import { writeAnthropicRequest } from "./translate/write-anthropic.js";

export const isNamed = ({ name }: JsonObject): boolean => typeof name === "string";

const messages: RequestShape = {
  fields: messagesFields,
  required: ["model", "messages", "max_tokens"],
  parameters: [
    ...["max_tokens", "temperature", "top_k", "top_p", "thinking", "output_config"],
    ...["service_tier", "speed", "inference_geo", "workspace_id"],
  ],
  isTool: isNamed,
  words: {
    tokenLimits: ["max_tokens"],
    parameters: settable(messagesFields, [
      ...["temperature", "top_k", "top_p", "thinking", "output_config"],
      ...["service_tier", "speed", "inference_geo"],
    ]),
    stop: { field: "stop_sequences", most: 64 },
    tools: { tools: ({ name }) => name },
    chosenTool: ({ tool_choice: choice }) => (isObject(choice) ? choice["name"] : undefined),
    toolFields: ["tool_choice"],
    said: { request: ["messages", "system", "metadata", "tools"], answer: ["content"] },
    withInstructions(body, text) {
      const { system } = body;
      const block = (one: Json): Json => (typeof one === "string" ? { type: "text", text: one } : one);
      const others = Array.isArray(system) ? system : system === undefined || system === null ? [] : [system];
      return { ...body, system: others.length === 0 ? text : [text, ...others].map(block) };
    },
  },
};

/** What a model may write where neither the request nor its configuration says. */
const mostTokens = 4_096;

/** Source: Anthropic API reference, "Errors". */
const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  415: "invalid_request_error",
  429: "rate_limit_error",
};

function anthropicError(refusal: Refusal, decision?: Decision): string {
  const { code, status } = refusal;
  return JSON.stringify({
    type: "error",
    error: {
      type: types[status] ?? "api_error",
      message: sayRefusal(refusal, decision),
      code,
      ...(decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons }),
    },
  });
}

const sayVersion =
  (spoken: AnthropicVersion): ModelProtocol["headers"] =>
  (body) => ({ "anthropic-version": versionOf(body, spoken) });

/** Refuses what a version hasn't got. */
const within =
  (version: AnthropicVersion) =>
  (asks: ModelCall | Refusal): ModelCall | Refusal => {
    const wrong = asks.kind === "refusal" ? undefined : notIn(version, asks.body);
    return wrong === undefined ? asks : refuse("invalid_request", `${wrong} isn't in version ${version}`);
  };
const latest = within("2026-10-21");

/** Anthropic's protocol in the version of 2023-06-01: the one that translations are written in. */
export const anthropic: ModelProtocol = {
  name: "anthropic",
  classify: (value, bytes, models) => classifyInvoke(value, bytes, models, messages),
  words: messages.words,
  offered: (body) => offeredIn(body, messages.words),
  error: anthropicError,
  errorEvent: (refusal, decision) => `event: error\ndata: ${anthropicError(refusal, decision)}\n\n`,
  models(models, one) {
    const data = models.map(({ id }): JsonObject => {
      return { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" };
    });
    const [first] = data;
    if (one && first !== undefined) return first;
    return {
      data,
      has_more: false,
      first_id: first?.["id"] ?? null,
      last_id: data.at(-1)?.["id"] ?? null,
    };
  },
  headers: sayVersion("2023-06-01"),
  path: (base) => (base.pathname === "/" ? "/v1/messages" : "/messages"),
  readRequest: readAnthropicRequest,
  writeRequest: (request, model) => writeAnthropicRequest(request, model.maxOutputTokens ?? mostTokens),
  readAnswer: readAnthropicAnswer,
  writeAnswer: (answer) => writeAnthropicAnswer(answer),
  reader: createAnthropicReader,
  writer: () => createAnthropicWriter(),
  calls: anthropicCalls,
  usage(data, before) {
    const { message } = data;
    const usage = data["usage"] ?? (isObject(message) ? message["usage"] : undefined);
    if (!isObject(usage)) return before;
    // the end of a stream may leave out what its beginning said
    const cached = countIn(usage, "cache_read_input_tokens") ?? before?.cached_tokens;
    const written = countIn(usage, "cache_creation_input_tokens") ?? before?.cache_write_tokens;
    const fresh = countIn(usage, "input_tokens");
    // what came from a cache, or went there, is counted apart
    const input = fresh === undefined ? 0 : fresh + (cached ?? 0) + (written ?? 0);
    const reasoning = countIn(usage["output_tokens_details"], "thinking_tokens") ?? before?.reasoning_tokens;
    return tokenUsage(
      Math.max(input, before?.input_tokens ?? 0),
      Math.max(countIn(usage, "output_tokens") ?? 0, before?.output_tokens ?? 0),
      { cached, written, reasoning },
    );
  },
  pieces: ['"text":', '"thinking":', '"partial_json":'],
  heartbeat: 'event: ping\ndata: {"type": "ping"}\n\n',
};

const inVersion: Readonly<Record<AnthropicVersion, ModelProtocol>> = {
  "2023-06-01": anthropic,
  "2026-10-21": {
    ...anthropic,
    within: latest,
    classify: (value, bytes, models) => latest(anthropic.classify(value, bytes, models)),
    headers: sayVersion("2026-10-21"),
  },
};

/** Finds the protocol in the version that a client's header names. */
export function anthropicIn(header: string | readonly string[] | undefined): ModelProtocol | Refusal {
  const version = readVersion(header);
  return typeof version === "string" ? inVersion[version] : version;
}
