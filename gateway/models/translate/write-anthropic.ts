/** {@link ModelRequest} → Anthropic's messages request. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { Message, ModelRequest, Part, Tool, ToolChoice } from "./canonical.js";
import { Untranslatable } from "./canonical.js";

/**
 * Writes the request.
 * @param mostTokens what the model may write where the request doesn't say: this protocol must be told
 * @throws Untranslatable
 */
export function writeAnthropicRequest(request: ModelRequest, mostTokens: number): JsonObject {
  const { system, tools, stop, temperature } = request;
  // this protocol's scale ends at 1
  if (temperature !== undefined && Number(temperature) > 1) throw new Untranslatable("temperature");
  return {
    model: request.model,
    max_tokens: request.maxTokens ?? mostTokens,
    ...(system.length === 0
      ? {}
      : { system: system.length === 1 ? (system[0] ?? "") : system.map((text) => ({ type: "text", text })) }),
    messages: request.messages.map(writeMessage),
    ...(tools.length === 0 ? {} : { tools: tools.map(writeTool) }),
    ...writeToolChoice(request),
    ...(temperature === undefined ? {} : { temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(stop.length === 0 ? {} : { stop_sequences: [...stop] }),
    ...writeOutput(request),
    ...(request.user === undefined ? {} : { metadata: { user_id: request.user } }),
    ...(request.stream ? { stream: true } : {}),
  };
}

function writeOutput({ effort, outputSchema }: ModelRequest): JsonObject {
  if (effort === undefined && outputSchema === undefined) return {};
  return {
    output_config: {
      ...(effort === undefined ? {} : { effort }),
      ...(outputSchema === undefined ? {} : { format: { type: "json_schema", schema: outputSchema } }),
    },
  };
}

function writeTool({ name, description, schema, strict }: Tool): JsonObject {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: schema,
    ...(strict === undefined ? {} : { strict }),
  };
}

function writeToolChoice({ toolChoice, parallelCalls, tools }: ModelRequest): JsonObject {
  if (toolChoice === undefined && (parallelCalls === undefined || tools.length === 0)) return {};
  const choice: ToolChoice = toolChoice ?? { kind: "auto" };
  const one =
    parallelCalls === undefined || choice.kind === "none"
      ? {}
      : { disable_parallel_tool_use: !parallelCalls };
  const named = choice.kind === "tool" ? { name: choice.name } : {};
  return { tool_choice: { type: choice.kind, ...named, ...one } };
}

function writeMessage({ role, parts }: Message, i: number): JsonObject {
  const [only] = parts;
  if (parts.length === 1 && only?.kind === "text") return { role, content: only.text };
  return { role, content: parts.map((part, at) => writePart(part, `messages[${i}].content[${at}]`)) };
}

function writePart(part: Part, place: string): JsonObject {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
      return { type: "image", source: writeSource(part.source) };
    case "document":
      if (part.mediaType !== "application/pdf") throw new Untranslatable(place);
      return {
        type: "document",
        source: { type: "base64", media_type: part.mediaType, data: part.data },
        ...(part.name === undefined ? {} : { title: part.name }),
      };
    case "thinking":
      if (part.signature === undefined) throw new Untranslatable(place);
      return { type: "thinking", thinking: part.text, signature: part.signature };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: part.arguments };
    case "result":
      return {
        type: "tool_result",
        tool_use_id: part.id,
        content: writeResult(part.parts, place),
        ...(part.isError ? { is_error: true } : {}),
      };
  }
}

function writeResult(parts: readonly Part[], place: string): Json {
  const [only] = parts;
  if (parts.length === 1 && only?.kind === "text") return only.text;
  return parts.map((part, i) => writePart(part, `${place}.content[${i}]`));
}

function writeSource(source: Extract<Part, { kind: "image" }>["source"]): JsonObject {
  return source.kind === "url"
    ? { type: "url", url: source.url }
    : { type: "base64", media_type: source.mediaType, data: source.data };
}
