/** Gemini's `models/{m}:countTokens`. Source: Gemini API reference, "Counting tokens". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { list, object, text } from "../fields.js";
import { geminiPath, notPassed, renamed } from "./gemini.js";
import { geminiSpeaker } from "./gemini-error.js";
import { generateFields, textBytes, wrongPart } from "./gemini-fields.js";
import { namesOf } from "./gemini-words.js";
import type { Operation } from "./operation.js";
import { isRefusal, plainWords, readBody, toCall } from "./operation.js";

const fields = { contents: list, generateContentRequest: object };
const inner = { ...generateFields, model: text };

export const geminiCount: Operation = {
  ...{ protocol: "gemini", speaker: geminiSpeaker, duties: {}, words: plainWords({}), headers: {} },
  classify(value, bytes, models, model) {
    const body = readBody(value, fields, []);
    if (isRefusal(body)) return body;
    const { contents, generateContentRequest: request } = body;
    // one of both: who reads which isn't known
    if ((contents === undefined) === (request === undefined))
      return refuse("invalid_request", "give one of contents and generateContentRequest");
    const asked = isObject(request) ? readBody(request, inner, ["contents"]) : body;
    if (isRefusal(asked)) return asked;
    const { model: named = null } = asked;
    if (named !== null && named !== `models/${model}`)
      return refuse("invalid_request", notPassed("generateContentRequest.model"));
    const wrong = wrongPart(asked);
    if (wrong !== undefined) return refuse("invalid_request", notPassed(wrong));
    const all: readonly Json[] = Array.isArray(asked["contents"]) ? asked["contents"] : [];
    return toCall(body, bytes, models, {
      ...{ action: "model.count_tokens", model, stream: false },
      properties: { parameters: { tools: namesOf(asked["tools"]) } },
      prompt: { messages: all.length, bytes: textBytes(all) },
    });
  },
  path: geminiPath("countTokens"),
  named(body, model): JsonObject {
    const { generateContentRequest: request } = body;
    return request === undefined ? body : { ...body, generateContentRequest: renamed(request, model) };
  },
  offered: () => [],
  // what was counted wasn't read by a model
  usage: (_answer, before) => before,
};

/** Writes the list of models, or one of them, as Gemini's clients read it. */
export function geminiModels(models: readonly { readonly id: string }[], one: boolean): JsonObject {
  const listed = models.map(({ id }): JsonObject => {
    const supportedGenerationMethods = [
      ...["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"],
    ];
    return { name: `models/${id}`, displayName: id, supportedGenerationMethods };
  });
  const [first] = listed;
  return one && first !== undefined ? first : { models: listed };
}
