/** Anthropic's message, whole: reading and writing. Source: Anthropic API reference, "Create a message". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { Body } from "./body.js";
import type { Finish, ModelAnswer, Part, Usage } from "./canonical.js";
import { Untranslatable } from "./canonical.js";
import { optional } from "./read-openai.js";

const reasons: Readonly<Record<string, Finish>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "calls",
  refusal: "refused",
};

/** @throws Untranslatable for `pause_turn` and what isn't known */
export function readAnthropicFinish(reason: string): Finish {
  const finish = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
  if (finish === undefined) throw new Untranslatable("stop_reason");
  return finish;
}

export function writeAnthropicFinish(finish: Finish, stopped?: string): JsonObject {
  const words = { stop: "end_turn", length: "max_tokens", calls: "tool_use", refused: "refusal" } as const;
  return {
    stop_reason: stopped === undefined ? words[finish] : "stop_sequence",
    stop_sequence: stopped ?? null,
  };
}

/** Reads usage: this protocol counts what came from a cache apart. */
export function readAnthropicUsage(usage: Body | undefined, before?: Usage): Usage {
  const written = usage?.count("cache_creation_input_tokens") ?? before?.cacheWritten;
  const read = usage?.count("cache_read_input_tokens") ?? before?.cacheRead;
  const fresh = usage?.count("input_tokens");
  const input = fresh === undefined ? (before?.input ?? 0) : fresh + (written ?? 0) + (read ?? 0);
  const thought = usage?.nested("output_tokens_details")?.count("thinking_tokens") ?? before?.reasoning;
  return {
    input,
    output: usage?.count("output_tokens") ?? before?.output ?? 0,
    ...optional("reasoning", thought),
    ...optional("cacheRead", read),
    ...optional("cacheWritten", written),
  };
}

export function writeAnthropicUsage(usage: Usage): JsonObject {
  const { input, output, cacheRead = 0, cacheWritten = 0, reasoning } = usage;
  return {
    input_tokens: Math.max(0, input - cacheRead - cacheWritten),
    cache_creation_input_tokens: cacheWritten,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  };
}

/** @throws Untranslatable */
export function readAnthropicAnswer(value: Json): ModelAnswer {
  const body = Body.of(value, "");
  const stopped = body.text("stop_sequence");
  return {
    id: body.required("id"),
    model: body.required("model"),
    parts: (body.items("content") ?? []).map(readBlock),
    finish: readAnthropicFinish(body.required("stop_reason")),
    ...optional("stopped", stopped),
    usage: readAnthropicUsage(body.nested("usage")),
  };
}

function readBlock(block: Body): Part {
  const type = block.required("type");
  let part: Part;
  if (type === "text") {
    if ((block.list("citations") ?? []).length > 0) throw new Untranslatable(block.at("citations"));
    part = { kind: "text", text: block.required("text") };
  } else if (type === "thinking") {
    part = {
      kind: "thinking",
      text: block.required("thinking"),
      ...optional("signature", block.text("signature")),
    };
  } else if (type === "tool_use") {
    const [id, name] = [block.required("id"), block.required("name")];
    part = { kind: "call", id, name, arguments: block.members("input") ?? {} };
    block.take("caller");
  } else throw new Untranslatable(block.at("type"));
  block.end();
  return part;
}

/** @throws Untranslatable */
export function writeAnthropicAnswer(answer: ModelAnswer): JsonObject {
  return {
    id: answer.id,
    type: "message",
    role: "assistant",
    model: answer.model,
    content: answer.parts.map(writeBlock),
    ...writeAnthropicFinish(answer.finish, answer.stopped),
    usage: writeAnthropicUsage(answer.usage),
  };
}

function writeBlock(part: Part): JsonObject {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "thinking":
      return { type: "thinking", thinking: part.text, signature: part.signature ?? "" };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: part.arguments };
    default:
      throw new Untranslatable("content");
  }
}
