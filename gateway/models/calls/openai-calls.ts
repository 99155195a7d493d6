/** Tool calls in OpenAI's chat completions. Source: OpenAI API reference, "Chat completions", "Streaming". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { CallGuard, DecideCalls, HeldEvent, StreamGuard, ToolCall } from "./guard.js";
import { readArguments } from "../read-arguments.js";
import { CallsRefused } from "./guard.js";

export const openAiCalls: CallGuard = { whole, stream };

const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item) => isObject(item)) : [];
const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

/** The calls of a message: those of today, and the single one of before there were tools. */
function callsOf(message: JsonObject): JsonObject[] {
  const { tool_calls: list, function_call: single } = message;
  if (list !== undefined && list !== null && objects(list).length !== (list as Json[]).length) {
    throw new CallsRefused("calls that are none");
  }
  return [...objects(list), ...(isObject(single) ? [{ function: single }] : [])];
}

function asCall(call: JsonObject): ToolCall {
  const { function: named, custom } = call;
  if (isObject(named))
    return { name: text(named["name"]), arguments: readArguments(text(named["arguments"])) };
  // a call whose input isn't JSON can't be decided on
  return { name: isObject(custom) ? text(custom["name"]) : "", arguments: undefined };
}

async function whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  const choices = objects(answer["choices"]);
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
}

/** The calls of one choice, by their index. */
type Calls = Map<number, Growing>;

function stream(decide: DecideCalls): StreamGuard {
  let held: HeldEvent[] = [];
  const pending = new Map<number, Calls>();
  const decided = new Map<number, readonly (string | undefined)[]>();

  const grow = (choice: JsonObject): boolean => {
    const { delta } = choice;
    if (!isObject(delta)) return false;
    const calls = objects(delta["tool_calls"]);
    const single = delta["function_call"];
    if (calls.length === 0 && !isObject(single)) return false;
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
    if (all.every((refusal) => refusal === undefined)) return events.map(({ raw }) => raw).join("");
    return rewrite(events, calls, refusals);
  };
  return {
    holds: () => held.length > 0,
    async take(event) {
      const choices = objects(event.data["choices"]);
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
  const known = calls.get(at) ?? { id: undefined, type: undefined, name: "", arguments: "", single };
  calls.set(at, known);
  known.id ??= call["id"];
  known.type ??= call["type"];
  // what isn't a function has no arguments that could be decided on
  if (call["custom"] !== undefined) known.arguments = "[]";
  if (!isObject(named)) return;
  known.name += text(named["name"]);
  known.arguments += text(named["arguments"]);
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
