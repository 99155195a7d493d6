/** Anthropic's messages request → {@link ModelRequest}. Source: Anthropic API reference, "Create a message". */
import type { Json } from "../../../sidecar/contract.js";
import { Body } from "./body.js";
import type { ImageSource, Message, ModelRequest, Part, Tool, ToolChoice } from "./canonical.js";
import { efforts, Untranslatable } from "./canonical.js";
import { optional } from "./read-openai.js";

/** @throws Untranslatable */
export function readAnthropicRequest(value: Json): ModelRequest {
  const body = Body.of(value, "");
  const choice = readToolChoice(body.nested("tool_choice"));
  const metadata = body.nested("metadata");
  const thinking = body.nested("thinking");
  thinking?.onlyAt("type", "disabled");
  thinking?.end();
  const output = body.nested("output_config");
  const format = output?.nested("format");
  format?.onlyAt("type", "json_schema");
  const request: ModelRequest = {
    model: body.required("model"),
    system: readTexts(body, "system"),
    messages: (body.items("messages") ?? []).map(readMessage),
    tools: (body.items("tools") ?? []).map(readTool),
    ...choice,
    ...optional("maxTokens", body.count("max_tokens")),
    ...optional("temperature", body.number("temperature")),
    ...optional("topP", body.number("top_p")),
    stop: (body.list("stop_sequences") ?? []).map((one) => {
      if (typeof one !== "string") throw new Untranslatable("stop_sequences");
      return one;
    }),
    ...optional("user", metadata?.text("user_id")),
    ...optional("effort", output?.oneOf("effort", efforts)),
    ...optional("outputSchema", format?.members("schema")),
    stream: body.flag("stream") ?? false,
    streamUsage: true,
  };
  metadata?.end();
  format?.end();
  output?.end();
  cached(body);
  body.onlyAt("speed", "standard");
  body.onlyAt("service_tier", "auto", "standard_only");
  body.end();
  return request;
}

function readToolChoice(choice: Body | undefined): Pick<ModelRequest, "toolChoice" | "parallelCalls"> {
  if (choice === undefined) return {};
  const type = choice.required("type");
  const one = choice.flag("disable_parallel_tool_use");
  const parallel = one === undefined ? {} : { parallelCalls: !one };
  const named = choice.text("name");
  choice.end();
  let toolChoice: ToolChoice;
  if ((type === "auto" || type === "any" || type === "none") && named === undefined)
    toolChoice = { kind: type };
  else if (type === "tool" && named !== undefined) toolChoice = { kind: type, name: named };
  else throw new Untranslatable("tool_choice");
  return { toolChoice, ...parallel };
}

function readTool(tool: Body): Tool {
  // tools that the provider runs itself have other types
  tool.onlyAt("type", "custom");
  cached(tool);
  const read: Tool = {
    name: tool.required("name"),
    ...optional("description", tool.text("description")),
    schema: tool.members("input_schema") ?? { type: "object", properties: {} },
    ...optional("strict", tool.flag("strict")),
  };
  tool.end();
  return read;
}

/** What a provider may keep changes what a request costs, not what it means: the one hint that has no counterpart. */
function cached(part: Body): void {
  part.members("cache_control");
}

function readMessage(message: Body): Message {
  const role = message.required("role");
  if (role !== "user" && role !== "assistant" && role !== "system")
    throw new Untranslatable(message.at("role"));
  const parts =
    role === "system"
      ? readTexts(message, "content").map((text): Part => ({ kind: "text", text }))
      : readParts(message, "content");
  message.end();
  return { role, parts };
}

function readParts(holder: Body, name: string): Part[] {
  const content = holder.take(name);
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [{ kind: "text", text: content }];
  if (!Array.isArray(content)) throw new Untranslatable(holder.at(name));
  return content.map((item, i) => readPart(Body.of(item, `${holder.at(name)}[${i}]`)));
}

function readTexts(holder: Body, name: string): string[] {
  return readParts(holder, name).map((part, i) => {
    if (part.kind !== "text") throw new Untranslatable(`${holder.at(name)}[${i}]`);
    return part.text;
  });
}

function readPart(part: Body): Part {
  cached(part);
  const read = readKind(part);
  part.end();
  return read;
}

function readKind(part: Body): Part {
  const type = part.required("type");
  switch (type) {
    case "text":
      part.onlyAt("citations");
      return { kind: "text", text: part.required("text") };
    case "image":
      return { kind: "image", source: readImage(part) };
    case "document":
      return readDocument(part);
    case "thinking":
      return {
        kind: "thinking",
        text: part.required("thinking"),
        ...optional("signature", part.text("signature")),
      };
    case "tool_use":
      return {
        kind: "call",
        id: part.required("id"),
        name: part.required("name"),
        arguments: part.members("input") ?? {},
      };
    case "tool_result":
      return {
        kind: "result",
        id: part.required("tool_use_id"),
        parts: readParts(part, "content"),
        isError: part.flag("is_error") ?? false,
      };
    default:
      throw new Untranslatable(part.at("type"));
  }
}

function readImage(part: Body): ImageSource {
  const source = part.nested("source");
  const type = source?.required("type");
  let read: ImageSource;
  if (source !== undefined && type === "url") read = { kind: "url", url: source.required("url") };
  else if (source !== undefined && type === "base64") {
    read = { kind: "data", mediaType: source.required("media_type"), data: source.required("data") };
  } else throw new Untranslatable(part.at("source"));
  source.end();
  return read;
}

function readDocument(part: Body): Part {
  const source = part.nested("source");
  if (source?.required("type") !== "base64") throw new Untranslatable(part.at("source"));
  const mediaType = source.required("media_type");
  const data = source.required("data");
  source.end();
  return { kind: "document", mediaType, data, ...optional("name", part.text("title")) };
}
