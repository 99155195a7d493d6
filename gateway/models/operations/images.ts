/** OpenAI's `POST /v1/images/generations`, plain and streamed. Source: OpenAI API reference, "Create image". */
import { isObject, refuse } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import { setParameters } from "../../enforce/set-parameters.js";
import type { Check } from "../fields.js";
import { count, flag, positive, settable, text } from "../fields.js";
import { isCount, openai } from "../openai.js";
import type { Operation } from "./operation.js";
import { isRefusal, pick, plainWords, readBody, toCall } from "./operation.js";

const fields: Readonly<Record<string, Check>> = {
  model: text,
  prompt: text,
  n: positive,
  size: text,
  quality: text,
  style: text,
  background: text,
  moderation: text,
  output_format: text,
  output_compression: count,
  partial_images: count,
  response_format: text,
  stream: flag,
  user: text,
};
const settables = ["n", "size", "quality", "style", "background", "moderation", "output_format"];

export const images: Operation = {
  protocol: "openai",
  speaker: openai,
  classify(value, bytes, models) {
    // a provider's default model is nobody's to decide on
    const body = readBody(value, fields, ["model", "prompt"]);
    if (isRefusal(body)) return body;
    const { model, prompt, stream, n } = body;
    if (typeof model !== "string" || typeof prompt !== "string") {
      return refuse("invalid_request", "model and prompt are required");
    }
    const measured = { count: isCount(n) ? n : 1, bytes: Buffer.byteLength(prompt) };
    return toCall(body, bytes, models, {
      ...{ action: "image.create", model, stream: stream === true },
      ...{ properties: { ...measured, parameters: pick(body, settables) }, prompt: measured },
    });
  },
  duties: { set_parameters: setParameters, cap_parameters: capParameters },
  words: plainWords(settable(fields, settables), { request: ["prompt", "user"], answer: [] }),
  headers: {},
  path: (base) => (base.pathname === "/" ? "/v1/images/generations" : "/images/generations"),
  named: (body, model) => ({ ...body, model }),
  offered: () => [],
  usage({ usage }, before) {
    if (!isObject(usage)) return before;
    const { input_tokens: input, output_tokens: output } = usage;
    return isCount(input) && isCount(output) ? { input_tokens: input, output_tokens: output } : before;
  },
};
