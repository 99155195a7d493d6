/** Passes a model's answer on to the client: as it comes where both speak alike, else translated piece by piece. */
import type { JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { maskAnswer, maskEvents } from "../content/mask-answer.js";
import type { Masking } from "../content/mask-text.js";
import { readEvents } from "../events.js";
import type { Passed } from "../forward/forward.js";
import { collect } from "../forward/forward.js";
import { send } from "../http.js";
import type { DecideCalls } from "./calls/guard.js";
import { guardStream, mayCall } from "./calls/guard.js";
import type { ModelProtocol, Usage } from "./protocol.js";
import type { StreamParts } from "./send-stream.js";
import { sendStream } from "./send-stream.js";
import type { AnswerEvent, ModelRequest } from "./translate/canonical.js";

/** The largest answer, or event of a stream, that is translated, bytes. */
const largest = 16 * 2 ** 20;

export interface RelayParts extends StreamParts {
  readonly body: AsyncIterable<Buffer>;
  readonly client: ModelProtocol;
  readonly server: ModelProtocol;
  /** What was asked, where it was translated. */
  readonly request?: ModelRequest;
  readonly stream: boolean;
  /** Epoch seconds. */
  readonly created: number;
  /** Decides the calls that the model makes. */
  readonly decide: DecideCalls;
  /** What is taken out of the answer before the client sees it. */
  readonly masks: readonly Masking[];
}

export type Relayed =
  | (Passed & { readonly kind: "relayed"; readonly usage: Usage | undefined })
  /** Nothing was sent: the answer isn't one, or has no counterpart. */
  | { readonly kind: "refused" };

export async function relay(parts: RelayParts): Promise<Relayed> {
  if (!parts.stream) return relayWhole(parts);
  return parts.request === undefined ? relayAsIs(parts) : relayStream(parts, parts.request);
}

/** The stream, whose calls were decided, as it may be seen. */
function guarded(
  { body, server, decide, masks }: RelayParts,
  watch?: (data: string) => void,
): AsyncIterable<Buffer> {
  return masks.reduce<AsyncIterable<Buffer>>(
    (events, masking) => maskEvents(events, masking, server.name, largest),
    guardStream(body, server.calls.stream(decide), largest, watch),
  );
}

/** What an event that says something of usage has, unless an escape spells it otherwise. */
const mentionsUsage = /usage|\\u00/;

async function relayAsIs(parts: RelayParts): Promise<Relayed> {
  const { server } = parts;
  let usage: Usage | undefined;
  const watch = (data: string): void => {
    if (!mentionsUsage.test(data)) return;
    try {
      const value = parseJson(data);
      if (isObject(value)) usage = server.usage(value, usage);
    } catch {
      // no JSON: it says nothing
    }
  };
  return { kind: "relayed", ...(await sendStream(guarded(parts, watch), parts)), usage };
}

async function relayWhole(parts: RelayParts): Promise<Relayed> {
  const { res, client, server, request } = parts;
  const bytes = await collect(parts.body, largest);
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, usage: undefined };
  if (bytes === undefined) return { kind: "refused" };
  let text = bytes.toString();
  let usage: Usage | undefined;
  try {
    const said = parseJson(bytes);
    if (!isObject(said)) return { kind: "refused" };
    usage = server.usage(said, undefined);
    const allowed = mayCall(text) ? await server.calls.whole(said, parts.decide) : undefined;
    const left = parts.masks.length === 0 ? allowed : parts.masks.reduce(maskAnswer, allowed ?? said);
    if (request !== undefined) {
      text = stringifyJson(client.writeAnswer(server.readAnswer(left ?? said), parts.created));
    } else if (left !== undefined) text = stringifyJson(left);
  } catch {
    // no JSON, or what has no counterpart: half of an answer is none
    return { kind: "refused" };
  }
  send(res, parts.status, text, { ...parts.headers, "content-type": "application/json" });
  return { kind: "relayed", ended: "whole", bytes: Buffer.byteLength(text), usage };
}

async function relayStream(parts: RelayParts, request: ModelRequest): Promise<Relayed> {
  const { client, server } = parts;
  const reader = server.reader();
  const write = client.writer(parts.created, request);
  let usage: Usage | undefined;
  const say = (events: readonly AnswerEvent[]): Buffer => Buffer.from(events.map(write).join(""));
  async function* translated(): AsyncGenerator<Buffer> {
    for await (const { data } of readEvents(guarded(parts), largest)) {
      // a comment keeps the connection alive
      if (data === undefined) yield Buffer.from(":\n\n");
      else if (data === "[DONE]") break;
      else {
        const value = parseJson(data) as JsonObject;
        const said = say(reader.read(value));
        usage = server.usage(value, usage);
        if (said.length > 0) yield said;
      }
    }
    yield say(reader.end());
  }
  return { kind: "relayed", ...(await sendStream(translated(), parts)), usage };
}
