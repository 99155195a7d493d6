import type { Json } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Names within messages and answers that mean something to a gateway, a server or a client. */
const meaningful: ReadonlySet<string> = new Set([
  ...["model", "messages", "choices", "message", "delta", "role", "name", "type", "content", "text", "index"],
  ...[
    "tools",
    "tool_calls",
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "function",
    "functions",
    "function_call",
  ],
  ...[
    "custom",
    "arguments",
    "input",
    "output",
    "partial_json",
    "content_block",
    "stop_reason",
    "finish_reason",
  ],
  ...["id", "item", "item_id", "response", "refusal", "audio", "input_audio", "data", "format", "source"],
  ...["url", "image_url", "video_url", "audio_url", "file_url", "file", "file_id", "file_ids", "file_data"],
  ...["filename", "media_type", "container", "container_id", "vector_store_ids", "encrypted_content"],
  ...["instructions", "system", "stream", "previous_response_id", "thinking", "signature", "is_error"],
]);
/** What a caller, a tool or a schema names as it likes. */
const free: ReadonlySet<string> = new Set([
  ...["arguments", "parameters", "input_schema", "schema", "json_schema", "response_format", "args"],
  ...["metadata", "logit_bias", "logprobs", "properties", "patternProperties", "$defs", "definitions"],
]);
const plain = /^[a-z0-9_]*$/;

/**
 * Tells whether a key stands for another that means something: readers that don't tell cases apart (Go's encoding/json,
 * by Unicode's folding, so that also `tool_call\u017f` is `tool_calls`) would see what was not decided on.
 */
export function hasOddKey(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasOddKey);
  if (!isObject(value)) return false;
  for (const name of Object.keys(value)) {
    if (!plain.test(name) && meaningful.has(name.normalize("NFKC").toLowerCase())) return true;
    const inner = value[name];
    // what a call takes is its own; a request's `input` is a list
    if (inner === undefined || free.has(name) || (name === "input" && isObject(inner))) continue;
    if (hasOddKey(inner)) return true;
  }
  return false;
}
