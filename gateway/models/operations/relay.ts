/** Passes the answer of an operation on: its calls decided, its ids bound; as it came where neither changes it. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import { readEvents } from "../../events.js";
import { collect } from "../../forward/forward.js";
import { send } from "../../http.js";
import type { DecideCalls } from "../calls/guard.js";
import { CallsRefused } from "../calls/guard.js";
import type { Relayed } from "../relay.js";
import type { Used } from "../../observe/account.js";
import { costHeader } from "../../observe/account.js";
import type { Watch } from "../../observe/watch.js";
import type { StreamParts } from "../send-stream.js";
import { sendStream } from "../send-stream.js";
import type { Bound } from "./bind.js";
import type { Operation } from "./operation.js";

/** The largest answer, bytes: 2,048 embeddings as numbers. */
const largest = 64 * 2 ** 20;
/** The largest event of a stream, and the most that is held of one, characters. */
const largestEvent = 16 * 2 ** 20;

export interface AnswerParts extends StreamParts {
  readonly operation: Pick<Operation, "calls" | "bind">;
  readonly body: AsyncIterable<Buffer>;
  readonly stream: boolean;
  readonly bound: Bound | undefined;
  /** Decides the calls that the model makes, in the answer that is given where there is one whole. */
  readonly decide: (answer?: JsonObject) => DecideCalls;
  readonly watch: Watch;
}

export function relayAnswer(parts: AnswerParts): Promise<Relayed> {
  return parts.stream ? relayEvents(parts) : relayWhole(parts);
}

async function relayWhole(parts: AnswerParts): Promise<Relayed> {
  const { operation, res, watch } = parts;
  const bytes = await collect(parts.body, largest);
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, stalled: false, used: {} };
  if (bytes === undefined) return { kind: "refused" };
  let text = bytes.toString();
  let used: Used = {};
  try {
    const said = parseJson(bytes);
    if (!isObject(said)) return { kind: "refused" };
    used = watch.answered(said);
    const decided = operation.calls?.may(text)
      ? await operation.calls.whole(said, parts.decide(said))
      : undefined;
    const answer = decided ?? said;
    const left = bindAnswer((await parts.inspect?.whole(answer)) ?? answer, parts);
    if (left !== said) text = stringifyJson(left);
  } catch {
    // no JSON, or not what such an answer is
    return { kind: "refused", used };
  }
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, stalled: false, used };
  const headers = { ...parts.headers, ...costHeader(used), "content-type": "application/json" };
  send(res, parts.status, text, headers);
  return { kind: "relayed", ended: "whole", bytes: Buffer.byteLength(text), stalled: false, used };
}

function bindAnswer(data: JsonObject, { operation, bound }: AnswerParts): JsonObject {
  if (operation.bind === undefined) return data;
  // INVARIANT: what can't be bound to anybody isn't given out
  if (bound === undefined) throw new CallsRefused("nobody to bind to");
  return operation.bind.answer(data, bound);
}

async function relayEvents(parts: AnswerParts): Promise<Relayed> {
  const { operation, watch } = parts;
  const guard = operation.calls?.stream(parts.decide());
  let held = 0;
  async function* events(): AsyncGenerator<Buffer> {
    for await (const { data, raw } of readEvents(parts.body, largestEvent)) {
      if (data === undefined) {
        yield Buffer.from(raw);
        continue;
      }
      if (data === "[DONE]") {
        yield Buffer.from(((await guard?.end()) ?? "") + raw);
        continue;
      }
      const value = parseJson(data);
      if (!isObject(value)) throw new CallsRefused("an event that is no object");
      if (!watch.see(data, value)) continue;
      const named = bindAnswer(value, parts);
      const event = { raw: named === value ? raw : eventOf(named), data: named };
      if (guard === undefined) {
        yield Buffer.from(event.raw);
        continue;
      }
      held = guard.holds() ? held + raw.length : 0;
      if (held > largestEvent) throw new CallsRefused("a call is too long");
      const text = await guard.take(event);
      if (text !== "") yield Buffer.from(text);
    }
    const rest = (await guard?.end()) ?? "";
    if (rest !== "") yield Buffer.from(rest);
  }
  return { kind: "relayed", ...(await sendStream(events(), parts)) };
}

/** Writes an event as providers do: named by its type, where it has one. */
export function eventOf(data: JsonObject): string {
  const { type } = data;
  const name = typeof type === "string" && /^[\w.-]{1,128}$/.test(type) ? `event: ${type}\n` : "";
  return `${name}data: ${stringifyJson(data)}\n\n`;
}
