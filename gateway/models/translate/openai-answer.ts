/** OpenAI's chat completion, whole: reading and writing. Source: OpenAI API reference, "The chat completion object". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { Body } from "./body.js";
import type { Finish, ModelAnswer, Part, Usage } from "./canonical.js";
import { Untranslatable } from "./canonical.js";
import { optional, argumentsAt } from "./read-openai.js";

const reasons: Readonly<Record<Finish, string>> = {
  stop: "stop",
  length: "length",
  calls: "tool_calls",
  refused: "content_filter",
};

/** @throws Untranslatable */
export function readOpenAiFinish(reason: string): Finish {
  // servers before tools said so
  if (reason === "function_call") return "calls";
  const found = (Object.keys(reasons) as Finish[]).find((finish) => reasons[finish] === reason);
  if (found === undefined) throw new Untranslatable("finish_reason");
  return found;
}

export const writeOpenAiFinish = (finish: Finish): string => reasons[finish];

/** Reads usage; what isn't counted is nothing. */
export function readOpenAiUsage(usage: Body | undefined): Usage {
  const count = (of: Body | undefined, name: string): number => of?.count(name) ?? 0;
  const cacheRead = usage?.nested("prompt_tokens_details")?.count("cached_tokens");
  const reasoning = usage?.nested("completion_tokens_details")?.count("reasoning_tokens");
  return {
    input: count(usage, "prompt_tokens"),
    output: count(usage, "completion_tokens"),
    ...optional("cacheRead", cacheRead),
    ...optional("reasoning", reasoning),
  };
}

export function writeOpenAiUsage({ input, output, cacheRead, reasoning }: Usage): JsonObject {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(cacheRead === undefined ? {} : { prompt_tokens_details: { cached_tokens: cacheRead } }),
    ...(reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

/** Reads an answer; facts about the server (`system_fingerprint`, `service_tier`, …) aren't part of it. @throws Untranslatable */
export function readOpenAiAnswer(value: Json): ModelAnswer {
  const body = Body.of(value, "");
  const [choice, ...others] = body.items("choices") ?? [];
  const message = choice?.nested("message");
  if (choice === undefined || message === undefined || others.length > 0) throw new Untranslatable("choices");
  const parts: Part[] = [];
  // servers of this protocol that think aloud call it the one or the other; details say the same again
  const [content, plain] = [message.text("reasoning_content"), message.text("reasoning")];
  const thought = content ?? plain;
  message.list("reasoning_details");
  if (thought !== undefined && thought !== "") parts.push({ kind: "thinking", text: thought });
  const text = message.text("content");
  const refusal = message.text("refusal");
  if (text !== undefined && text !== "") parts.push({ kind: "text", text });
  if (refusal !== undefined) parts.push({ kind: "text", text: refusal });
  for (const call of message.items("tool_calls") ?? []) {
    const meant = call.nested("function");
    if (meant === undefined) throw new Untranslatable(call.at("function"));
    const [id, name] = [call.required("id"), meant.required("name")];
    parts.push({
      kind: "call",
      id,
      name,
      arguments: argumentsAt(meant.required("arguments"), meant.at("arguments")),
    });
  }
  if ((message.list("annotations") ?? []).length > 0) throw new Untranslatable(message.at("annotations"));
  for (const name of ["audio", "function_call"]) message.onlyAt(name);
  message.onlyAt("role", "assistant");
  message.end();
  const finish = readOpenAiFinish(choice.required("finish_reason"));
  return {
    id: body.required("id"),
    model: body.required("model"),
    parts,
    finish: refusal === undefined ? finish : "refused",
    usage: readOpenAiUsage(body.nested("usage")),
  };
}

/** @param created epoch seconds */
export function writeOpenAiAnswer(answer: ModelAnswer, created: number): JsonObject {
  const of = <K extends Part["kind"]>(kind: K) =>
    answer.parts.filter((part): part is Extract<Part, { kind: K }> => part.kind === kind);
  const [texts, thoughts, calls] = [of("text"), of("thinking"), of("call")];
  const known = texts.length + thoughts.length + calls.length;
  if (known !== answer.parts.length) throw new Untranslatable("content");
  const message: JsonObject = {
    role: "assistant",
    content: texts.length === 0 ? null : texts.map(({ text }) => text).join(""),
    refusal: null,
    // what servers of this protocol call it that think aloud
    ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.map(({ text }) => text).join("") }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id, name, arguments: given }) => ({
            id,
            type: "function",
            function: { name, arguments: stringifyJson(given) },
          })),
        }),
  };
  return {
    id: answer.id,
    object: "chat.completion",
    created,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: writeOpenAiFinish(answer.finish) }],
    usage: writeOpenAiUsage(answer.usage),
  };
}
