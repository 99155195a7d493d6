/** Calls of tools in Ollama's answers: each stands whole in one message. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { DecideCalls, ToolCall } from "../../models/calls/guard.js";
import { CallsRefused, mayCall } from "../../models/calls/guard.js";
import { hasOddKey } from "../../models/plain-keys.js";

/**
 * Gives an answer, or a line of one, without the calls that were refused; undefined where none was.
 * @throws CallsRefused where it holds calls that can't be read
 */
export async function rewriteCalls(said: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  // Ollama's own client is of Go, and takes a key in other letters, that comes later, for this one
  if (mayCall(stringifyJson(said)) && hasOddKey(said)) throw new CallsRefused("a key in other letters");
  const { message = null } = said;
  // `generate` says them beside its text
  const holder = isObject(message) ? message : said;
  const { tool_calls: list = null, ...others } = holder;
  const elsewhere: Json = isObject(message) ? { ...said, message: others } : others;
  if (mayCall(stringifyJson(elsewhere)) && hides(elsewhere))
    throw new CallsRefused("a call in another place");
  if (list === null || (Array.isArray(list) && list.length === 0)) return undefined;
  if (!Array.isArray(list)) throw new CallsRefused("calls that are none");
  const refusals = await decide(list.map(asCall));
  if (refusals.every((refusal) => refusal === undefined)) return undefined;
  const field = isObject(message) ? "content" : "response";
  const text = [others[field], ...refusals].filter((one) => typeof one === "string" && one !== "").join("\n");
  const kept = list.filter((_call, i) => refusals[i] === undefined);
  const left = { ...others, [field]: text, ...(kept.length === 0 ? {} : { tool_calls: kept }) };
  return isObject(message) ? { ...said, message: left } : left;
}

function asCall(call: Json): ToolCall {
  const { function: named = null } = isObject(call) ? call : {};
  if (!isObject(named)) return { name: "", arguments: undefined };
  const { name, arguments: given } = named;
  return {
    name: typeof name === "string" ? name : "",
    // an absent value is a call without arguments; text would be read by the client as it likes
    arguments: given === undefined || given === null ? {} : isObject(given) ? given : undefined,
  };
}

/** Tells whether a value holds calls under the names that clients look for. */
function hides(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hides);
  if (!isObject(value)) return false;
  return Object.entries(value).some(
    ([name, one]) => /^(?:tool_calls|function_call)$/i.test(name) || hides(one),
  );
}
