/** OpenAI's `POST /v1/responses`. Source: OpenAI API reference, "Responses". */
import type { Decision, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { Words } from "../../enforce/duty.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import { filterTools } from "../../enforce/filter-tools.js";
import { limitTokens } from "../../enforce/limit-tokens.js";
import { requireSystemPrompt } from "../../enforce/require-system-prompt.js";
import { setParameters } from "../../enforce/set-parameters.js";
import { countIn, tokenUsage } from "../../observe/token-usage.js";
import { offeredIn } from "../classify.js";
import { settable } from "../fields.js";
import { isCount, openai } from "../openai.js";
import { hasOddKey } from "../plain-keys.js";
import { openAiError } from "../refuse.js";
import type { Bound } from "./bind.js";
import { isOwn, readId, sealId } from "./bind.js";
import type { Operation, Speaker } from "./operation.js";
import { isRefusal, pick, readBody, toCall } from "./operation.js";
import { isStandIn, responsesCalls } from "./responses-calls.js";
import { countItems, responsesFields, toolName, wrongPart } from "./responses-fields.js";

const words: Words = {
  tokenLimits: ["max_output_tokens"],
  parameters: settable(responsesFields, [
    ...["temperature", "top_p", "top_logprobs", "parallel_tool_calls", "service_tier", "store", "background"],
    ...["reasoning", "truncation"],
  ]),
  stop: { field: "stop", most: 0 },
  tools: { tools: toolName },
  chosenTool({ tool_choice: choice }) {
    if (!isObject(choice)) return undefined;
    // a choice among several isn't looked into
    return choice["type"] === "allowed_tools" ? "" : toolName(choice);
  },
  toolFields: ["tool_choice", "parallel_tool_calls"],
  said: {
    request: ["input", "instructions", "user", "safety_identifier", "metadata", "tools"],
    answer: ["output"],
  },
  withInstructions(body, text) {
    const { instructions } = body;
    return { ...body, instructions: typeof instructions === "string" ? `${text}\n\n${instructions}` : text };
  },
};

function errorEvent(refusal: Refusal, decision?: Decision): string {
  const { error } = JSON.parse(openAiError(refusal, decision)) as { error: object };
  const { code, message } = refusal;
  return `event: error\ndata: ${JSON.stringify({ type: "error", code, message, param: null, error })}\n\n`;
}

/** Errors as everywhere; in a stream as an event of a type, and so that its clients raise it, too. */
export const responsesSpeaker: Speaker = {
  ...{ error: openai.error, errorEvent, heartbeat: openai.heartbeat },
};

/** The ids in what an upstream says become ids of this client. */
function bindAnswer(data: JsonObject, bound: Bound): JsonObject {
  if (typeof data["type"] !== "string") return bindResponse(data, bound);
  const { response, item, item_id: id } = data;
  return {
    ...data,
    ...(isObject(response) ? { response: bindResponse(response, bound) } : {}),
    ...(isObject(item) ? { item: bindIds(item, ["id"], bound) } : {}),
    ...(id === undefined ? {} : { item_id: bindId(id, bound) }),
  };
}

function bindResponse(response: JsonObject, bound: Bound): JsonObject {
  const { output } = response;
  return {
    ...bindIds(response, ["id", "previous_response_id"], bound),
    ...(Array.isArray(output)
      ? { output: output.map((item) => (isObject(item) ? bindIds(item, ["id"], bound) : item)) }
      : {}),
  };
}

function bindIds(value: JsonObject, names: readonly string[], bound: Bound): JsonObject {
  const out = { ...value };
  for (const name of names) {
    const id = value[name];
    if (id !== undefined) out[name] = bindId(id, bound);
  }
  return out;
}

function bindId(id: Json, bound: Bound): Json {
  if (typeof id !== "string" || id === "" || isStandIn(id)) return id;
  const [prefix = "id_"] = /^[a-z]{1,16}_/.exec(id) ?? [];
  return sealId(id, prefix, bound);
}

/** Gives the body in the upstream's ids. What isn't this subject's own, at this upstream, is as if it weren't. */
function bindRequest(body: JsonObject, bound: Bound): JsonObject | Refusal {
  const out = { ...body };
  const { previous_response_id: previous, input } = body;
  if (typeof previous === "string") {
    const id = openId(previous, bound);
    if (id === undefined) return refuse("unknown_response", "previous_response_id");
    out["previous_response_id"] = id;
  }
  if (!Array.isArray(input)) return out;
  const items: Json[] = [];
  for (const [i, item] of input.entries()) {
    const { id: given, ...others } = isObject(item) ? item : {};
    if (typeof given !== "string") items.push(item);
    // the provider never saw what stood in for a call
    else if (isStandIn(given)) items.push(others);
    else {
      const id = openId(given, bound);
      if (id === undefined) return refuse("unknown_response", `input[${i}].id`);
      items.push({ ...others, id });
    }
  }
  return { ...out, input: items };
}

function openId(sealed: string, bound: Bound): string | undefined {
  const named = readId(sealed);
  return named !== undefined && isOwn(named, bound) ? named.id : undefined;
}

/** Leaves out ids, which are ours and look like secrets. */
function without(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

export const responses: Operation = {
  protocol: "openai",
  answers: "responses",
  speaker: responsesSpeaker,
  classify(value, bytes, models) {
    const body = readBody(value, responsesFields, ["model", "input"]);
    if (isRefusal(body)) return body;
    if (hasOddKey(body)) return refuse("invalid_request", "a key stands for another in other letters");
    const wrong = wrongPart(body);
    if (wrong !== undefined) return refuse("invalid_request", `${wrong} isn't known, or not passed on`);
    const { model, stream, store, background, previous_response_id: previous, tools, input } = body;
    if (typeof model !== "string") return refuse("invalid_request", "model is required");
    const parameters = {
      ...pick(body, ["max_output_tokens", ...Object.keys(words.parameters)]),
      ...(Array.isArray(tools) ? { tools: offeredIn(body, words) as string[] } : {}),
    };
    return toCall(body, bytes, models, {
      ...{ action: "model.invoke", model, stream: stream === true },
      properties: {
        // the provider's default is to keep it
        store: store !== false,
        background: background === true,
        continues: typeof previous === "string",
        parameters,
      },
      prompt: countItems(input),
    });
  },
  duties: {
    limit_tokens: limitTokens,
    set_parameters: setParameters,
    cap_parameters: capParameters,
    filter_tools: filterTools,
    require_system_prompt: requireSystemPrompt,
  },
  words,
  headers: {},
  path: (base) => (base.pathname === "/" ? "/v1/responses" : "/responses"),
  named: (body, model) => ({ ...body, model }),
  texts(body) {
    const { input = null, instructions = null } = body;
    const items = Array.isArray(input) ? input : [{ role: "user", content: input }];
    return {
      ...without(body, "input", "instructions", "previous_response_id"),
      system: instructions,
      messages: items.map((item) => ({ role: "assistant", ...(isObject(item) ? without(item, "id") : {}) })),
    };
  },
  offered: (body) => offeredIn(body, words),
  usage(data, before) {
    const { response } = data;
    const usage = data["usage"] ?? (isObject(response) ? response["usage"] : undefined);
    if (!isObject(usage)) return before;
    const { input_tokens: input, output_tokens: output } = usage;
    if (!isCount(input) || !isCount(output)) return before;
    return tokenUsage(input, output, {
      cached: countIn(usage["input_tokens_details"], "cached_tokens"),
      reasoning: countIn(usage["output_tokens_details"], "reasoning_tokens"),
    });
  },
  pieces: ['"delta":'],
  calls: responsesCalls,
  bind: { request: bindRequest, answer: bindAnswer },
};
