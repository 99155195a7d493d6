/** The fields of OpenAI's chat completion request that are passed on, and what each must be. */
import type { Json } from "../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../sidecar/contract.js";

type Check = (value: Json) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const number: Check = (value) => typeof value === "number" || value instanceof JsonNumber;
const count: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const positive: Check = (value) => count(value) && Number(value) >= 1;
const object: Check = isObject;
const list: Check = Array.isArray;
const either =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

/** Source: OpenAI API reference, "Create chat completion". Anything else is refused by name. */
export const chatFields: Readonly<Record<string, Check>> = {
  model: text,
  messages: list,
  stream: flag,
  stream_options: object,
  // servers take 0 and less for no limit
  max_tokens: positive,
  max_completion_tokens: positive,
  temperature: number,
  top_p: number,
  n: positive,
  stop: either(text, list),
  seed: number,
  presence_penalty: number,
  frequency_penalty: number,
  logit_bias: object,
  logprobs: flag,
  top_logprobs: count,
  response_format: object,
  tools: list,
  tool_choice: either(text, object),
  parallel_tool_calls: flag,
  functions: list,
  function_call: either(text, object),
  user: text,
  safety_identifier: text,
  prompt_cache_key: text,
  metadata: object,
  store: flag,
  service_tier: text,
  reasoning_effort: text,
  verbosity: text,
  modalities: list,
  audio: object,
  prediction: object,
  web_search_options: object,
};

/** These may be null, as clients send them. */
const nullable = new Set(Object.keys(chatFields).filter((name) => !["model", "messages"].includes(name)));

/** Names the first field that isn't as it must be. */
export function wrongField(body: Readonly<Record<string, Json>>): string | undefined {
  return Object.keys(body).find((name) => {
    const check = Object.hasOwn(chatFields, name) ? chatFields[name] : undefined;
    const value = body[name];
    if (check === undefined || value === undefined) return true;
    return !(value === null ? nullable.has(name) : check(value));
  });
}
