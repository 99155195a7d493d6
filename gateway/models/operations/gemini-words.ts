/** The words that obligations are carried out in on Gemini's requests. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { capParameters } from "../../enforce/cap-parameters.js";
import type { Duty, Words } from "../../enforce/duty.js";
import { filterTools } from "../../enforce/filter-tools.js";
import { limitTokens } from "../../enforce/limit-tokens.js";
import { requireSystemPrompt } from "../../enforce/require-system-prompt.js";
import { setParameters } from "../../enforce/set-parameters.js";
import { stopOn } from "../../enforce/stop-on.js";
import { settable } from "../fields.js";
import { configFields } from "./gemini-fields.js";

export const settables = [
  ...["temperature", "topP", "topK", "candidateCount", "presencePenalty", "frequencyPenalty", "seed"],
  ...["logprobs", "thinkingConfig", "responseModalities", "mediaResolution"],
];

/** Names what a tool of one declaration is: the function, or the provider's own. */
function toolName(tool: JsonObject): Json | undefined {
  const { functionDeclarations: declared } = tool;
  const [first] = Array.isArray(declared) ? declared : [];
  return isObject(first) ? first["name"] : Object.keys(tool)[0];
}

export const geminiWords: Words = {
  tokenLimits: ["maxOutputTokens"],
  parameters: settable(configFields, settables),
  stop: { field: "stopSequences", most: 5 },
  tools: { tools: toolName },
  chosenTool({ toolConfig }) {
    const calling = isObject(toolConfig) ? toolConfig["functionCallingConfig"] : undefined;
    const names = isObject(calling) ? calling["allowedFunctionNames"] : undefined;
    // a choice among several isn't looked into
    return names === undefined || names === null ? undefined : "";
  },
  toolFields: ["toolConfig"],
  said: { request: ["contents", "systemInstruction"], answer: ["candidates"] },
  withInstructions(body, text) {
    const { systemInstruction: before } = body;
    const parts = isObject(before) && Array.isArray(before["parts"]) ? before["parts"] : [];
    return {
      ...body,
      systemInstruction: { ...(isObject(before) ? before : {}), parts: [{ text }, ...parts] },
    };
  },
};

/** Splits tools so that each is one function, or one thing that the provider does. */
export function splitTools(tools: Json | undefined): JsonObject[] {
  return (Array.isArray(tools) ? tools : []).flatMap((tool) => {
    if (!isObject(tool)) return [];
    const { functionDeclarations: declared, ...others } = tool;
    return [
      ...(Array.isArray(declared) ? declared.map((one) => ({ functionDeclarations: [one] })) : []),
      ...Object.entries(others).map(([name, value]) => ({ [name]: value })),
    ];
  });
}

/** Puts functions together again: servers take several tools of functions for a mistake. */
function joinTools(tools: readonly Json[]): Json[] {
  const all = tools.filter(isObject);
  const declared = all.flatMap(({ functionDeclarations: one }) => (Array.isArray(one) ? one : []));
  const others = all.filter((tool) => tool["functionDeclarations"] === undefined);
  return [...(declared.length === 0 ? [] : [{ functionDeclarations: declared }]), ...others];
}

/** Names what a body lets the model use. */
export function namesOf(tools: Json | undefined): string[] {
  return splitTools(tools)
    .map(toolName)
    .filter((name) => typeof name === "string");
}

/** Carries a duty out where parameters are. */
const within =
  (duty: Duty<Words>): Duty<Words> =>
  (body, properties, words) => {
    const { generationConfig: config } = body;
    const done = duty(isObject(config) ? config : {}, properties, words);
    return done === undefined ? undefined : { ...body, generationConfig: done };
  };

const onTools: Duty<Words> = (body, properties, words) => {
  const { tools } = body;
  const split = Array.isArray(tools) ? { ...body, tools: splitTools(tools) } : body;
  const done = filterTools(split, properties, words);
  if (done === undefined || !Array.isArray(done["tools"])) return done;
  return { ...done, tools: joinTools(done["tools"]) };
};

export const geminiDuties: Readonly<Record<string, Duty<Words>>> = {
  limit_tokens: within(limitTokens),
  set_parameters: within(setParameters),
  cap_parameters: within(capParameters),
  stop_on: within(stopOn),
  filter_tools: onTools,
  require_system_prompt: requireSystemPrompt,
};
