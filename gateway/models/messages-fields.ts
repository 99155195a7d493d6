/** The fields of Anthropic's messages request that are passed on, and what each must be. */
import type { Check } from "./fields.js";
import { either, flag, list, number, object, positive, text } from "./fields.js";

/** Source: Anthropic API reference, "Create a message". Anything else is refused by name. */
export const messagesFields: Readonly<Record<string, Check>> = {
  model: text,
  messages: list,
  max_tokens: positive,
  system: either(text, list),
  metadata: object,
  stop_sequences: list,
  stream: flag,
  temperature: number,
  top_k: number,
  top_p: number,
  tools: list,
  tool_choice: object,
  thinking: object,
  service_tier: text,
  output_config: object,
  cache_control: object,
  diagnostics: object,
  inference_geo: text,
  speed: text,
  user_profile_id: text,
  workspace_id: text,
};
