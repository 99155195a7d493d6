/** OpenAI's `POST /v1/embeddings`. Source: OpenAI API reference, "Create embeddings". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import { setParameters } from "../../enforce/set-parameters.js";
import type { Check } from "../fields.js";
import { count, either, list, positive, settable, text } from "../fields.js";
import { isCount, openai } from "../openai.js";
import type { Operation } from "./operation.js";
import { isRefusal, pick, plainWords, readBody, toCall } from "./operation.js";

const fields: Readonly<Record<string, Check>> = {
  model: text,
  input: either(text, list),
  dimensions: positive,
  encoding_format: (value) => value === "float" || value === "base64",
  user: text,
};

/** Measures texts, or tokens: how many pieces, and their size. Undefined where they aren't of one kind. */
export function measureTexts(input: Json | undefined): JsonObject | undefined {
  if (typeof input === "string") return { count: 1, bytes: Buffer.byteLength(input) };
  if (!Array.isArray(input) || input.length === 0) return undefined;
  if (input.every((piece) => typeof piece === "string")) {
    return { count: input.length, bytes: input.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0) };
  }
  if (input.every(isToken)) return { count: 1, bytes: 0, tokens: input.length };
  if (!input.every((piece) => Array.isArray(piece) && piece.length > 0 && piece.every(isToken)))
    return undefined;
  const tokens = input.reduce((sum: number, piece) => sum + (piece as Json[]).length, 0);
  return { count: input.length, bytes: 0, tokens };
}

const isToken = (value: Json): boolean => count(value);

export const embeddings: Operation = {
  protocol: "openai",
  speaker: openai,
  classify(value, bytes, models) {
    const body = readBody(value, fields, ["model", "input"]);
    if (isRefusal(body)) return body;
    const { model } = body;
    const measured = measureTexts(body["input"]);
    if (typeof model !== "string" || measured === undefined) {
      return refuse("invalid_request", "input must be texts, or tokens, of one kind");
    }
    const parameters = pick(body, ["dimensions", "encoding_format"]);
    return toCall(body, bytes, models, {
      ...{ action: "embedding.create", model, stream: false },
      properties: { ...measured, parameters },
      prompt: measured,
    });
  },
  duties: { set_parameters: setParameters, cap_parameters: capParameters },
  words: plainWords(settable(fields, ["dimensions", "encoding_format"]), {
    request: ["input", "user"],
    answer: [],
  }),
  headers: {},
  path: (base) => (base.pathname === "/" ? "/v1/embeddings" : "/embeddings"),
  named: (body, model) => ({ ...body, model }),
  offered: () => [],
  usage({ usage }, before) {
    if (!isObject(usage)) return before;
    const { prompt_tokens: input } = usage;
    return isCount(input) ? { input_tokens: input, output_tokens: 0 } : before;
  },
};
