/**
 * What of Gemini's API is passed on. Source: Gemini API reference, "Generating content", "Embeddings". Its servers take
 * each name in two spellings (`fileData`, `file_data`); only the first is passed on, so that each thing has one name.
 */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Check } from "../fields.js";
import { count, flag, list, number, object, positive, text, wrongField } from "../fields.js";

type Fields = Readonly<Record<string, Check>>;

/** `cachedContent` and `continuationToken` aren't here: what they name is kept by the provider for whomever. */
export const generateFields: Fields = {
  contents: list,
  systemInstruction: object,
  generationConfig: object,
  tools: list,
  toolConfig: object,
  safetySettings: list,
  serviceTier: text,
  store: flag,
};

export const configFields: Fields = {
  maxOutputTokens: positive,
  temperature: number,
  topP: number,
  topK: number,
  candidateCount: positive,
  stopSequences: list,
  presencePenalty: number,
  frequencyPenalty: number,
  seed: number,
  responseLogprobs: flag,
  logprobs: count,
  responseMimeType: text,
  responseSchema: object,
  responseJsonSchema: () => true,
  responseModalities: list,
  mediaResolution: text,
  speechConfig: object,
  thinkingConfig: object,
  imageConfig: object,
};

export const embedFields: Fields = {
  model: text,
  content: object,
  taskType: text,
  title: text,
  outputDimensionality: positive,
};

const contentFields: Fields = { role: text, parts: list };
const partFields: Fields = {
  text,
  thought: flag,
  thoughtSignature: text,
  inlineData: object,
  fileData: object,
  functionCall: object,
  functionResponse: object,
  executableCode: object,
  codeExecutionResult: object,
  videoMetadata: object,
  mediaResolution: object,
};
/** No `mcpServers` and `computerUse`, which would act undecided, no `fileSearch`, which names stores. */
const toolFields: Fields = {
  functionDeclarations: list,
  googleSearch: object,
  googleSearchRetrieval: object,
  googleMaps: object,
  urlContext: object,
  codeExecution: object,
};
const toolConfigFields: Fields = { functionCallingConfig: object, retrievalConfig: object };
const callingFields: Fields = { mode: text, allowedFunctionNames: list };

/** Names the first part of a content that isn't passed on. */
export function wrongContent(content: Json, place: string): string | undefined {
  if (!isObject(content)) return place;
  const wrong = wrongField(content, contentFields, ["parts"]);
  if (wrong !== undefined) return `${place}.${wrong}`;
  const { parts } = content;
  for (const [i, part] of (Array.isArray(parts) ? parts : []).entries()) {
    const at = `${place}.parts[${i}]`;
    if (!isObject(part)) return at;
    const name = wrongField(part, partFields, []);
    if (name !== undefined) return `${at}.${name}`;
    if (isObject(part["fileData"]) && !isPublic(part["fileData"])) return `${at}.fileData`;
  }
  return undefined;
}

/** A file of the web; not one that is kept at the provider for the gateway's account. */
function isPublic({ fileUri, file_uri: other }: JsonObject): boolean {
  if (typeof fileUri !== "string" || other !== undefined || !URL.canParse(fileUri)) return false;
  const { protocol, hostname } = new URL(fileUri);
  return protocol === "https:" && !/(?:^|\.)googleapis\.com\.?$/.test(hostname);
}

/** Names the place of the first part of a request that isn't passed on. */
export function wrongPart(body: JsonObject): string | undefined {
  const { contents, systemInstruction: system, generationConfig: config, tools, toolConfig } = body;
  const found = (Array.isArray(contents) ? contents : []).map((one, i) =>
    wrongContent(one, `contents[${i}]`),
  );
  if (isObject(system)) found.push(wrongContent(system, "systemInstruction"));
  if (isObject(config)) found.push(inside("generationConfig", config, configFields));
  for (const [i, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    found.push(isObject(tool) ? inside(`tools[${i}]`, tool, toolFields) : `tools[${i}]`);
    const declared = isObject(tool) ? tool["functionDeclarations"] : undefined;
    const named = (one: Json): boolean => isObject(one) && typeof one["name"] === "string";
    if (Array.isArray(declared) && !declared.every(named)) found.push(`tools[${i}].functionDeclarations`);
  }
  if (isObject(toolConfig)) {
    found.push(inside("toolConfig", toolConfig, toolConfigFields));
    const { functionCallingConfig: calling } = toolConfig;
    if (isObject(calling)) found.push(inside("toolConfig.functionCallingConfig", calling, callingFields));
  }
  return found.find((one) => one !== undefined);
}

function inside(place: string, value: JsonObject, fields: Fields): string | undefined {
  const wrong = wrongField(value, fields, []);
  return wrong === undefined ? undefined : `${place}.${wrong}`;
}

/** Measures the texts of contents, bytes. */
export function textBytes(contents: readonly Json[]): number {
  const parts = contents.flatMap((one) => (isObject(one) && Array.isArray(one["parts"]) ? one["parts"] : []));
  const texts = parts.map((part) => (isObject(part) ? part["text"] : undefined));
  return texts.reduce<number>((sum, one) => sum + (typeof one === "string" ? Buffer.byteLength(one) : 0), 0);
}
