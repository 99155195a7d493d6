/** Calls in Gemini's answers: parts that are whole. Source: Gemini API reference, "Function calling". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { DecideCalls, StreamGuard, ToolCall } from "../calls/guard.js";
import { CallsRefused } from "../calls/guard.js";

/** What a client isn't to carry out. INVARIANT: a part with anything else in it is a call, known or not. */
const noCalls = new Set([
  ...["text", "thought", "thoughtSignature", "inlineData", "fileData", "executableCode"],
  ...["codeExecutionResult", "videoMetadata", "mediaResolution", "partMetadata", "speechMetadata"],
]);

const isCall = (part: Json): part is JsonObject =>
  isObject(part) && Object.keys(part).some((name) => !noCalls.has(name));

function asCall({ functionCall: call }: JsonObject): ToolCall {
  if (!isObject(call)) return { name: "", arguments: undefined };
  const { name, args = {} } = call;
  // arguments in pieces would be decided on before they are known
  const known = Object.keys(call).every((key) => key === "name" || key === "args" || key === "id");
  return {
    name: typeof name === "string" ? name : "",
    arguments: known && isObject(args) ? args : undefined,
  };
}

function partsOf(candidate: Json): readonly Json[] {
  const { content } = isObject(candidate) ? candidate : {};
  if (content === undefined || content === null) return [];
  const parts = isObject(content) ? (content["parts"] ?? []) : undefined;
  if (!Array.isArray(parts)) throw new CallsRefused("a content that is none");
  return parts;
}

async function whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  const { candidates } = answer;
  if (candidates === undefined || candidates === null) return undefined;
  if (!Array.isArray(candidates)) throw new CallsRefused("candidates that are none");
  const calls = candidates.flatMap(partsOf).filter(isCall);
  if (calls.length === 0) return undefined;
  const refusals = await decide(calls.map(asCall));
  if (refusals.every((refusal) => refusal === undefined)) return undefined;
  const refused = new Map<Json, string | undefined>(calls.map((call, i) => [call, refusals[i]]));
  return {
    ...answer,
    candidates: candidates.map((candidate) => {
      const { content } = isObject(candidate) ? candidate : {};
      if (!isObject(candidate) || !isObject(content)) return candidate;
      const parts = partsOf(candidate).map((part) => {
        const refusal = refused.get(part);
        return refusal === undefined ? part : { text: refusal };
      });
      return { ...candidate, content: { ...content, parts } };
    }),
  };
}

function stream(decide: DecideCalls): StreamGuard {
  return {
    holds: () => false,
    async take({ raw, data }) {
      const left = await whole(data, decide);
      return left === undefined ? raw : `data: ${stringifyJson(left)}\n\n`;
    },
    end: () => Promise.resolve(""),
  };
}

export const geminiCalls = { may: () => true, whole, stream };
