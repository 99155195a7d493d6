/** OpenAI's protocol of chat completions. */
import type { Decision, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { chatFields } from "./chat-fields.js";
import { settable } from "./fields.js";
import { classifyInvoke, offeredIn } from "./classify.js";
import type { RequestShape } from "./classify.js";
import { openAiCalls } from "./calls/openai-calls.js";
import { askUsage } from "../observe/ask-usage.js";
import { countIn, tokenUsage } from "../observe/token-usage.js";
import type { ListedModel, ModelProtocol } from "./protocol.js";
import { openAiError } from "./refuse.js";
import { readOpenAiAnswer, writeOpenAiAnswer } from "./translate/openai-answer.js";
import { createOpenAiReader, createOpenAiWriter } from "./translate/openai-stream.js";
import { readOpenAiRequest } from "./translate/read-openai.js";
import { writeOpenAiRequest } from "./translate/write-openai.js";

const chat: RequestShape = {
  fields: chatFields,
  required: ["model", "messages"],
  parameters: ["max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "service_tier", "store"],
  isTool,
  words: {
    // servers of this protocol know the older name at least
    tokenLimits: ["max_tokens", "max_completion_tokens"],
    parameters: settable(chatFields, [
      ...["temperature", "top_p", "n", "seed", "presence_penalty", "frequency_penalty", "top_logprobs"],
      ...["logprobs", "parallel_tool_calls", "service_tier", "store", "reasoning_effort", "verbosity"],
    ]),
    stop: { field: "stop", most: 4 },
    tools: { tools: functionName, functions: ({ name }) => name },
    chosenTool({ tool_choice: choice, function_call: before }) {
      if (isObject(choice)) return functionName(choice) ?? "";
      return isObject(before) ? (before["name"] ?? "") : undefined;
    },
    toolFields: ["tool_choice", "function_call", "parallel_tool_calls"],
    said: {
      request: ["messages", "user", "safety_identifier", "metadata", "tools"],
      answer: ["choices"],
    },
    withInstructions(body, text) {
      const { messages } = body;
      const first = { role: "system", content: text };
      return { ...body, messages: [first, ...(Array.isArray(messages) ? messages : [])] };
    },
  },
};

/** A tool of one type and one name; a function of before there were tools has no type. */
function isTool({ type, name, function: definition, custom }: JsonObject): boolean {
  if (type === undefined) return typeof name === "string" && definition === undefined && custom === undefined;
  const [own, other] = type === "custom" ? [custom, definition] : [definition, custom];
  if ((type !== "function" && type !== "custom") || other !== undefined) return false;
  return isObject(own) && typeof own["name"] === "string";
}

function functionName({ function: definition, custom }: JsonObject): Json | undefined {
  const named = definition ?? custom;
  return isObject(named) ? named["name"] : undefined;
}

export const openai: ModelProtocol = {
  name: "openai",
  classify: (value, bytes, models) => classifyInvoke(value, bytes, models, chat),
  words: chat.words,
  offered: (body) => offeredIn(body, chat.words),
  error: openAiError,
  errorEvent: (refusal: Refusal, decision?: Decision) => `data: ${openAiError(refusal, decision)}\n\n`,
  models(models, one) {
    const data = models.map(({ id, provider }: ListedModel): JsonObject => {
      return { id, object: "model", created: 0, owned_by: provider };
    });
    const [first] = data;
    return one && first !== undefined ? first : { object: "list", data };
  },
  headers: () => ({}),
  path: (base) => (base.pathname === "/" ? "/v1/chat/completions" : "/chat/completions"),
  readRequest: readOpenAiRequest,
  writeRequest: (request) => writeOpenAiRequest(request),
  readAnswer: readOpenAiAnswer,
  writeAnswer: writeOpenAiAnswer,
  reader: createOpenAiReader,
  writer: (created, request) => createOpenAiWriter(created, request.streamUsage),
  calls: openAiCalls,
  usage({ usage }, before) {
    if (!isObject(usage)) return before;
    const { prompt_tokens: input, completion_tokens: output } = usage;
    if (!isCount(input) || !isCount(output)) return before;
    const { prompt_tokens_details: into, completion_tokens_details: out } = usage;
    const cached = countIn(into, "cached_tokens");
    return tokenUsage(input, output, { cached, reasoning: countIn(out, "reasoning_tokens") });
  },
  askUsage,
  pieces: ['"content":', '"reasoning_content":', '"refusal":', '"arguments":'],
  heartbeat: ":\n\n",
};

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
