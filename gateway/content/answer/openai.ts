/** Texts in the streams of OpenAI's chat completions and completions. Source: OpenAI API reference, "Streaming". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AnswerWords, Visitor } from "./visitor.js";
import { afterEnd, placeOf, wholeOf } from "./visitor.js";

/** What comes whole in a delta, beside texts in pieces and calls. */
const known: ReadonlySet<string> = new Set(["role", "annotations"]);

/** What is left of a choice's texts goes before the chunk that ends it, with what that chunk says. */
function visitChunk(chunk: JsonObject, visitor: Visitor, ended: Set<string>): JsonObject[] {
  const { choices, ...head } = chunk;
  // an error, or what else isn't a part of the answer
  if (!Array.isArray(choices)) return [wholeOf(visitor, "", chunk)];
  const said = wholeOf(visitor, "", head);
  const before: JsonObject[] = [];
  const left = choices.map((choice): Json => {
    if (!isObject(choice)) return visitor.unknown("/choices", choice);
    const { delta, text, logprobs, ...others } = choice;
    const at = `/choices/${placeOf(choice["index"])}`;
    const out = wholeOf(visitor, at, others);
    if (logprobs !== undefined) out["logprobs"] = visitor.echo(logprobs);
    const grows = ended.has(at) ? afterEnd(visitor) : visitor;
    const pieces = isObject(delta) ? visitDelta(delta, `${at}/message`, grows) : {};
    const piece = typeof text === "string" ? grows.piece(`${at}/text`, text, "text") : undefined;
    // some servers say "" until there is a reason
    const ends = typeof choice["finish_reason"] === "string" && choice["finish_reason"] !== "";
    if (ends) ended.add(at);
    const rests = ends ? visitor.end(at) : [];
    if (rests.length > 0) {
      const index = choice["index"] ?? 0;
      if (piece !== undefined) {
        const whole = piece + rests.map((rest) => rest.text).join("");
        before.push({ ...said, choices: [{ index, text: whole, finish_reason: null }] });
        return { ...out, text: "" };
      }
      // INVARIANT: what the last chunk gives of a text comes before what was held of it
      before.push({ ...said, choices: [{ index, delta: pieces, finish_reason: null }] });
      for (const rest of rests) {
        before.push({ ...said, choices: [{ index, delta: deltaOf(rest), finish_reason: null }] });
      }
      return { ...out, delta: {} };
    }
    return {
      ...out,
      ...(delta === undefined ? {} : { delta: isObject(delta) ? pieces : visitor.whole(at, delta) }),
      ...(text === undefined ? {} : { text: piece ?? visitor.unknown(at, text) }),
    };
  });
  return [...before, { ...said, choices: left }];
}

function visitDelta(delta: JsonObject, at: string, visitor: Visitor): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(delta)) {
    const path = `${at}/${name}`;
    if (name === "role" && typeof value === "string" && /^[a-z]{1,16}$/.test(value)) out[name] = value;
    else if (typeof value === "string" && name !== "role") out[name] = visitor.piece(path, value, "text");
    else if (name === "tool_calls" && Array.isArray(value)) {
      out[name] = value.map((call) => visitCall(call, path, visitor));
    } else if (name === "function_call" && isObject(value)) out[name] = visitNamed(value, path, visitor);
    else if (value === null || known.has(name)) out[name] = visitor.whole(path, value);
    else out[name] = visitor.unknown(path, value);
  }
  return out;
}

function visitCall(call: Json, list: string, visitor: Visitor): Json {
  if (!isObject(call)) return visitor.unknown(list, call);
  const { function: named, ...others } = call;
  const at = `${list}/${placeOf(call["index"])}`;
  const out = wholeOf(visitor, at, others);
  if (named === undefined) return out;
  return {
    ...out,
    function: isObject(named) ? visitNamed(named, `${at}/function`, visitor) : visitor.unknown(at, named),
  };
}

function visitNamed(named: JsonObject, at: string, visitor: Visitor): JsonObject {
  const { arguments: given, ...others } = named;
  const out = wholeOf(visitor, at, others);
  if (given === undefined) return out;
  const path = `${at}/arguments`;
  return {
    ...out,
    arguments: typeof given === "string" ? visitor.piece(path, given, "json") : visitor.unknown(path, given),
  };
}

/** Says the rest of a text as a delta. */
function deltaOf({ path, text }: { readonly path: string; readonly text: string }): JsonObject {
  const [, , , , field = "content", index] = path.split("/");
  if (field === "tool_calls")
    return { tool_calls: [{ index: Number(index), function: { arguments: text } }] };
  return field === "function_call" ? { function_call: { arguments: text } } : { [field]: text };
}

function createVisit(): (chunk: JsonObject, visitor: Visitor) => JsonObject[] {
  const ended = new Set<string>();
  return (chunk, visitor) => visitChunk(chunk, visitor, ended);
}

export const openAiWords: AnswerWords = { events: createVisit, named: false, repeats: false };
