/** {@link ModelRequest} → OpenAI's chat completion request. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { ImageSource, Message, ModelRequest, Part, Tool, ToolChoice } from "./canonical.js";
import { Untranslatable } from "./canonical.js";

/** @throws Untranslatable */
export function writeOpenAiRequest(request: ModelRequest): JsonObject {
  const { system, messages, tools, stop } = request;
  return {
    model: request.model,
    messages: [
      ...(system.length === 0
        ? []
        : [{ role: "system", content: system.length === 1 ? (system[0] ?? "") : system.map(textPart) }]),
      ...messages.flatMap(writeMessage),
    ],
    ...(tools.length === 0 ? {} : { tools: tools.map(writeTool) }),
    ...(request.toolChoice === undefined ? {} : { tool_choice: writeToolChoice(request.toolChoice) }),
    ...(request.parallelCalls === undefined ? {} : { parallel_tool_calls: request.parallelCalls }),
    ...(request.maxTokens === undefined ? {} : { max_completion_tokens: request.maxTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(stop.length === 0 ? {} : { stop: [...stop] }),
    ...(request.effort === undefined ? {} : { reasoning_effort: request.effort }),
    ...(request.outputSchema === undefined
      ? {}
      : {
          response_format: {
            type: "json_schema",
            json_schema: { name: "answer", schema: request.outputSchema, strict: true },
          },
        }),
    ...(request.user === undefined ? {} : { user: request.user }),
    ...(request.stream ? { stream: true } : {}),
    ...(request.stream && request.streamUsage ? { stream_options: { include_usage: true } } : {}),
  };
}

const textPart = (text: string): JsonObject => ({ type: "text", text });

function writeTool({ name, description, schema, strict }: Tool): JsonObject {
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: schema,
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function writeToolChoice(choice: ToolChoice): string | JsonObject {
  if (choice.kind === "tool") return { type: "function", function: { name: choice.name } };
  return choice.kind === "any" ? "required" : choice.kind;
}

function writeMessage(message: Message, i: number): JsonObject[] {
  const place = `messages[${i}].content`;
  if (message.role === "system") return [{ role: "system", content: writeResult(message.parts, place) }];
  return message.role === "assistant" ? [writeAssistant(message, place)] : writeUser(message, place);
}

function writeAssistant({ parts }: Message, place: string): JsonObject {
  const texts: string[] = [];
  const calls: JsonObject[] = [];
  for (const [i, part] of parts.entries()) {
    if (part.kind === "text" && calls.length === 0) texts.push(part.text);
    else if (part.kind === "call") {
      const { id, name } = part;
      calls.push({ id, type: "function", function: { name, arguments: stringifyJson(part.arguments) } });
      // this protocol has all text before the calls
    } else throw new Untranslatable(`${place}[${i}]`);
  }
  return {
    role: "assistant",
    content: texts.length === 0 ? null : texts.length === 1 ? (texts[0] ?? "") : texts.map(textPart),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** Results become messages of their own, which must come first. */
function writeUser({ parts }: Message, place: string): JsonObject[] {
  const results: JsonObject[] = [];
  const content: JsonObject[] = [];
  for (const [i, part] of parts.entries()) {
    const here = `${place}[${i}]`;
    if (part.kind !== "result") content.push(writeUserPart(part, here));
    else if (content.length > 0) throw new Untranslatable(here);
    else {
      const result = writeResult(part.parts, here);
      // this protocol says that a tool failed in the text only
      const said = part.isError ? stringifyJson({ is_error: true, content: result }) : result;
      results.push({ role: "tool", tool_call_id: part.id, content: said });
    }
  }
  const [only] = content;
  if (content.length === 0) return results;
  const plain = content.length === 1 && only?.["type"] === "text" ? only["text"] : undefined;
  return [...results, { role: "user", content: plain ?? content }];
}

function writeResult(parts: readonly Part[], place: string): string | JsonObject[] {
  const texts = parts.map((part, i) => {
    if (part.kind !== "text") throw new Untranslatable(`${place}.content[${i}]`);
    return part.text;
  });
  return texts.length === 1 ? (texts[0] ?? "") : texts.length === 0 ? "" : texts.map(textPart);
}

function writeUserPart(part: Part, place: string): JsonObject {
  switch (part.kind) {
    case "text":
      return textPart(part.text);
    case "image":
      return { type: "image_url", image_url: { url: imageUrl(part.source) } };
    case "document":
      return {
        type: "file",
        file: {
          filename: part.name ?? "document",
          file_data: `data:${part.mediaType};base64,${part.data}`,
        },
      };
    default:
      throw new Untranslatable(place);
  }
}

function imageUrl(source: ImageSource): string {
  return source.kind === "url" ? source.url : `data:${source.mediaType};base64,${source.data}`;
}
