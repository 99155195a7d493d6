/** Bedrock's Converse → answers. Source: Amazon Bedrock API Reference, "Converse", "ConverseStream". */
import type { Json } from "../../../sidecar/contract.js";
import { Body } from "../../models/translate/body.js";
import type {
  AnswerEvent,
  BegunPart,
  Finish,
  ModelAnswer,
  Part,
  Usage,
} from "../../models/translate/canonical.js";
import { Untranslatable } from "../../models/translate/canonical.js";
import { optional } from "../../models/translate/read-openai.js";

const reasons: Readonly<Record<string, Finish>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "calls",
  content_filtered: "refused",
  guardrail_intervened: "refused",
};

function readReason(reason: string): Finish {
  const finish = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
  if (finish === undefined) throw new Untranslatable("stopReason");
  return finish;
}

/** What came from a cache, or went there, is counted apart. */
function readUsage(usage: Body | undefined): Usage {
  const count = (name: string): number | undefined => usage?.count(name);
  const [read, written] = [count("cacheReadInputTokens"), count("cacheWriteInputTokens")];
  return {
    input: (count("inputTokens") ?? 0) + (read ?? 0) + (written ?? 0),
    output: count("outputTokens") ?? 0,
    ...optional("cacheRead", read),
    ...optional("cacheWritten", written),
  };
}

/** Who answers: Bedrock says neither. */
export interface Named {
  readonly id: string;
  readonly model: string;
}

/** @throws Untranslatable */
export function readConverse(value: Json, named: Named): ModelAnswer {
  const body = Body.of(value, "");
  const message = body.nested("output")?.nested("message");
  if (message === undefined) throw new Untranslatable("output");
  return {
    ...named,
    parts: (message.items("content") ?? []).map(readBlock),
    finish: readReason(body.required("stopReason")),
    usage: readUsage(body.nested("usage")),
  };
}

function readBlock(block: Body): Part {
  const text = block.text("text");
  const call = block.nested("toolUse");
  const thought = block.nested("reasoningContent")?.nested("reasoningText");
  block.end();
  if (text !== undefined) return { kind: "text", text };
  if (call !== undefined) {
    call.onlyAt("type");
    const [id, name] = [call.required("toolUseId"), call.required("name")];
    return { kind: "call", id, name, arguments: call.members("input") ?? {} };
  }
  if (thought === undefined) throw new Untranslatable(block.at("content"));
  return {
    kind: "thinking",
    text: thought.required("text"),
    ...optional("signature", thought.text("signature")),
  };
}

export interface ConverseReader {
  /** @throws Untranslatable */
  read(type: string, value: Json): AnswerEvent[];
  /** @throws Untranslatable where the stream never said that it ended */
  end(): AnswerEvent[];
}

/** Creates the reader of one stream's events, by the type that its frames carry. */
export function createConverseReader(named: Named): ConverseReader {
  /** Blocks that have begun: by their number here, ours. Blocks of text begin without saying so. */
  const begun = new Map<number, { readonly index: number; readonly kind: BegunPart["kind"] }>();
  let finish: Finish | undefined;
  const begin = (at: number, part: BegunPart): AnswerEvent[] => {
    if (begun.has(at)) throw new Untranslatable("contentBlockIndex");
    const index = begun.size;
    begun.set(at, { index, kind: part.kind });
    return [{ kind: "part", index, part }];
  };
  const delta = (at: number, kind: BegunPart["kind"], text: string | undefined): AnswerEvent[] => {
    const events = begun.has(at) || kind === "call" ? [] : begin(at, { kind });
    const block = begun.get(at);
    if (block?.kind !== kind) throw new Untranslatable("contentBlockIndex");
    if (text !== undefined && text !== "") events.push({ kind: "delta", index: block.index, text });
    return events;
  };
  return {
    read(type, value) {
      const data = Body.of(value, "");
      switch (type) {
        case "messageStart":
          data.onlyAt("role", "assistant");
          return [{ kind: "begin", ...named }];
        case "contentBlockStart": {
          const call = data.nested("start")?.nested("toolUse");
          if (call === undefined) throw new Untranslatable("start");
          call.onlyAt("type");
          const [id, name] = [call.required("toolUseId"), call.required("name")];
          return begin(numberOf(data), { kind: "call", id, name });
        }
        case "contentBlockDelta": {
          const at = numberOf(data);
          const said = data.nested("delta");
          const [text, call] = [said?.text("text"), said?.nested("toolUse")];
          const thought = said?.nested("reasoningContent");
          said?.end();
          if (call !== undefined) return delta(at, "call", call.required("input"));
          if (thought === undefined) return delta(at, "text", text ?? missing("delta"));
          const signature = thought.text("signature");
          const events = delta(at, "thinking", thought.text("text"));
          thought.end();
          const index = begun.get(at)?.index ?? 0;
          return signature === undefined ? events : [...events, { kind: "signature", index, signature }];
        }
        case "contentBlockStop": {
          const block = begun.get(numberOf(data));
          // one that was empty never began
          return block === undefined ? [] : [{ kind: "partEnd", index: block.index }];
        }
        case "messageStop":
          finish = readReason(data.required("stopReason"));
          return [{ kind: "finish", finish }];
        case "metadata":
          return [{ kind: "usage", usage: readUsage(data.nested("usage")) }];
        default:
          throw new Untranslatable(":event-type");
      }
    },
    end() {
      if (finish === undefined) throw new Untranslatable("messageStop");
      return [{ kind: "end" }];
    },
  };
}

function numberOf(data: Body): number {
  return data.count("contentBlockIndex") ?? missing("contentBlockIndex");
}

function missing(place: string): never {
  throw new Untranslatable(place);
}
