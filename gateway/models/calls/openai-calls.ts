/** Tool calls in OpenAI's chat completions. Source: OpenAI API reference, "Chat completions", "Streaming". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { CallGuard, DecideCalls, HeldEvent, StreamGuard, ToolCall } from "./guard.js";
import { hasOddKey } from "../plain-keys.js";
import { readArguments } from "../read-arguments.js";
import { CallsRefused } from "./guard.js";

export const openAiCalls: CallGuard = { whole, stream };

const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item) => isObject(item)) : [];
const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

/** The calls of a message: those of today, and the single one of before there were tools. */
function callsOf(message: JsonObject): JsonObject[] {
  const { tool_calls: list, function_call: single } = message;
  const none = single !== undefined && single !== null && !isObject(single);
  if (none || !isListOfObjects(list)) throw new CallsRefused("calls that are none");
  return [...objects(list), ...(isObject(single) ? [{ function: single }] : [])];
}

function isListOfObjects(value: Json | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.every(isObject));
}

function asCall(call: JsonObject): ToolCall {
  const { function: named, custom } = call;
  if (isObject(named) && (custom === undefined || custom === null))
    return { name: text(named["name"]), arguments: readArguments(named["arguments"]) };
  // a call whose input isn't JSON can't be decided on, nor one that is two
  return { name: isObject(custom) ? text(custom["name"]) : "", arguments: undefined };
}

async function whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  const choices = choicesOf(answer);
  const found = choices.map(({ message }) => (isObject(message) ? callsOf(message) : []));
  const calls = found.flat();
  if (calls.length === 0) return undefined;
  const refusals = await decide(calls.map(asCall));
  if (refusals.every((refusal) => refusal === undefined)) return undefined;
  const refused = new Map(calls.map((call, i) => [call, refusals[i]]));
  return {
    ...answer,
    choices: choices.map((choice, i) => without(choice, found[i] ?? [], refused)),
  };
}

/** @throws CallsRefused where some client could see a call that isn't found here */
function choicesOf(data: JsonObject): JsonObject[] {
  if (!isListOfObjects(data["choices"]) || hasOddKey(data)) throw new CallsRefused("choices that are none");
  return objects(data["choices"]);
}

function without(
  choice: JsonObject,
  calls: readonly JsonObject[],
  refused: ReadonlyMap<JsonObject, string | undefined>,
): JsonObject {
  if (calls.length === 0 || !isObject(choice["message"])) return choice;
  const { tool_calls: list, function_call: single, content, ...message } = choice["message"];
  const kept = objects(list).filter((call) => refused.get(call) === undefined);
  const said = calls.flatMap((call) => refused.get(call) ?? []);
  // the single call of before was wrapped to be decided: it was refused if all were
  const keptSingle =
    isObject(single) && said.length < calls.length && kept.length < calls.length - said.length;
  return {
    ...choice,
    message: {
      ...message,
      content: [...(typeof content === "string" ? [content] : []), ...said].join("\n"),
      ...(kept.length === 0 ? {} : { tool_calls: kept }),
      ...(keptSingle ? { function_call: single } : {}),
    },
    finish_reason: kept.length === 0 && !keptSingle ? "stop" : (choice["finish_reason"] ?? null),
  };
}

interface Growing {
  id: Json | undefined;
  type: Json | undefined;
  name: string;
  arguments: string;
  /** Whether it is the single one of before there were tools. */
  readonly single: boolean;
  /** Whether every client puts its pieces together to the same call. */
  plain: boolean;
}

/** The calls of one choice, by their index. */
type Calls = Map<number, Growing>;

function stream(decide: DecideCalls): StreamGuard {
  let held: HeldEvent[] = [];
  const pending = new Map<number, Calls>();
  const decided = new Map<number, readonly (string | undefined)[]>();

  const grow = (choice: JsonObject): boolean => {
    const { delta, message } = choice;
    if (isObject(message) && callsOf(message).length > 0) throw new CallsRefused("a call in no delta");
    if (!isObject(delta) || callsOf(delta).length === 0) return false;
    const calls = objects(delta["tool_calls"]);
    const single = delta["function_call"];
    const number = indexOf(choice);
    if (decided.has(number)) throw new CallsRefused("a call after the end");
    const of = pending.get(number) ?? new Map<number, Growing>();
    pending.set(number, of);
    for (const call of calls) add(of, indexOf(call), call, call["function"], false);
    if (isObject(single)) add(of, 0, {}, single, true);
    return true;
  };
  const release = (): string => {
    const events = held;
    held = [];
    const all = [...decided.values()].flat();
    const calls = new Map(pending);
    const refusals = new Map(decided);
    pending.clear();
    decided.clear();
    const plain = [...calls.values()].every((of) => [...of.values()].every((call) => call.plain));
    if (plain && all.every((refusal) => refusal === undefined)) return events.map(({ raw }) => raw).join("");
    return rewrite(events, calls, refusals);
  };
  return {
    holds: () => held.length > 0,
    async take(event) {
      const choices = choicesOf(event.data);
      const grew = choices.map(grow);
      const ends = choices.filter((choice) => text(choice["finish_reason"]) !== "");
      const ended = ends.map(indexOf).filter((number) => pending.has(number) && !decided.has(number));
      // text, usage and other choices don't wait
      if (!grew.includes(true) && ended.length === 0) return event.raw;
      held.push(event);
      for (const number of ended) {
        const calls = [...(pending.get(number)?.values() ?? [])];
        decided.set(
          number,
          await decide(calls.map((call) => ({ name: call.name, arguments: readArguments(call.arguments) }))),
        );
      }
      return pending.size === decided.size ? release() : "";
    },
    end() {
      return held.length === 0 ? Promise.resolve("") : Promise.reject(new CallsRefused("a call isn't whole"));
    },
  };
}

function indexOf(value: JsonObject): number {
  const { index = 0 } = value;
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0) throw new CallsRefused("index");
  return index;
}

function add(calls: Calls, at: number, call: JsonObject, named: Json | undefined, single: boolean): void {
  const first: Growing = { id: undefined, type: undefined, name: "", arguments: "", single, plain: true };
  const known = calls.get(at) ?? first;
  calls.set(at, known);
  const { id, index } = call;
  const name = isObject(named) ? text(named["name"]) : "";
  // some clients take a piece without an index, or with an id or a name of its own, for another call
  const own = known !== first && ((text(id) !== "" && id !== known.id) || name !== "");
  if (own || known.single !== single || (!single && index === undefined)) known.plain = false;
  known.id ??= id;
  known.type ??= call["type"];
  // what isn't a function has no arguments that could be decided on
  if (call["custom"] !== undefined && call["custom"] !== null) known.arguments += "[]";
  if (!isObject(named)) return;
  known.name += name;
  const { arguments: given } = named;
  known.arguments +=
    typeof given === "string" ? given : (given ?? null) === null ? "" : stringifyJson(given ?? null);
}

/** Says what is left: text for what was refused, the other calls numbered anew, and a reason that fits. */
function rewrite(
  events: readonly HeldEvent[],
  calls: ReadonlyMap<number, Calls>,
  refusals: ReadonlyMap<number, readonly (string | undefined)[]>,
): string {
  const head = Object.fromEntries(
    Object.entries(events[0]?.data ?? {}).filter(([name]) => name !== "choices" && name !== "usage"),
  );
  const chunk = (choice: JsonObject): string =>
    `data: ${stringifyJson({ ...head, choices: [{ logprobs: null, finish_reason: null, ...choice }] })}\n\n`;
  let out = "";
  const left = new Set<number>();
  for (const [index, of] of calls) {
    const said = refusals.get(index) ?? [];
    let number = 0;
    for (const [i, call] of [...of.values()].entries()) {
      const refusal = said[i];
      if (refusal !== undefined) {
        out += chunk({ index, delta: { content: refusal } });
        continue;
      }
      left.add(index);
      const named = { name: call.name, arguments: call.arguments };
      const delta = call.single
        ? { function_call: named }
        : {
            tool_calls: [
              { index: number++, id: call.id ?? "", type: call.type ?? "function", function: named },
            ],
          };
      out += chunk({ index, delta });
    }
  }
  for (const { data } of events) {
    for (const choice of objects(data["choices"])) {
      const index = indexOf(choice);
      const { delta, finish_reason: reason } = choice;
      const content = isObject(delta) ? delta["content"] : undefined;
      if (typeof content === "string" && content !== "") out += chunk({ index, delta: { content } });
      if (typeof reason !== "string") continue;
      const finish = calls.has(index) && !left.has(index) ? "stop" : reason;
      out += chunk({ index, delta: {}, finish_reason: finish });
    }
    if (isObject(data["usage"])) {
      out += `data: ${stringifyJson({ ...head, choices: [], usage: data["usage"] })}\n\n`;
    }
  }
  return out;
}
