/** OpenAI's `POST /v1/moderations`. Source: OpenAI API reference, "Create moderation". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { Check } from "../fields.js";
import { either, list, text } from "../fields.js";
import { openai } from "../openai.js";
import { measureTexts } from "./embeddings.js";
import type { Operation } from "./operation.js";
import { isRefusal, plainWords, readBody, toCall } from "./operation.js";

/** The model must be named: a provider's default is nobody's to decide on. */
const fields: Readonly<Record<string, Check>> = { model: text, input: either(text, list) };

/** What is looked at: texts, or parts that are texts and images. */
function measure(input: Json | undefined): JsonObject | undefined {
  if (!Array.isArray(input) || !isObject(input[0])) {
    const measured = measureTexts(input);
    return measured?.["tokens"] === undefined ? measured : undefined;
  }
  const texts = input.map((part) => {
    if (!isObject(part)) return undefined;
    const { type, text: words, image_url: image } = part;
    const known = Object.keys(part).every((name) => name === "type" || name === type);
    if (!known) return undefined;
    if (type === "text" && typeof words === "string") return words;
    return type === "image_url" && isObject(image) && typeof image["url"] === "string" ? "" : undefined;
  });
  const parts = texts.filter((one) => one !== undefined);
  if (parts.length < texts.length) return undefined;
  return { count: parts.length, bytes: parts.reduce((sum, one) => sum + Buffer.byteLength(one), 0) };
}

export const moderations: Operation = {
  protocol: "openai",
  speaker: openai,
  classify(value, bytes, models) {
    const body = readBody(value, fields, ["model", "input"]);
    if (isRefusal(body)) return body;
    const { model, input } = body;
    const measured = measure(input);
    if (typeof model !== "string" || measured === undefined) {
      return refuse("invalid_request", "input must be texts, or parts of the types text and image_url");
    }
    return toCall(body, bytes, models, {
      ...{ action: "moderation.create", model, stream: false },
      ...{ properties: measured, prompt: measured },
    });
  },
  duties: {},
  words: plainWords({}, { request: ["input"], answer: [] }),
  headers: {},
  path: (base) => (base.pathname === "/" ? "/v1/moderations" : "/moderations"),
  named: (body, model) => ({ ...body, model }),
  offered: () => [],
  usage: (_answer, before) => before,
};
