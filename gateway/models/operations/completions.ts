/** OpenAI's `POST /v1/completions`, plain and streamed. Source: OpenAI API reference, "Create completion". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import { limitTokens } from "../../enforce/limit-tokens.js";
import { setParameters } from "../../enforce/set-parameters.js";
import { stopOn } from "../../enforce/stop-on.js";
import { askUsage } from "../../observe/ask-usage.js";
import type { Check } from "../fields.js";
import { count, either, flag, list, number, object, positive, settable, text } from "../fields.js";
import { openai } from "../openai.js";
import { measureTexts } from "./embeddings.js";
import type { Operation } from "./operation.js";
import { isRefusal, pick, plainWords, readBody, toCall } from "./operation.js";

const fields: Readonly<Record<string, Check>> = {
  model: text,
  prompt: either(text, list),
  stream: flag,
  stream_options: object,
  max_tokens: positive,
  temperature: number,
  top_p: number,
  n: positive,
  best_of: positive,
  echo: flag,
  logprobs: count,
  logit_bias: object,
  presence_penalty: number,
  frequency_penalty: number,
  seed: number,
  stop: either(text, list),
  suffix: text,
  user: text,
};

const settables = ["temperature", "top_p", "n", "best_of", "seed", "presence_penalty", "frequency_penalty"];

export const completions: Operation = {
  protocol: "openai",
  speaker: openai,
  classify(value, bytes, models) {
    const body = readBody(value, fields, ["model", "prompt"]);
    if (isRefusal(body)) return body;
    const { model, prompt, stream } = body;
    const measured = measureTexts(prompt);
    if (typeof model !== "string" || measured === undefined || !isStops(body["stop"])) {
      return refuse("invalid_request", "prompt must be texts, or tokens, of one kind; stop texts");
    }
    return toCall(body, bytes, models, {
      ...{ action: "model.invoke", model, stream: stream === true },
      properties: { parameters: pick(body, ["max_tokens", "logprobs", ...settables]) },
      prompt: measured,
    });
  },
  duties: {
    limit_tokens: limitTokens,
    set_parameters: setParameters,
    cap_parameters: capParameters,
    stop_on: stopOn,
  },
  words: {
    ...plainWords(settable(fields, settables), {
      request: ["prompt", "suffix", "user"],
      answer: ["choices"],
    }),
    tokenLimits: ["max_tokens"],
    stop: { field: "stop", most: 4 },
  },
  headers: {},
  path: (base) => (base.pathname === "/" ? "/v1/completions" : "/completions"),
  named: (body: JsonObject, model) => ({ ...body, model }),
  offered: () => [],
  usage: (data, before) => openai.usage(data, before),
  askUsage,
  pieces: ['"text":'],
};

function isStops(stop: Json | undefined): boolean {
  return !Array.isArray(stop) || stop.every((one) => typeof one === "string");
}
