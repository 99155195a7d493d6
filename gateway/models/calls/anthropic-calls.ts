/** Tool calls in Anthropic's messages. Source: Anthropic API reference, "Create a message", "Streaming messages". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { CallGuard, DecideCalls, StreamGuard, ToolCall } from "./guard.js";
import { hasOddKey } from "../plain-keys.js";
import { readArguments } from "../read-arguments.js";
import { CallsRefused } from "./guard.js";

export const anthropicCalls: CallGuard = { whole, stream };

const nameOf = ({ name }: JsonObject): string => (typeof name === "string" ? name : "");

const isCall = (block: Json): block is JsonObject => isObject(block) && block["type"] === "tool_use";
/** Calls that the provider carries out itself; their inputs come in pieces, too. */
const served: readonly Json[] = ["server_tool_use", "mcp_tool_use"];

async function whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined> {
  const { content } = answer;
  if (hasOddKey(answer) || isObject(content)) throw new CallsRefused("a content that is none");
  if (!Array.isArray(content)) return undefined;
  const calls = content.filter(isCall);
  if (calls.length === 0) return undefined;
  const refusals = await decide(calls.map(asCall));
  if (refusals.every((refusal) => refusal === undefined)) return undefined;
  const refused = new Map<Json, string | undefined>(calls.map((call, i) => [call, refusals[i]]));
  const all = refusals.every((refusal) => refusal !== undefined);
  return {
    ...answer,
    content: content.map((block) => {
      const refusal = refused.get(block);
      return refusal === undefined ? block : { type: "text", text: refusal };
    }),
    ...(all && answer["stop_reason"] === "tool_use" ? { stop_reason: "end_turn" } : {}),
  };
}

function asCall(block: JsonObject): ToolCall {
  const { input = {} } = block;
  return { name: nameOf(block), arguments: isObject(input) ? input : undefined };
}

function stream(decide: DecideCalls): StreamGuard {
  let call: { readonly index: number; readonly name: string; input: string; raw: string } | undefined;
  let calls = 0;
  let refused = 0;
  /** Blocks whose pieces are nobody's call here. */
  const others = new Set<number>();

  const conclude = async ({ index, name, input, raw }: NonNullable<typeof call>): Promise<string> => {
    const [refusal] = await decide([{ name, arguments: readArguments(input) }]);
    if (refusal === undefined) return raw;
    refused++;
    return [
      event({ type: "content_block_start", index, content_block: { type: "text", text: "" } }),
      event({ type: "content_block_delta", index, delta: { type: "text_delta", text: refusal } }),
      event({ type: "content_block_stop", index }),
    ].join("");
  };
  return {
    holds: () => call !== undefined,
    async take({ raw, data }) {
      const { type, content_block: block, delta, message } = data;
      if (hasOddKey(data)) throw new CallsRefused("a key in other letters");
      // some clients take what a message begins with for its content
      if (isObject(message) && Array.isArray(message["content"]) && message["content"].some(isCall))
        throw new CallsRefused("a call before the beginning");
      if (type === "content_block_start" && isObject(block)) {
        const index = indexOf(data);
        if (served.includes(block["type"] ?? null)) others.add(index);
        else others.delete(index);
      }
      if (type === "content_block_start" && isObject(block) && isCall(block)) {
        if (call !== undefined) throw new CallsRefused("a call within a call");
        const { input = null } = block;
        calls++;
        // a block may begin with all of its input
        const nothing =
          input === null || input === "" || (isObject(input) && Object.keys(input).length === 0);
        const begun = nothing ? "" : stringifyJson(input);
        call = { index: indexOf(data), name: nameOf(block), input: begun, raw };
        return "";
      }
      if (isObject(delta) && delta["partial_json"] !== undefined) {
        const index = indexOf(data);
        if (index !== call?.index && !others.has(index)) throw new CallsRefused("a piece of no call");
      }
      if (call !== undefined && data["index"] === call.index) {
        call.raw += raw;
        if (type === "content_block_stop") {
          const done = call;
          call = undefined;
          return conclude(done);
        }
        if (isObject(delta) && typeof delta["partial_json"] === "string") call.input += delta["partial_json"];
        return "";
      }
      if (type === "message_delta" && isObject(delta)) {
        if (call !== undefined) throw new CallsRefused("a call isn't whole");
        const alone = calls > 0 && calls === refused && delta["stop_reason"] === "tool_use";
        if (alone) return event({ ...data, delta: { ...delta, stop_reason: "end_turn" } });
      }
      return raw;
    },
    end() {
      return call === undefined
        ? Promise.resolve("")
        : Promise.reject(new CallsRefused("a call isn't whole"));
    },
  };
}

function indexOf({ index }: JsonObject): number {
  if (typeof index === "number" && Number.isSafeInteger(index) && index >= 0) return index;
  throw new CallsRefused("index");
}

function event(data: JsonObject): string {
  return `event: ${String(data["type"])}\ndata: ${stringifyJson(data)}\n\n`;
}
