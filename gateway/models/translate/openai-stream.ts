/** OpenAI's chat completion chunks ⇄ {@link AnswerEvent}. Source: OpenAI API reference, "The chat completion chunk object". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { Body } from "./body.js";
import type { AnswerEvent, Finish } from "./canonical.js";
import { Untranslatable } from "./canonical.js";
import { readOpenAiFinish, readOpenAiUsage, writeOpenAiFinish, writeOpenAiUsage } from "./openai-answer.js";

/** Reads one chunk after the other. */
export interface StreamReader {
  /** @throws Untranslatable */
  read(data: Json): AnswerEvent[];
  /** What is left to say once the stream is over. */
  end(): AnswerEvent[];
}

/** Creates the reader of chunks (`[DONE]` isn't one: it is the caller's to see). */
export function createOpenAiReader(): StreamReader {
  let begun = false;
  let parts = 0;
  /** The part that is being written, and what it is: text, thinking, or the call of this number. */
  let open: { readonly index: number; readonly what: "text" | "thinking" | number } | undefined;
  const calls = new Set<number>();
  let finish: Finish | undefined;
  let refused = false;

  const close = (): AnswerEvent[] => {
    if (open === undefined) return [];
    const { index } = open;
    open = undefined;
    return [{ kind: "partEnd", index }];
  };
  const write = (what: "text" | "thinking", text: string): AnswerEvent[] => {
    const events: AnswerEvent[] = [];
    if (open?.what !== what) {
      events.push(...close());
      open = { index: parts++, what };
      events.push({ kind: "part", index: open.index, part: { kind: what } });
    }
    events.push({ kind: "delta", index: open.index, text });
    return events;
  };
  const readCall = (call: Body): AnswerEvent[] => {
    const number = call.count("index") ?? 0;
    const meant = call.nested("function");
    const text = meant?.text("arguments") ?? "";
    const events: AnswerEvent[] = [];
    if (open?.what !== number) {
      // an earlier call that goes on can't be told by a protocol that ends one before the next
      if (calls.has(number)) throw new Untranslatable("tool_calls.index");
      calls.add(number);
      events.push(...close());
      open = { index: parts++, what: number };
      const part = { kind: "call", id: call.required("id"), name: meant?.required("name") ?? "" } as const;
      events.push({ kind: "part", index: open.index, part });
    }
    if (text !== "") events.push({ kind: "delta", index: open.index, text });
    return events;
  };

  return {
    read(data) {
      const chunk = Body.of(data, "");
      const events: AnswerEvent[] = [];
      const choices = chunk.items("choices") ?? [];
      // Azure tells first what its filters found in the prompt: of no answer yet, and in nobody's name
      if (!begun && choices.length === 0 && chunk.text("id") === "") return events;
      if (!begun) {
        begun = true;
        events.push({ kind: "begin", id: chunk.required("id"), model: chunk.required("model") });
      }
      for (const choice of choices) {
        choice.onlyAt("index", 0);
        const delta = choice.nested("delta");
        const thought = delta?.text("reasoning_content") ?? delta?.text("reasoning");
        const text = delta?.text("content");
        const refusal = delta?.text("refusal");
        if (thought !== undefined && thought !== "") events.push(...write("thinking", thought));
        if (text !== undefined && text !== "") events.push(...write("text", text));
        if (refusal !== undefined && refusal !== "") {
          refused = true;
          events.push(...write("text", refusal));
        }
        for (const call of delta?.items("tool_calls") ?? []) events.push(...readCall(call));
        const reason = choice.text("finish_reason");
        if (reason !== undefined) {
          finish = readOpenAiFinish(reason);
          events.push(...close(), { kind: "finish", finish: refused ? "refused" : finish });
        }
      }
      const usage = chunk.nested("usage");
      if (usage !== undefined) events.push({ kind: "usage", usage: readOpenAiUsage(usage) });
      return events;
    },
    end() {
      // a stream that never said why it ended was cut
      if (finish === undefined) throw new Untranslatable("finish_reason");
      return [{ kind: "end" }];
    },
  };
}

/** Creates the writer of server-sent events; `usage`: whether the client asked for it. @param created epoch seconds */
export function createOpenAiWriter(created: number, usage: boolean): (event: AnswerEvent) => string {
  let head: JsonObject = {};
  const calls = new Map<number, number>();
  const thinking = new Set<number>();
  const chunk = (delta: JsonObject, finish: string | null = null): string =>
    data({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
  return (event) => {
    switch (event.kind) {
      case "begin":
        head = { id: event.id, object: "chat.completion.chunk", created, model: event.model };
        return chunk({ role: "assistant", content: "" });
      case "part": {
        const { part, index } = event;
        if (part.kind === "thinking") thinking.add(index);
        if (part.kind !== "call") return "";
        const number = calls.size;
        calls.set(index, number);
        const { id, name } = part;
        return chunk({
          tool_calls: [{ index: number, id, type: "function", function: { name, arguments: "" } }],
        });
      }
      case "delta": {
        const number = calls.get(event.index);
        if (number !== undefined) {
          return chunk({ tool_calls: [{ index: number, function: { arguments: event.text } }] });
        }
        return chunk(thinking.has(event.index) ? { reasoning_content: event.text } : { content: event.text });
      }
      case "finish":
        return (
          chunk({}, writeOpenAiFinish(event.finish)) +
          (usage && event.usage !== undefined ? last(head, event.usage) : "")
        );
      case "usage":
        return usage ? last(head, event.usage) : "";
      case "end":
        return "data: [DONE]\n\n";
      // nothing of this protocol says so
      case "signature":
      case "partEnd":
        return "";
    }
  };
}

function last(head: JsonObject, usage: Parameters<typeof writeOpenAiUsage>[0]): string {
  return data({ ...head, choices: [], usage: writeOpenAiUsage(usage) });
}

function data(value: JsonObject): string {
  return `data: ${stringifyJson(value)}\n\n`;
}
