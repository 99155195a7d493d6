/** Calls in OpenAI's responses: items of the output. Source: OpenAI API reference, "Responses", "Streaming events". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { DecideCalls, HeldEvent, StreamGuard, ToolCall } from "../calls/guard.js";
import { CallsRefused } from "../calls/guard.js";
import { readArguments } from "../read-arguments.js";
import { eventOf } from "./relay.js";

/** What a client isn't to carry out. INVARIANT: any other item is a call, known or not. */
const noCalls = ["message", "reasoning", "compaction", "web_search_call", "image_generation_call"];

const isCall = (item: Json | undefined): item is JsonObject =>
  isObject(item) && !noCalls.includes(textOf(item["type"]));
const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

function asCall({ type, name, arguments: given }: JsonObject): ToolCall {
  // a call whose input isn't JSON can't be decided on
  const decidable = type === "function_call";
  return {
    name: textOf(name) || textOf(type),
    arguments: decidable ? readArguments(given) : undefined,
  };
}

/** What stands in for a refused call; {@link isStandIn} tells its id. */
function standIn(refusal: string, number: number): JsonObject {
  const part = { type: "output_text", text: refusal, annotations: [], logprobs: [] };
  return {
    ...{ type: "message", id: `msg_refused_${number}`, status: "completed", role: "assistant" },
    content: [part],
  };
}

/** Tells the ids that were made here: the upstream knows nothing of them. */
export function isStandIn(id: string): boolean {
  return /^msg_refused_\d+$/.test(id);
}

export const responsesCalls = { may: () => true, whole, stream };

async function whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  return refuseIn(answer, await decideOutput(answer, decide, new Map()));
}

type Verdicts = Map<string, string | undefined>;
const keyOf = ({ id, type, name, call_id, arguments: given }: JsonObject): string =>
  stringifyJson([id ?? null, type ?? null, name ?? null, call_id ?? null, given ?? null]);

/** Decides the calls of an output that weren't decided as they are. */
async function decideOutput(answer: JsonObject, decide: DecideCalls, known: Verdicts): Promise<Verdicts> {
  const { output } = answer;
  if (output !== undefined && output !== null && !Array.isArray(output)) throw new CallsRefused("no output");
  const calls = (output ?? []).filter(isCall).filter((call) => !known.has(keyOf(call)));
  const refusals = calls.length === 0 ? [] : await decide(calls.map(asCall));
  for (const [i, call] of calls.entries()) known.set(keyOf(call), refusals[i]);
  return known;
}

function refuseIn(answer: JsonObject, verdicts: Verdicts): JsonObject | undefined {
  const { output } = answer;
  if (!Array.isArray(output)) return undefined;
  let refused = false;
  const left = output.map((item, i) => {
    const refusal = isCall(item) ? verdicts.get(keyOf(item)) : undefined;
    refused ||= refusal !== undefined;
    return refusal === undefined ? item : standIn(refusal, i);
  });
  return refused ? { ...answer, output: left } : undefined;
}

interface Held {
  readonly item: JsonObject;
  readonly events: HeldEvent[];
  pieces: string;
}

function stream(decide: DecideCalls): StreamGuard {
  const held = new Map<number, Held>();
  const verdicts: Verdicts = new Map();
  /** How much later events are numbered than the upstream's. */
  let shift = 0;

  const pass = ({ raw, data }: HeldEvent): string => {
    const { sequence_number: number } = data;
    if (shift === 0 || typeof number !== "number") return raw;
    return eventOf({ ...data, sequence_number: number + shift });
  };
  const release = async (index: number, { events }: Held, item: JsonObject): Promise<string> => {
    const verdict = await decideOutput({ output: [item] }, decide, verdicts);
    const refusal = verdict.get(keyOf(item));
    if (refusal === undefined) return events.map(pass).join("");
    const first = events[0]?.data["sequence_number"];
    const said = say(standIn(refusal, index), index);
    const from = typeof first === "number" ? first + shift : undefined;
    shift += said.length - events.length;
    return said
      .map((data, i) => eventOf(from === undefined ? data : { ...data, sequence_number: from + i }))
      .join("");
  };
  return {
    holds: () => held.size > 0,
    async take(event) {
      const { data } = event;
      const { type, item, response } = data;
      const index = indexOf(data);
      if (typeof type !== "string") throw new CallsRefused("an event of no type");
      if (type === "response.output_item.added" && isCall(item)) {
        if (index === undefined || held.has(index)) throw new CallsRefused("a call within a call");
        held.set(index, { item, events: [event], pieces: "" });
        return "";
      }
      const own = index === undefined ? undefined : held.get(index);
      if (index !== undefined && own !== undefined) {
        own.events.push(event);
        if (textOf(type).endsWith(".delta")) own.pieces += textOf(data["delta"]);
        // one call has one meaning, wherever a client reads it
        if (textOf(type).endsWith("arguments.done")) agree(own.pieces, data["arguments"]);
        if (type !== "response.output_item.done") return "";
        held.delete(index);
        return release(index, own, wholeItem(own, item));
      }
      if (type === "response.output_item.done" && isCall(item)) {
        return release(index ?? 0, { item, events: [event], pieces: "" }, item);
      }
      if (/function_call|custom_tool_call|mcp_call/.test(textOf(type)))
        throw new CallsRefused("a piece of no call");
      if (isCall(item)) throw new CallsRefused("a call where none is known");
      if (!isObject(response)) return pass(event);
      const ends = /^response\.(?:completed|incomplete|failed)$/.test(textOf(type));
      if (type === "response.completed" && held.size > 0) throw new CallsRefused("a call isn't whole");
      // what was cut off is none, and nothing of it was shown
      if (ends) held.clear();
      const left = refuseIn(response, await decideOutput(response, decide, verdicts));
      if (left === undefined) return pass(event);
      const named = { ...data, response: left };
      return pass({ raw: eventOf(named), data: named });
    },
    end() {
      return held.size === 0 ? Promise.resolve("") : Promise.reject(new CallsRefused("a call isn't whole"));
    },
  };
}

function indexOf({ output_index: index }: JsonObject): number | undefined {
  return typeof index === "number" && Number.isSafeInteger(index) && index >= 0 ? index : undefined;
}

function agree(pieces: string, said: Json | undefined): void {
  if (typeof said !== "string" || (pieces !== "" && pieces !== said)) throw new CallsRefused("two arguments");
}

/** The item at its end, if it is the one that began and was shown in pieces. */
function wholeItem({ item: begun, pieces }: Held, item: Json | undefined): JsonObject {
  if (!isCall(item)) throw new CallsRefused("a call ends as something else");
  for (const name of ["id", "type", "name", "call_id"]) {
    if (begun[name] !== undefined && stringifyJson(begun[name]) !== stringifyJson(item[name] ?? null))
      throw new CallsRefused("two calls");
  }
  if (item["type"] === "function_call") agree(pieces, item["arguments"]);
  return item;
}

/** Says a message as the events of a stream. */
function say(item: JsonObject, output_index: number): JsonObject[] {
  const { id: item_id = "", content } = item;
  const [part = {}] = Array.isArray(content) ? content : [];
  const { text = "" } = isObject(part) ? part : {};
  const at = { item_id, output_index, content_index: 0 };
  const begun = { ...item, status: "in_progress", content: [] };
  return [
    { type: "response.output_item.added", output_index, item: begun },
    { type: "response.content_part.added", ...at, part: { ...(isObject(part) ? part : {}), text: "" } },
    { type: "response.output_text.delta", ...at, delta: text, logprobs: [] },
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.content_part.done", ...at, part },
    { type: "response.output_item.done", output_index, item },
  ];
}
