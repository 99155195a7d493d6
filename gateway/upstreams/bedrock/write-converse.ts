/** {@link ModelRequest} → Bedrock's Converse. Source: Amazon Bedrock API Reference, "Converse". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { ImageSource, Message, ModelRequest, Part } from "../../models/translate/canonical.js";
import { Untranslatable } from "../../models/translate/canonical.js";

/** @throws Untranslatable by the names of Anthropic's request, which it was read from */
export function writeConverse(request: ModelRequest): JsonObject {
  const { maxTokens, temperature, topP, stop, system, user } = request;
  const inference: JsonObject = {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop.length === 0 ? {} : { stopSequences: [...stop] }),
  };
  if (user !== undefined && !/^[\w\s:@$#=/+,.-]{1,256}$/.test(user))
    throw new Untranslatable("metadata.user_id");
  return {
    messages: request.messages.map(writeMessage),
    ...(system.length === 0 ? {} : { system: system.map((text) => ({ text })) }),
    ...(Object.keys(inference).length === 0 ? {} : { inferenceConfig: inference }),
    ...writeTools(request),
    ...writeOutput(request),
    ...(user === undefined ? {} : { requestMetadata: { user_id: user } }),
  };
}

function writeTools({ tools, toolChoice, parallelCalls }: ModelRequest): JsonObject {
  if (parallelCalls === false) throw new Untranslatable("tool_choice.disable_parallel_tool_use");
  if (tools.length === 0 && toolChoice === undefined) return {};
  if (toolChoice?.kind === "none") throw new Untranslatable("tool_choice.type");
  const choice: JsonObject | undefined =
    toolChoice &&
    (toolChoice.kind === "tool" ? { tool: { name: toolChoice.name } } : { [toolChoice.kind]: {} });
  return {
    toolConfig: {
      tools: tools.map(({ name, description, schema, strict }) => ({
        toolSpec: {
          name,
          ...(description === undefined ? {} : { description }),
          inputSchema: { json: schema },
          ...(strict === undefined ? {} : { strict }),
        },
      })),
      ...(choice === undefined ? {} : { toolChoice: choice }),
    },
  };
}

function writeOutput({ effort, outputSchema }: ModelRequest): JsonObject {
  if (effort === undefined && outputSchema === undefined) return {};
  const structure = outputSchema && { jsonSchema: { schema: stringifyJson(outputSchema) } };
  return {
    outputConfig: {
      ...(effort === undefined ? {} : { effort }),
      ...(structure === undefined ? {} : { textFormat: { type: "json_schema", structure } }),
    },
  };
}

function writeMessage({ role, parts }: Message, i: number): JsonObject {
  // it knows instructions at the beginning only
  if (role === "system") throw new Untranslatable(`messages[${i}].role`);
  return { role, content: parts.map((part, at) => writePart(part, `messages[${i}].content[${at}]`)) };
}

function writePart(part: Part, place: string): JsonObject {
  switch (part.kind) {
    case "text":
      return { text: part.text };
    case "image":
      return { image: writeImage(part.source, place) };
    case "document":
      if (part.mediaType !== "application/pdf") throw new Untranslatable(place);
      return { document: { format: "pdf", name: documentName(part.name), source: { bytes: part.data } } };
    case "thinking": {
      const { text, signature } = part;
      const reasoningText = { text, ...(signature === undefined ? {} : { signature }) };
      return { reasoningContent: { reasoningText } };
    }
    case "call":
      return { toolUse: { toolUseId: part.id, name: part.name, input: part.arguments } };
    case "result": {
      const content: Json = part.parts.map((one, i) => writePart(one, `${place}.content[${i}]`));
      return { toolResult: { toolUseId: part.id, content, ...(part.isError ? { status: "error" } : {}) } };
    }
  }
}

const formats: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};

function writeImage(source: ImageSource, place: string): JsonObject {
  const format = source.kind === "data" ? formats[source.mediaType] : undefined;
  // it fetches nothing but from S3
  if (source.kind !== "data" || format === undefined) throw new Untranslatable(`${place}.source`);
  return { format, source: { bytes: source.data } };
}

/** Names may hold letters, digits, single blanks and few signs; a model reads them. */
function documentName(name: string | undefined): string {
  const plain = (name ?? "").replace(/[^A-Za-z0-9()[\]-]+/g, " ").trim();
  return plain === "" ? "document" : plain.slice(0, 200);
}
