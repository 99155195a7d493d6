/** The fields of OpenAI's chat completion request that are passed on, and what each must be. */
import type { Check } from "./fields.js";
import { count, either, flag, list, number, object, positive, text } from "./fields.js";

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
