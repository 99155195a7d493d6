/** What of OpenAI's Responses API is passed on. Source: OpenAI API reference, "Create a model response". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Check } from "../fields.js";
import { namesKept } from "../kept.js";
import { count, either, flag, list, number, object, positive, text } from "../fields.js";

/** `conversation` and `prompt` aren't here: what they name is kept by the provider, and nobody here gave it out. */
export const responsesFields: Readonly<Record<string, Check>> = {
  model: text,
  input: either(text, list),
  instructions: text,
  previous_response_id: text,
  store: flag,
  background: flag,
  stream: flag,
  stream_options: object,
  max_output_tokens: positive,
  temperature: number,
  top_p: number,
  top_logprobs: count,
  text: object,
  reasoning: object,
  tools: list,
  tool_choice: either(text, object),
  parallel_tool_calls: flag,
  include: list,
  truncation: text,
  service_tier: text,
  metadata: object,
  user: text,
  safety_identifier: text,
  prompt_cache_key: text,
  prompt_cache_retention: text,
};

/**
 * Tools that the client carries out, or that the provider does without reaching what is kept for others: no `mcp`, which
 * would call out undecided, no `file_search` and `code_interpreter`, which name stores and files.
 */
const toolTypes = ["function", "custom", "web_search", "web_search_preview", "image_generation"];
const itemTypes = [
  ...["message", "reasoning", "item_reference", "compaction"],
  ...["function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"],
  ...["web_search_call", "image_generation_call"],
];
const choices = ["function", "custom", "allowed_tools", "web_search_preview", "image_generation"];

const named = ({ type }: JsonObject): boolean => type === "function" || type === "custom";

/** Names a tool: by its own name only where it has one by its type, so that it can't pass for another. */
export const toolName = (tool: JsonObject): Json | undefined => (named(tool) ? tool["name"] : tool["type"]);

/** Names the place of the first part that isn't passed on. */
export function wrongPart({ input, tools, tool_choice: choice }: JsonObject): string | undefined {
  for (const [i, item] of (Array.isArray(input) ? input : []).entries()) {
    if (!isObject(item)) return `input[${i}]`;
    const { type = "message", role } = item;
    if (typeof type !== "string" || !itemTypes.includes(type)) return `input[${i}].type`;
    if (type === "message" && (typeof role !== "string" || !/^[a-z]{1,16}$/.test(role)))
      return `input[${i}].role`;
    const { id } = item;
    if (id !== undefined && id !== null && typeof id !== "string") return `input[${i}].id`;
    if (namesKept(item)) return `input[${i}]`;
  }
  for (const [i, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    if (!isObject(tool)) return `tools[${i}]`;
    const { type } = tool;
    if (typeof type !== "string" || !toolTypes.includes(type)) return `tools[${i}].type`;
    if (named(tool) && typeof tool["name"] !== "string") return `tools[${i}].name`;
    if (!named(tool) && namesKept(tool)) return `tools[${i}]`;
  }
  if (!isObject(choice)) return undefined;
  const { type } = choice;
  return typeof type === "string" && choices.includes(type) ? undefined : "tool_choice.type";
}

/** Counts messages by role and other items by type. */
export function countItems(input: Json | undefined): JsonObject {
  const items = Array.isArray(input) ? input : [];
  const roles: Record<string, number> = typeof input === "string" ? { user: 1 } : {};
  const others: Record<string, number> = {};
  for (const item of items) {
    if (!isObject(item)) continue;
    const { type = "message", role } = item;
    const [counts, name] = type === "message" ? [roles, role] : [others, type];
    if (typeof name === "string") counts[name] = (counts[name] ?? 0) + 1;
  }
  const messages = Object.values(roles).reduce((sum, one) => sum + one, 0);
  return { messages, roles, items: others };
}
