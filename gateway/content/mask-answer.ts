/** Masks what a model answers, plain and streamed, in the words of OpenAI's and Anthropic's protocols. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { readEvents } from "../events.js";
import { maskRequest } from "./mask-request.js";
import type { TextMasker } from "./mask-stream.js";
import { createTextMasker } from "./mask-stream.js";
import type { Masking } from "./mask-text.js";

/** An answer that can't be masked: then it is none. */
export class CantMaskAnswer extends Error {
  override readonly name = "CantMaskAnswer";
}

/** Masks a whole answer. @throws CantMaskAnswer */
export function maskAnswer(answer: JsonObject, masking: Masking): JsonObject {
  const { choices } = answer;
  // the probabilities of tokens say the text once more
  const silent = Array.isArray(choices) ? { ...answer, choices: choices.map(withoutProbabilities) } : answer;
  const out = maskRequest(silent, masking, ["thinking"]);
  if (out === undefined) throw new CantMaskAnswer();
  return out;
}

function withoutProbabilities(choice: Json): Json {
  const message = isObject(choice) ? choice["message"] : undefined;
  // what is spoken can't be masked
  if (isObject(message) && isObject(message["audio"])) throw new CantMaskAnswer();
  return isObject(choice) && choice["logprobs"] !== undefined ? { ...choice, logprobs: null } : choice;
}

/** Masks a stream of events; what a tool is called with is held until it is whole. @throws CantMaskAnswer */
export async function* maskEvents(
  body: AsyncIterable<Buffer>,
  masking: Masking,
  protocol: "openai" | "anthropic",
  limit: number,
): AsyncGenerator<Buffer> {
  const channels = createChannels(masking, limit);
  const mask = protocol === "openai" ? maskChunk : maskBlockEvent;
  for await (const { data } of readEvents(body, limit)) {
    // a comment keeps the connection alive, and says nothing
    if (data === undefined) yield Buffer.from(":\n\n");
    else if (data === "[DONE]") {
      // INVARIANT: no text is lost: a stream that didn't end its choices or blocks isn't whole
      if (channels.open()) throw new CantMaskAnswer();
      yield Buffer.from("data: [DONE]\n\n");
    } else {
      const value = parseJson(data);
      if (!isObject(value)) throw new CantMaskAnswer();
      for (const event of mask(value, channels, masking)) yield write(event, protocol);
    }
  }
  if (channels.open()) throw new CantMaskAnswer();
}

function write(event: JsonObject, protocol: "openai" | "anthropic"): Buffer {
  const name = protocol === "anthropic" ? `event: ${String(event["type"])}\n` : "";
  return Buffer.from(`${name}data: ${stringifyJson(event)}\n\n`);
}

/** A text that grows by pieces: of a choice or block, a field of it, and for calls which one. */
interface Channel {
  readonly owner: string;
  readonly field: string;
  readonly call: number | undefined;
  readonly masker: TextMasker;
}

interface Channels {
  /** Takes a piece; gives what may be sent. */
  push(owner: string, field: string, piece: string, call?: number): string;
  /** Ends a choice's or block's texts; gives what is left of each. */
  end(
    owner: string,
  ): readonly { readonly field: string; readonly call: number | undefined; readonly text: string }[];
  open(): boolean;
}

function createChannels(masking: Masking, limit: number): Channels {
  const all = new Map<string, Channel>();
  return {
    push(owner, field, piece, call) {
      const key = `${owner} ${field} ${call ?? ""}`;
      const known = all.get(key);
      if (known !== undefined) return known.masker.push(piece);
      const isJson = field === "arguments" || field === "partial_json";
      const masker = isJson ? createJsonMasker(masking, limit) : createTextMasker(masking);
      all.set(key, { owner, field, call, masker });
      return masker.push(piece);
    },
    end(owner) {
      const ended = [...all].filter(([, channel]) => channel.owner === owner);
      for (const [key] of ended) all.delete(key);
      return ended
        .map(([, { field, call, masker }]) => ({ field, call, text: masker.end() }))
        .filter(({ text }) => text !== "");
    },
    open: () => all.size > 0,
  };
}

/** Holds JSON text until it is whole. */
function createJsonMasker(masking: Masking, limit: number): TextMasker {
  let text = "";
  return {
    push(piece) {
      text += piece;
      if (text.length > limit) throw new CantMaskAnswer();
      return "";
    },
    end() {
      const masked = maskRequest({ arguments: text }, masking)?.["arguments"];
      if (typeof masked !== "string") throw new CantMaskAnswer();
      return masked;
    },
  };
}

const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item) => isObject(item)) : [];
const keyOf = ({ index }: JsonObject): string => stringifyJson(index ?? 0);

/** INVARIANT: every text of a delta comes in pieces, but for this one. */
const isPiece = (name: string, value: Json): value is string => typeof value === "string" && name !== "role";
/** What else a delta may hold: calls, whose arguments are held, and lists that come whole. */
const known: ReadonlySet<string> = new Set(["role", "tool_calls", "function_call", "annotations"]);

/** OpenAI's chunk. What is left of a choice's texts goes before the chunk that ends it. */
function maskChunk(chunk: JsonObject, channels: Channels, masking: Masking): JsonObject[] {
  // an error, or what else isn't a part of the answer
  if (chunk["choices"] === undefined) return [maskAnswer(chunk, masking)];
  const rests: JsonObject[] = [];
  const choices = objects(chunk["choices"]).map((choice): JsonObject => {
    const owner = keyOf(choice);
    const said = isObject(choice["delta"]) ? choice["delta"] : {};
    const delta: JsonObject = { ...said };
    for (const [name, value] of Object.entries(said)) {
      if (isPiece(name, value)) delta[name] = channels.push(owner, name, value);
      else if (!known.has(name) && value !== null) throw new CantMaskAnswer();
    }
    const { tool_calls: calls, function_call: single } = said;
    if (Array.isArray(calls)) delta["tool_calls"] = calls.map((call) => holdArguments(call, owner, channels));
    if (isObject(single)) delta["function_call"] = holdSingle(single, owner, channels);
    if (typeof choice["finish_reason"] === "string") {
      for (const { field, call, text } of channels.end(owner)) {
        const left: JsonObject =
          field !== "arguments"
            ? { [field]: text }
            : call === undefined
              ? { function_call: { arguments: text } }
              : { tool_calls: [{ index: call, function: { arguments: text } }] };
        rests.push({ index: choice["index"] ?? 0, delta: left, finish_reason: null });
      }
    }
    return { ...choice, delta };
  });
  const head = maskAnswer({ ...chunk, choices: [] }, masking);
  return [
    ...rests.map((rest): JsonObject => ({ ...head, choices: [rest] })),
    { ...head, choices: choices.map((choice) => maskBeside(choice, masking)) },
  ];
}

/** Masks a choice beside the texts that came in pieces: what was masked isn't looked at again. */
function maskBeside(choice: JsonObject, masking: Masking): JsonObject {
  const { delta, ...others } = choice;
  const said = Object.entries(isObject(delta) ? delta : {});
  const done = Object.fromEntries(said.filter(([name, value]) => isPiece(name, value)));
  const rest = Object.fromEntries(said.filter(([name, value]) => !isPiece(name, value)));
  const masked = maskAnswer({ choices: [others], delta: rest }, masking);
  const [plain = {}] = objects(masked["choices"]);
  return { ...plain, delta: { ...(isObject(masked["delta"]) ? masked["delta"] : {}), ...done } };
}

function holdArguments(call: Json, owner: string, channels: Channels): Json {
  if (!isObject(call)) throw new CantMaskAnswer();
  const { function: named, index = 0 } = call;
  if (named === undefined) return call;
  if (!isObject(named) || typeof index !== "number") throw new CantMaskAnswer();
  return { ...call, function: holdSingle(named, owner, channels, index) };
}

function holdSingle(named: JsonObject, owner: string, channels: Channels, call?: number): JsonObject {
  const { arguments: given } = named;
  return typeof given === "string"
    ? { ...named, arguments: channels.push(owner, "arguments", given, call) }
    : named;
}

/** What a delta's text is called, by its type. Source: Anthropic API reference, "Streaming messages". */
const deltaTypes: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  input_json_delta: "partial_json",
};
/** Those that say all at once. */
const wholeDeltas: readonly Json[] = ["citations_delta", "signature_delta"];

/** Anthropic's event. What is left of a block's text goes before the event that ends it. */
function maskBlockEvent(event: JsonObject, channels: Channels, masking: Masking): JsonObject[] {
  const { type, index = 0, delta, content_block: block } = event;
  const owner = keyOf(event);
  if (type === "content_block_delta" && isObject(delta)) {
    const field = typeof delta["type"] === "string" ? deltaTypes[delta["type"]] : undefined;
    const piece = field === undefined ? undefined : delta[field];
    if (wholeDeltas.includes(delta["type"] ?? null)) return [maskAnswer(event, masking)];
    // INVARIANT: a text in pieces that isn't known can't be masked
    if (field === undefined || typeof piece !== "string") throw new CantMaskAnswer();
    return [{ ...event, delta: { ...delta, [field]: channels.push(owner, field, piece) } }];
  }
  if (type === "content_block_start" && isObject(block)) {
    const field = ["text", "thinking"].find((name) => typeof block[name] === "string");
    const piece = field === undefined ? undefined : block[field];
    if (field === undefined || typeof piece !== "string") return [maskAnswer(event, masking)];
    return [{ ...event, content_block: { ...block, [field]: channels.push(owner, field, piece) } }];
  }
  if (type !== "content_block_stop") return [maskAnswer(event, masking)];
  const rests = channels.end(owner).map(({ field, text }): JsonObject => {
    const kind = Object.keys(deltaTypes).find((name) => deltaTypes[name] === field) ?? "text_delta";
    return { type: "content_block_delta", index, delta: { type: kind, [field]: text } };
  });
  return [...rests, event];
}
