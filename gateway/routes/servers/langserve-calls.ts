/** Calls of tools that a chain's answer asks its client to carry out, in LangChain's messages. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import { readEvents } from "../../events.js";
import type { DecideCalls, ToolCall } from "../../models/calls/guard.js";
import { CallsRefused, mayCall } from "../../models/calls/guard.js";
import { readArguments } from "../../models/read-arguments.js";

/** The largest event, and the most that is held, characters. */
const largest = 16 * 2 ** 20;

const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

interface Found {
  readonly whole: ToolCall[];
  /** Pieces of calls, by the message that they belong to. */
  readonly pieces: Map<string, { name: string; text: string }>;
}

/**
 * Finds what a client would carry out: in messages, in their pieces, in an agent's actions.
 * @param place tells which pieces belong together: those that come in the same place of the same run
 */
function find(value: Json, found: Found, place: string): void {
  if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) find(one, found, `${place}/${i}`);
    return;
  }
  if (!isObject(value)) return;
  const here = placeOf(value, place);
  if (value["op"] === "replace") settle(found, here);
  const pieces = objects(value["tool_call_chunks"]);
  for (const piece of pieces) {
    const key = `${here} ${typeof piece["index"] === "number" ? piece["index"] : ""}`;
    const known = found.pieces.get(key) ?? { name: "", text: "" };
    known.name += typeof piece["name"] === "string" ? piece["name"] : "";
    known.text += typeof piece["args"] === "string" ? piece["args"] : "";
    found.pieces.set(key, known);
  }
  // INVARIANT: only in a chunk are the calls that stand beside pieces made of these, whatever they say
  const isChunk = pieces.length > 0 && value["type"] === "AIMessageChunk";
  if (!isChunk) {
    for (const call of list(value["tool_calls"])) found.whole.push(asCall(call));
    const { function_call: single = null } = value;
    if (isObject(single)) found.whole.push(asCall({ function: single }));
  }
  if (typeof value["tool"] === "string" && value["tool_input"] !== undefined)
    found.whole.push({ name: value["tool"], arguments: argumentsOf(value["tool_input"]) });
  for (const [name, one] of Object.entries(value)) {
    const made = ["tool_calls", "function_call", "tool_call_chunks"].includes(name);
    if (!made && !(isChunk && name === "additional_kwargs")) find(one, found, `${here}/${name}`);
  }
}

/** What was in a place is replaced: a call that was whole by then counts, a piece of one doesn't. */
function settle({ whole, pieces }: Found, place: string): void {
  for (const [key, { name, text }] of pieces) {
    if (!key.startsWith(`${place} `) && !key.startsWith(`${place}/`)) continue;
    pieces.delete(key);
    const call = { name, arguments: text.trim() === "" ? undefined : readArguments(text) };
    if (call.arguments !== undefined) whole.push(call);
  }
}

/** An operation on the log of a run (`stream_log`), an event of one (`stream_events`), or within either. */
function placeOf({ op, path, event, run_id: run }: JsonObject, place: string): string {
  if (typeof op === "string" && typeof path === "string") return path;
  if (typeof event === "string" && typeof run === "string") return `${event} ${run}`;
  return place;
}

function list(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new CallsRefused("calls that are none");
  return value;
}

function asCall(call: Json): ToolCall {
  if (!isObject(call)) return { name: "", arguments: undefined };
  // LangChain's own form, or OpenAI's within `additional_kwargs`
  const { function: named = null, name = null, args } = call;
  const of = isObject(named) ? named : { name, arguments: args ?? {} };
  const said = of["name"];
  return { name: typeof said === "string" ? said : "", arguments: argumentsOf(of["arguments"] ?? null) };
}

function argumentsOf(value: Json): JsonObject | undefined {
  if (isObject(value)) return value;
  return typeof value === "string" ? readArguments(value) : undefined;
}

async function refusalsIn(found: Found, decide: DecideCalls): Promise<readonly string[]> {
  const pieced = [...found.pieces.values()].map(({ name, text }) => ({
    name,
    arguments: readArguments(text),
  }));
  const said = (call: ToolCall): string =>
    call.arguments === undefined ? "" : stringifyJson([call.name, call.arguments]);
  // runs say what the runs within them said
  const different = new Map([...found.whole, ...pieced].map((call) => [said(call), call]));
  const calls = [...different.values()];
  if (calls.length === 0) return [];
  return (await decide(calls)).filter((refusal) => refusal !== undefined);
}

/** Gives an answer that says what was refused, in place of one with refused calls; undefined where none was. */
export async function rewriteChainCalls(
  said: JsonObject,
  decide: DecideCalls,
): Promise<JsonObject | undefined> {
  if (!mayCall(stringifyJson(said))) return undefined;
  const found: Found = { whole: [], pieces: new Map() };
  find(said, found, "");
  const refusals = await refusalsIn(found, decide);
  if (refusals.length === 0) return undefined;
  const text = refusals.join("\n");
  const { output, ...beside } = said;
  // INVARIANT: an output with a refused call is replaced as a whole, as is what stands beside: nothing of the call is left
  const others = mayCall(stringifyJson(beside)) ? {} : beside;
  return { ...others, output: Array.isArray(output) ? output.map(() => text) : standIn(output, text) };
}

function standIn(output: Json | undefined, text: string): Json {
  return isObject(output) && typeof output["type"] === "string" ? { type: "ai", content: text } : text;
}

/** Passes a stream on until it holds a call; then what follows waits for the end, when all calls are decided. */
export async function* guardChainStream(
  body: AsyncIterable<Buffer>,
  decide: DecideCalls,
): AsyncGenerator<Buffer> {
  const found: Found = { whole: [], pieces: new Map() };
  const held: string[] = [];
  let size = 0;
  for await (const { data, raw } of readEvents(body, largest)) {
    if (data !== undefined && mayCall(data)) find(parseJson(data), found, "");
    if (found.whole.length + found.pieces.size === 0) {
      yield Buffer.from(raw);
      continue;
    }
    size += raw.length;
    if (size > largest) throw new CallsRefused("a call is too long");
    held.push(raw);
  }
  if (held.length === 0) return;
  const refusals = await refusalsIn(found, decide);
  if (refusals.length === 0) yield Buffer.from(held.join(""));
  else {
    const error = stringifyJson({ status_code: 403, message: refusals.join("\n") });
    yield Buffer.from(`event: error\ndata: ${error}\n\nevent: end\n\n`);
  }
}
