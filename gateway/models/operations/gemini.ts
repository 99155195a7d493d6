/** Gemini's `generateContent`, `streamGenerateContent`, `embedContent` and `batchEmbedContents`: the path names the model. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { isCount } from "../openai.js";
import type { Usage } from "../protocol.js";
import { countIn, tokenUsage } from "../../observe/token-usage.js";
import { wrongField } from "../fields.js";
import { geminiCalls } from "./gemini-calls.js";
import { geminiSpeaker } from "./gemini-error.js";
import { embedFields, generateFields, textBytes, wrongContent, wrongPart } from "./gemini-fields.js";
import { geminiDuties, geminiWords, namesOf, settables } from "./gemini-words.js";
import type { Operation } from "./operation.js";
import { isRefusal, pick, plainWords, readBody, toCall } from "./operation.js";

export const geminiPath =
  (verb: string) =>
  (base: URL, model: string): string =>
    `${base.pathname === "/" ? "/v1beta" : ""}/models/${encodeURIComponent(model)}:${verb}`;

function usage({ usageMetadata: said }: JsonObject, before: Usage | undefined): Usage | undefined {
  if (!isObject(said)) return before;
  const count = (name: string): number => (isCount(said[name]) ? said[name] : 0);
  return tokenUsage(
    count("promptTokenCount") + count("toolUsePromptTokenCount"),
    count("candidatesTokenCount") + count("thoughtsTokenCount"),
    {
      cached: countIn(said, "cachedContentTokenCount"),
      reasoning: countIn(said, "thoughtsTokenCount"),
    },
  );
}

export const notPassed = (place: string): string =>
  `${/^[\w.[\]]{1,128}$/.test(place) ? place : "a field"} is missing, unknown or not passed on`;

function generate(stream: boolean): Operation {
  return {
    protocol: "gemini",
    speaker: geminiSpeaker,
    classify(value, bytes, models, model) {
      const body = readBody(value, generateFields, ["contents"]);
      if (isRefusal(body)) return body;
      const wrong = wrongPart(body);
      if (wrong !== undefined) return refuse("invalid_request", notPassed(wrong));
      const { contents, generationConfig: config, tools } = body;
      const list = Array.isArray(contents) ? contents : [];
      const parameters = {
        ...pick(body, ["safetySettings", "serviceTier", "store"]),
        ...(isObject(config) ? pick(config, ["maxOutputTokens", ...settables]) : {}),
        ...(Array.isArray(tools) ? { tools: namesOf(tools) } : {}),
      };
      return toCall(body, bytes, models, {
        ...{ action: "model.invoke", model, stream, properties: { parameters } },
        prompt: { messages: list.length, roles: countRoles(list) },
      });
    },
    duties: geminiDuties,
    words: geminiWords,
    headers: {},
    path: geminiPath(stream ? "streamGenerateContent?alt=sse" : "generateContent"),
    named: (body) => body,
    texts: ({ contents, systemInstruction: system = null, ...others }) => ({
      ...others,
      system,
      messages: toMessages(contents),
    }),
    offered: ({ tools }) => namesOf(tools),
    usage,
    pieces: ['"text":'],
    calls: geminiCalls,
  };
}

/** Says contents as messages, in the words that detectors know. */
function toMessages(contents: Json | undefined): JsonObject[] {
  return (Array.isArray(contents) ? contents : []).filter(isObject).map(({ role = "user", parts }) => ({
    role,
    content: (Array.isArray(parts) ? parts : []).map((part) => {
      if (!isObject(part)) return part;
      const { inlineData, fileData, functionResponse, ...others } = part;
      const medium = inlineData ?? fileData;
      if (isObject(medium)) {
        const { mimeType = null } = medium;
        const type = typeof mimeType === "string" && mimeType.startsWith("image/") ? "image" : "file";
        return { ...others, type, medium, source: { media_type: mimeType } };
      }
      if (functionResponse === undefined) return part;
      return { ...others, type: "function_call_output", output: functionResponse };
    }),
  }));
}

function countRoles(contents: readonly Json[]): JsonObject {
  const roles: Record<string, number> = {};
  for (const content of contents) {
    const { role = "user" } = isObject(content) ? content : {};
    const name = role === "model" || role === "user" || role === "function" ? role : "other";
    roles[name] = (roles[name] ?? 0) + 1;
  }
  return roles;
}

/** Reads what is embedded; the name of a model in it must be the path's. */
function wrongEmbed(request: Json, model: string, place: string): string | undefined {
  if (!isObject(request)) return place;
  const wrong = wrongField(request, embedFields, ["content"]);
  if (wrong !== undefined) return `${place}.${wrong}`;
  const { model: named = null, content = null } = request;
  if (named !== null && named !== `models/${model}`) return `${place}.model`;
  return wrongContent(content, `${place}.content`);
}

export const renamed = (request: Json, model: string): Json =>
  isObject(request) && typeof request["model"] === "string"
    ? { ...request, model: `models/${model}` }
    : request;

function embed(batch: boolean): Operation {
  return {
    protocol: "gemini",
    speaker: geminiSpeaker,
    classify(value, bytes, models, model) {
      const body = readBody(
        value,
        batch ? { requests: Array.isArray } : embedFields,
        batch ? ["requests"] : ["content"],
      );
      if (isRefusal(body)) return body;
      const list = batch && Array.isArray(body["requests"]) ? body["requests"] : [body];
      const wrong =
        list.length === 0
          ? "requests"
          : list.map((one, i) => wrongEmbed(one, model, `requests[${i}]`)).find((one) => one !== undefined);
      if (wrong !== undefined) return refuse("invalid_request", notPassed(wrong));
      const requests = list.filter(isObject);
      const asked = requests.map((one) => one["outputDimensionality"]).filter(isCount);
      const measured = {
        count: requests.length,
        bytes: textBytes(requests.map((one) => one["content"] ?? null)),
      };
      const parameters = asked.length === 0 ? {} : { dimensions: Math.max(...asked) };
      return toCall(body, bytes, models, {
        ...{ action: "embedding.create", model, stream: false },
        ...{ properties: { ...measured, parameters }, prompt: measured },
      });
    },
    duties: {},
    words: plainWords({}, { request: ["content", "requests", "title"], answer: [] }),
    headers: {},
    path: geminiPath(batch ? "batchEmbedContents" : "embedContent"),
    named: (body, model) =>
      Array.isArray(body["requests"])
        ? { ...body, requests: body["requests"].map((one) => renamed(one, model)) }
        : (renamed(body, model) as JsonObject),
    offered: () => [],
    usage,
  };
}

export const geminiGenerate = generate(false);
export const geminiStream = generate(true);
export const geminiEmbed = embed(false);
export const geminiEmbedBatch = embed(true);
