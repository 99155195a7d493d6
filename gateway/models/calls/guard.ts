/** Holds the tool calls in a model's answer until they are whole, has them decided, and lets them go or refuses them. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson } from "../../../sidecar/contract.js";
import { readEventBatches } from "../../events.js";

/** A call that a model makes. */
export interface ToolCall {
  readonly name: string;
  /** Undefined where they aren't one JSON object. */
  readonly arguments: JsonObject | undefined;
}

/** Decides calls, in order: the text that stands in for a refused one; undefined lets it go. */
export type DecideCalls = (calls: readonly ToolCall[]) => Promise<readonly (string | undefined)[]>;

/** What finds calls in one protocol's answers, and takes refused ones out. */
export interface CallGuard {
  /** Gives the answer without the calls that were refused; undefined where none was. */
  whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined>;
  /** Watches one stream. */
  stream(decide: DecideCalls): StreamGuard;
}

export interface HeldEvent {
  /** The event as it came. */
  readonly raw: string;
  readonly data: JsonObject;
}

export interface StreamGuard {
  /** Whether a call has begun that isn't whole. */
  holds(): boolean;
  /** Gives what may be sent by now: as it came where nothing was refused. */
  take(event: HeldEvent): Promise<string>;
  /** Gives what is left at the end. @throws Error where a call isn't whole: then it is none */
  end(): Promise<string>;
}

/** A stream that breaks off within a call, or isn't what it should be. */
export class CallsRefused extends Error {
  override readonly name = "CallsRefused";
}

/** What every call has somewhere, unless an escape spells it otherwise. */
const suspicious = /tool|function|partial_json|\\u00/i;

/** Tells whether an answer could hold a call; cheaper than reading it. */
export function mayCall(text: string): boolean {
  return suspicious.test(text);
}

/**
 * Passes a stream on, but for its calls. Text isn't delayed: only what belongs to a call is held.
 * @param limit the largest event, and the most that is held, characters
 * @param watch told the data of each event; false: it isn't the client's
 */
export async function* guardStream(
  body: AsyncIterable<Buffer>,
  guard: StreamGuard,
  limit: number,
  watch?: (data: string) => boolean,
): AsyncGenerator<Buffer> {
  let held = 0;
  for await (const { events, bytes } of readEventBatches(body, limit)) {
    let out = "";
    let asItCame = true;
    for (const { data, raw } of events) {
      if (data !== undefined && watch?.(data) === false) {
        asItCame = false;
        continue;
      }
      if (data !== "[DONE]" && (data === undefined || !(guard.holds() || mayCall(data)))) {
        out += raw;
        continue;
      }
      // what is decided on takes its time: what came before doesn't wait for it
      if (out !== "") yield Buffer.from(out);
      asItCame = false;
      if (data === "[DONE]") out = (await guard.end()) + raw;
      else {
        held = guard.holds() ? held + raw.length : 0;
        if (held > limit) throw new CallsRefused("a call is too long");
        const value: Json = parseJson(data);
        if (!isObject(value)) throw new CallsRefused("an event that is no object");
        out = await guard.take({ raw, data: value });
      }
    }
    if (asItCame && bytes !== undefined) yield bytes;
    else if (out !== "") yield Buffer.from(out);
  }
  const rest = await guard.end();
  if (rest !== "") yield Buffer.from(rest);
}
