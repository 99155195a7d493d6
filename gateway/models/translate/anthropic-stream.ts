/** Anthropic's stream of a message ⇄ {@link AnswerEvent}. Source: Anthropic API reference, "Streaming messages". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import {
  readAnthropicFinish,
  readAnthropicUsage,
  writeAnthropicFinish,
  writeAnthropicUsage,
} from "./anthropic-answer.js";
import { Body } from "./body.js";
import type { AnswerEvent, BegunPart, Usage } from "./canonical.js";
import { Untranslatable } from "./canonical.js";
import type { StreamReader } from "./openai-stream.js";

/** Creates the reader of events, by the `type` in their data. */
export function createAnthropicReader(): StreamReader {
  let usage: Usage | undefined;
  let ended = false;
  return {
    read(value) {
      const data = Body.of(value, "");
      const type = data.required("type");
      switch (type) {
        case "ping":
          return [];
        case "message_start": {
          const message = data.nested("message");
          if (message === undefined) throw new Untranslatable("message");
          usage = readAnthropicUsage(message.nested("usage"));
          return [{ kind: "begin", id: message.required("id"), model: message.required("model"), usage }];
        }
        case "content_block_start":
          return readStart(data);
        case "content_block_delta":
          return readDelta(data);
        case "content_block_stop":
          return [{ kind: "partEnd", index: index(data) }];
        case "message_delta": {
          const delta = data.nested("delta");
          usage = readAnthropicUsage(data.nested("usage"), usage);
          const finish = readAnthropicFinish(delta?.required("stop_reason") ?? "");
          const stopped = delta?.text("stop_sequence");
          return [{ kind: "finish", finish, ...(stopped === undefined ? {} : { stopped }), usage }];
        }
        case "message_stop":
          ended = true;
          return [];
        default:
          throw new Untranslatable("type");
      }
    },
    end() {
      // a stream that never said that it ended was cut
      if (!ended) throw new Untranslatable("message_stop");
      return [{ kind: "end" }];
    },
  };
}

function index(data: Body): number {
  const found = data.count("index");
  if (found === undefined) throw new Untranslatable("index");
  return found;
}

function readStart(data: Body): AnswerEvent[] {
  const at = index(data);
  const block = data.nested("content_block");
  const type = block?.required("type");
  let part: BegunPart;
  if (type === "text" || type === "thinking") part = { kind: type };
  else if (block !== undefined && type === "tool_use") {
    part = { kind: "call", id: block.required("id"), name: block.required("name") };
  } else throw new Untranslatable("content_block.type");
  // a block may begin with some of its text
  const text = type === "tool_use" ? "" : (block?.text(type) ?? "");
  const begun: AnswerEvent = { kind: "part", index: at, part };
  return text === "" ? [begun] : [begun, { kind: "delta", index: at, text }];
}

const deltas: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  input_json_delta: "partial_json",
};

function readDelta(data: Body): AnswerEvent[] {
  const at = index(data);
  const delta = data.nested("delta");
  const type = delta?.required("type") ?? "";
  if (delta === undefined) throw new Untranslatable("delta");
  if (type === "signature_delta") {
    return [{ kind: "signature", index: at, signature: delta.required("signature") }];
  }
  const field = Object.hasOwn(deltas, type) ? deltas[type] : undefined;
  if (field === undefined) throw new Untranslatable("delta.type");
  const text = delta.required(field);
  return text === "" ? [] : [{ kind: "delta", index: at, text }];
}

/** Creates the writer of server-sent events. */
export function createAnthropicWriter(): (event: AnswerEvent) => string {
  const kinds = new Map<number, BegunPart["kind"]>();
  /** Held back: usage may come after the reason, and this protocol tells both in one event. */
  let finish: Extract<AnswerEvent, { kind: "finish" }> | undefined;
  let usage: Usage = { input: 0, output: 0 };
  return (event) => {
    switch (event.kind) {
      case "begin":
        usage = event.usage ?? usage;
        return named("message_start", {
          message: {
            ...{ id: event.id, type: "message", role: "assistant", model: event.model, content: [] },
            ...{ stop_reason: null, stop_sequence: null, usage: writeAnthropicUsage(usage) },
          },
        });
      case "part": {
        const { part, index: at } = event;
        kinds.set(at, part.kind);
        return named("content_block_start", { index: at, content_block: emptyBlock(part) });
      }
      case "delta":
        return named("content_block_delta", {
          index: event.index,
          delta: writeDelta(kinds.get(event.index), event.text),
        });
      case "signature":
        return named("content_block_delta", {
          index: event.index,
          delta: { type: "signature_delta", signature: event.signature },
        });
      case "partEnd":
        return named("content_block_stop", { index: event.index });
      case "finish":
        finish = event;
        usage = event.usage ?? usage;
        return "";
      case "usage":
        usage = event.usage;
        return "";
      case "end":
        return (
          named("message_delta", {
            delta: writeAnthropicFinish(finish?.finish ?? "stop", finish?.stopped),
            usage: writeAnthropicUsage(usage),
          }) + named("message_stop", {})
        );
    }
  };
}

function emptyBlock(part: BegunPart): JsonObject {
  switch (part.kind) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: {} };
  }
}

function writeDelta(kind: BegunPart["kind"] | undefined, text: string): JsonObject {
  if (kind === "call") return { type: "input_json_delta", partial_json: text };
  return kind === "thinking" ? { type: "thinking_delta", thinking: text } : { type: "text_delta", text };
}

function named(type: string, members: Record<string, Json>): string {
  return `event: ${type}\ndata: ${stringifyJson({ type, ...members })}\n\n`;
}
