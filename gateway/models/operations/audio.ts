/** OpenAI's `POST /v1/audio/{speech,transcriptions,translations}`. Source: OpenAI API reference, "Audio". */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import { setParameters } from "../../enforce/set-parameters.js";
import type { Check } from "../fields.js";
import { number, settable, text } from "../fields.js";
import { isCount, openai } from "../openai.js";
import type { Operation } from "./operation.js";
import { isRefusal, pick, plainWords, readBody, toCall } from "./operation.js";
import type { FieldKind } from "./read-upload.js";
import type { UploadOperation } from "./upload.js";

const duties = { set_parameters: setParameters, cap_parameters: capParameters };

/** A voice of one's own is an object that names what the provider keeps: not passed on. */
const speechFields: Readonly<Record<string, Check>> = {
  model: text,
  input: text,
  voice: text,
  instructions: text,
  response_format: text,
  speed: number,
  stream_format: (value) => value === "audio" || value === "sse",
};

export const speech: Operation = {
  ...{ protocol: "openai", speaker: openai, headers: {}, duties },
  classify(value, bytes, models) {
    const body = readBody(value, speechFields, ["model", "input", "voice"]);
    if (isRefusal(body)) return body;
    const { model, input, stream_format: format } = body;
    if (typeof model !== "string" || typeof input !== "string")
      return refuse("invalid_request", "model and input are required");
    const measured = { bytes: Buffer.byteLength(input) };
    return toCall(body, bytes, models, {
      ...{ action: "speech.create", model, stream: format === "sse", prompt: measured },
      properties: { ...measured, parameters: pick(body, ["voice", "response_format", "speed"]) },
    });
  },
  words: plainWords(settable(speechFields, ["voice", "response_format", "speed"]), {
    request: ["input", "instructions"],
    answer: [],
  }),
  path: (base) => (base.pathname === "/" ? "/v1/audio/speech" : "/audio/speech"),
  named: (body, model) => ({ ...body, model }),
  offered: () => [],
  usage,
  media: (type) => type.startsWith("audio/") || type === "application/octet-stream",
};

const shared: Readonly<Record<string, FieldKind>> = {
  model: "text",
  prompt: "text",
  response_format: "text",
  temperature: "number",
};
const transcriptionFields: Readonly<Record<string, FieldKind>> = {
  ...shared,
  language: "text",
  stream: "flag",
  chunking_strategy: "text",
  "chunking_strategy[type]": "text",
  "chunking_strategy[prefix_padding_ms]": "number",
  "chunking_strategy[silence_duration_ms]": "number",
  "chunking_strategy[threshold]": "number",
  "timestamp_granularities[]": "texts",
  "include[]": "texts",
  "known_speaker_names[]": "texts",
};

function listen(
  what: "transcriptions" | "translations",
  fields: Readonly<Record<string, FieldKind>>,
): UploadOperation {
  return {
    ...{ protocol: "openai", speaker: openai, headers: {}, duties, usage },
    action: what === "transcriptions" ? "transcription.create" : "translation.create",
    shape: { fields, required: ["model"], files: ["file"], streams: true },
    parameters: ["response_format", "temperature", "language"],
    // how it is answered was chosen before it was decided
    words: plainWords(
      { temperature: number },
      { request: ["prompt"], answer: ["text", "segments", "words"] },
    ),
    path: (base) => (base.pathname === "/" ? `/v1/audio/${what}` : `/audio/${what}`),
    media({ response_format: format, stream }) {
      const plain = format === "text" || format === "srt" || format === "vtt";
      return plain && stream !== true ? (type) => /^text\/(?:plain|vtt|srt)$/.test(type) : undefined;
    },
  };
}

export const transcription = listen("transcriptions", transcriptionFields);
export const translation = listen("translations", shared);

function usage({ usage: said }: JsonObject, before: ReturnType<Operation["usage"]>): typeof before {
  if (!isObject(said)) return before;
  const { input_tokens: input, output_tokens: output } = said;
  return isCount(input) && isCount(output) ? { input_tokens: input, output_tokens: output } : before;
}
