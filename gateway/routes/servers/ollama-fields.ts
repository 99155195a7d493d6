/** The fields of Ollama's API that are passed on, and what each must be. Source: Ollama, "API". */
import type { ActionName, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import type { Duty, Words } from "../../enforce/duty.js";
import { filterTools } from "../../enforce/filter-tools.js";
import { limitTokens } from "../../enforce/limit-tokens.js";
import { requireSystemPrompt } from "../../enforce/require-system-prompt.js";
import { setParameters } from "../../enforce/set-parameters.js";
import { stopOn } from "../../enforce/stop-on.js";
import type { Check } from "../../models/fields.js";
import { either, flag, list, number, object, positive, text } from "../../models/fields.js";

/** What a model is run with (`options`); `num_gpu` and the like are the server's own affairs. */
const optionFields: Readonly<Record<string, Check>> = {
  ...{ num_predict: number, temperature: number, top_k: number, top_p: number, min_p: number, tfs_z: number },
  ...{ typical_p: number, repeat_last_n: number, repeat_penalty: number, presence_penalty: number },
  ...{
    frequency_penalty: number,
    mirostat: number,
    mirostat_tau: number,
    mirostat_eta: number,
    seed: number,
  },
  ...{ stop: either(list, text), num_ctx: positive, num_keep: number, penalize_newline: flag },
};
export const isOption = (name: string): boolean => Object.hasOwn(optionFields, name);
export const optionFits = (name: string, value: Parameters<Check>[0]): boolean =>
  value === null || optionFields[name]?.(value) === true;

const run = {
  ...{
    model: text,
    stream: flag,
    options: object,
    keep_alive: either(text, number),
    format: either(text, object),
  },
  ...{ think: either(flag, text), logprobs: flag, top_logprobs: number },
};
const embed = { model: text, options: object, keep_alive: either(text, number) };
// clients of today still send the older `name`
const named = { model: text, name: text };

export interface OllamaPath {
  readonly action: ActionName;
  readonly fields: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
  /** Whether its answer is a stream unless the request says no. */
  readonly streams: boolean;
  /** What the route must list: a model to use; administration names what isn't there yet. */
  readonly administers?: true;
  readonly method?: "DELETE";
  /** Fields that policy sees. */
  readonly parameters: readonly string[];
}

export const ollamaPaths: Readonly<Record<string, OllamaPath>> = {
  chat: {
    action: "model.invoke",
    fields: { ...run, messages: list, tools: list },
    required: ["model", "messages"],
    streams: true,
    parameters: ["keep_alive", "format", "think"],
  },
  generate: {
    action: "model.invoke",
    fields: {
      ...run,
      prompt: text,
      suffix: text,
      images: list,
      system: text,
      template: text,
      context: list,
      raw: flag,
    },
    required: ["model"],
    streams: true,
    parameters: ["keep_alive", "format", "think", "raw", "template"],
  },
  embed: {
    action: "embedding.create",
    fields: { ...embed, input: either(text, list), truncate: flag, dimensions: positive },
    required: ["model", "input"],
    streams: false,
    parameters: ["keep_alive", "truncate", "dimensions"],
  },
  embeddings: {
    action: "embedding.create",
    fields: { ...embed, prompt: text },
    required: ["model", "prompt"],
    streams: false,
    parameters: ["keep_alive"],
  },
  show: {
    action: "model.show",
    fields: { ...named, verbose: flag },
    required: [],
    streams: false,
    parameters: ["verbose"],
  },
  pull: {
    action: "model.pull",
    fields: { ...named, stream: flag, insecure: flag },
    required: [],
    streams: true,
    administers: true,
    parameters: ["insecure"],
  },
  push: {
    action: "model.push",
    fields: { ...named, stream: flag, insecure: flag },
    required: [],
    streams: true,
    administers: true,
    parameters: ["insecure"],
  },
  create: {
    action: "model.create",
    // no `files`, no `adapters`: they name blobs, which have no door here
    fields: {
      ...{ ...named, from: text, stream: flag, quantize: text, system: text, template: text },
      ...{ parameters: object, license: either(text, list), messages: list },
    },
    required: ["from"],
    streams: true,
    administers: true,
    parameters: ["from", "quantize", "system", "template", "parameters"],
  },
  copy: {
    action: "model.copy",
    fields: { source: text, destination: text },
    required: ["source", "destination"],
    streams: false,
    administers: true,
    parameters: ["source"],
  },
  delete: {
    action: "model.delete",
    fields: named,
    required: [],
    streams: false,
    administers: true,
    method: "DELETE",
    parameters: [],
  },
};

const toolName = ({ function: named }: JsonObject) => (isObject(named) ? named["name"] : undefined);
const settable = ["temperature", "top_k", "top_p", "min_p", "seed", "num_ctx", "repeat_penalty"];

/** In these, `options` stand at the body's top. */
export const ollamaWords: Words = {
  tokenLimits: ["num_predict"],
  parameters: Object.fromEntries(
    settable.flatMap((name) => (optionFields[name] === undefined ? [] : [[name, optionFields[name]]])),
  ),
  stop: { field: "stop", most: 32 },
  tools: { tools: toolName },
  chosenTool: () => undefined,
  toolFields: [],
  withInstructions(body, text) {
    const { messages, system } = body;
    if (Array.isArray(messages))
      return { ...body, messages: [{ role: "system", content: text }, ...messages] };
    return { ...body, system: typeof system === "string" ? `${text}\n\n${system}` : text };
  },
};

/** A limit below 1 is none in Ollama (-1, -2): it is lowered as if it weren't given. */
const limit: Duty<Words> = (body, properties, words) => {
  const { num_predict: given, ...others } = body;
  return limitTokens(typeof given === "number" && given >= 1 ? body : others, properties, words);
};

export const ollamaDuties: Readonly<Record<string, Duty<Words>>> = {
  limit_tokens: limit,
  set_parameters: setParameters,
  cap_parameters: capParameters,
  filter_tools: filterTools,
  require_system_prompt: requireSystemPrompt,
  stop_on: stopOn,
};
