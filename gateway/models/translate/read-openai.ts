/** OpenAI's chat completion request → {@link ModelRequest}. Source: OpenAI API reference, "Create chat completion". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { readArguments } from "../read-arguments.js";
import { Body } from "./body.js";
import type { ImageSource, Message, ModelRequest, Part, Tool, ToolChoice } from "./canonical.js";
import { efforts, Untranslatable } from "./canonical.js";

/** @throws Untranslatable */
export function readOpenAiRequest(value: Json): ModelRequest {
  const body = Body.of(value, "");
  const { system, messages } = readMessages(body);
  const toolChoice = readToolChoice(body);
  const [maxTokens, limit] = [body.count("max_completion_tokens"), body.count("max_tokens")];
  if (maxTokens !== undefined && limit !== undefined && maxTokens !== limit)
    throw new Untranslatable("max_tokens");
  const stop = readStop(body);
  const options = body.nested("stream_options");
  const request: ModelRequest = {
    model: body.required("model"),
    system,
    messages,
    tools: (body.items("tools") ?? []).map(readTool),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...optional("parallelCalls", body.flag("parallel_tool_calls")),
    ...optional("maxTokens", maxTokens ?? limit),
    ...optional("temperature", body.number("temperature")),
    ...optional("topP", body.number("top_p")),
    stop,
    ...optional("user", body.text("user")),
    ...optional("effort", body.oneOf("reasoning_effort", efforts)),
    ...optional("outputSchema", readFormat(body.nested("response_format"))),
    stream: body.flag("stream") ?? false,
    streamUsage: options?.flag("include_usage") ?? false,
  };
  options?.end();
  // these change nothing at these values
  body.onlyAt("n", 1);
  body.onlyAt("presence_penalty", 0);
  body.onlyAt("frequency_penalty", 0);
  body.onlyAt("logprobs", false);
  body.onlyAt("store", false);
  body.onlyAt("service_tier", "auto", "default");
  body.end();
  return request;
}

/** A member that is there only where its value is. */
export function optional<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}

function readFormat(format: Body | undefined): JsonObject | undefined {
  if (format?.oneOf("type", ["text", "json_schema"]) !== "json_schema") {
    format?.end();
    return undefined;
  }
  const described = format.nested("json_schema");
  const schema = described?.members("schema");
  if (described === undefined || schema === undefined)
    throw new Untranslatable("response_format.json_schema");
  // a label for the schema, and whether it must be met: it always must
  described.text("name");
  described.flag("strict");
  described.end();
  format.end();
  return schema;
}

function readStop(body: Body): readonly string[] {
  const stop = body.take("stop");
  const list = stop === undefined ? [] : Array.isArray(stop) ? stop : [stop];
  return list.map((one) => {
    if (typeof one !== "string") throw new Untranslatable("stop");
    return one;
  });
}

function readTool(tool: Body): Tool {
  tool.onlyAt("type", "function");
  const definition = tool.nested("function");
  if (definition === undefined) throw new Untranslatable(tool.at("function"));
  const read: Tool = {
    name: definition.required("name"),
    ...optional("description", definition.text("description")),
    schema: definition.members("parameters") ?? { type: "object", properties: {} },
    ...optional("strict", definition.flag("strict")),
  };
  definition.end();
  tool.end();
  return read;
}

function readToolChoice(body: Body): ToolChoice | undefined {
  const choice = body.take("tool_choice");
  if (choice === undefined) return undefined;
  if (choice === "auto" || choice === "none") return { kind: choice };
  if (choice === "required") return { kind: "any" };
  const named = Body.of(choice, "tool_choice");
  named.onlyAt("type", "function");
  const meant = named.nested("function");
  if (meant === undefined) throw new Untranslatable("tool_choice");
  const name = meant.required("name");
  meant.end();
  named.end();
  return { kind: "tool", name };
}

function readMessages(body: Body): Pick<ModelRequest, "system" | "messages"> {
  const system: string[] = [];
  const messages: Message[] = [];
  for (const message of body.items("messages") ?? []) {
    const role = message.required("role");
    if (role === "system" || role === "developer") {
      const texts = readTexts(message);
      if (messages.length === 0) system.push(...texts);
      else messages.push({ role: "system", parts: texts.map((text) => ({ kind: "text", text })) });
    } else if (role === "tool") {
      const id = message.required("tool_call_id");
      const parts = readTexts(message).map((text) => ({ kind: "text", text }) as const);
      const result = { kind: "result", id, parts, isError: false } as const;
      const last = messages.at(-1);
      // the results of one turn stand in one message
      if (last?.role === "user" && last.parts.every(({ kind }) => kind === "result")) {
        messages[messages.length - 1] = { role: "user", parts: [...last.parts, result] };
      } else messages.push({ role: "user", parts: [result] });
    } else if (role === "user") messages.push({ role, parts: readContent(message, readUserPart) });
    else if (role === "assistant") messages.push({ role, parts: readAssistant(message) });
    else throw new Untranslatable(message.at("role"));
    message.end();
  }
  return { system, messages };
}

function readAssistant(message: Body): Part[] {
  const parts = readContent(message, readTextPart);
  for (const call of message.items("tool_calls") ?? []) {
    call.onlyAt("type", "function");
    const meant = call.nested("function");
    if (meant === undefined) throw new Untranslatable(call.at("function"));
    parts.push({
      kind: "call",
      id: call.required("id"),
      name: meant.required("name"),
      arguments: argumentsAt(meant.required("arguments"), meant.at("arguments")),
    });
    meant.end();
    call.end();
  }
  message.onlyAt("refusal");
  return parts;
}

/** @throws Untranslatable where the arguments of a call aren't one object */
export function argumentsAt(text: string, place: string): JsonObject {
  const given = readArguments(text);
  if (given === undefined) throw new Untranslatable(place);
  return given;
}

function readContent(message: Body, read: (part: Body) => Part): Part[] {
  const content = message.take("content");
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [{ kind: "text", text: content }];
  if (!Array.isArray(content)) throw new Untranslatable(message.at("content"));
  return content.map((item, i) => {
    const part = Body.of(item, `${message.at("content")}[${i}]`);
    const made = read(part);
    part.end();
    return made;
  });
}

function readTexts(message: Body): string[] {
  return readContent(message, readTextPart).flatMap((part) => (part.kind === "text" ? [part.text] : []));
}

function readTextPart(part: Body): Part {
  if (part.required("type") !== "text") throw new Untranslatable(part.at("type"));
  return { kind: "text", text: part.required("text") };
}

function readUserPart(part: Body): Part {
  const type = part.required("type");
  if (type === "text") return { kind: "text", text: part.required("text") };
  if (type === "image_url") {
    const image = part.nested("image_url");
    if (image === undefined) throw new Untranslatable(part.at("image_url"));
    const source = readImage(image.required("url"), image.at("url"));
    image.onlyAt("detail", "auto");
    image.end();
    return { kind: "image", source };
  }
  if (type === "file") {
    const file = part.nested("file");
    const [, mediaType, data] =
      /^data:([\w.+-]+\/[\w.+-]+);base64,([\w+/=]+)$/.exec(file?.text("file_data") ?? "") ?? [];
    if (file === undefined || mediaType === undefined || data === undefined)
      throw new Untranslatable(part.at("file"));
    const name = file.text("filename");
    file.end();
    return { kind: "document", mediaType, data, ...optional("name", name) };
  }
  throw new Untranslatable(part.at("type"));
}

function readImage(url: string, place: string): ImageSource {
  if (!url.startsWith("data:")) {
    if (!/^https?:\/\//.test(url)) throw new Untranslatable(place);
    return { kind: "url", url };
  }
  const [, mediaType, data] = /^data:(image\/[\w.+-]+);base64,([\w+/=]+)$/.exec(url) ?? [];
  if (mediaType === undefined || data === undefined) throw new Untranslatable(place);
  return { kind: "data", mediaType, data };
}
