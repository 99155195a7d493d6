/** Passes a model's answer on to the client: as it comes where both speak alike, else translated piece by piece. */
import type { JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { readEvents } from "../events.js";
import { collect } from "../forward/forward.js";
import { send } from "../http.js";
import type { DecideCalls } from "./calls/guard.js";
import { guardStream, mayCall } from "./calls/guard.js";
import type { Used } from "../observe/account.js";
import { costHeader } from "../observe/account.js";
import type { Watch } from "../observe/watch.js";
import type { ModelProtocol } from "./protocol.js";
import type { Sent, StreamParts } from "./send-stream.js";
import { sendStream } from "./send-stream.js";
import type { AnswerEvent, ModelRequest } from "./translate/canonical.js";

/** The largest answer, or event of a stream, that is translated, bytes. */
const largest = 16 * 2 ** 20;

export interface RelayParts extends StreamParts {
  readonly body: AsyncIterable<Buffer>;
  readonly client: ModelProtocol;
  readonly server: ModelProtocol;
  /** What was asked, where it was translated. */
  readonly request?: ModelRequest | undefined;
  readonly stream: boolean;
  /** Epoch seconds. */
  readonly created: number;
  /** Decides the calls that the model makes. */
  readonly decide: DecideCalls;
  readonly watch: Watch;
}

export type Relayed =
  | (Sent & { readonly kind: "relayed" })
  /** Nothing was sent: the answer isn't one, or has no counterpart. It may have cost something all the same. */
  | { readonly kind: "refused"; readonly used?: Used };

export async function relay(parts: RelayParts): Promise<Relayed> {
  if (!parts.stream) return relayWhole(parts);
  return parts.request === undefined ? relayAsIs(parts) : relayStream(parts, parts.request);
}

/** The stream, whose calls were decided. */
function guarded({ body, server, decide, watch }: RelayParts): AsyncIterable<Buffer> {
  return guardStream(body, server.calls.stream(decide), largest, (data) => watch.see(data));
}

async function relayAsIs(parts: RelayParts): Promise<Relayed> {
  return { kind: "relayed", ...(await sendStream(guarded(parts), parts)) };
}

async function relayWhole(parts: RelayParts): Promise<Relayed> {
  const { res, client, server, request, watch } = parts;
  const bytes = await collect(parts.body, largest);
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, stalled: false, used: {} };
  if (bytes === undefined) return { kind: "refused" };
  let text = bytes.toString();
  let used: Used = {};
  try {
    const said = parseJson(bytes);
    if (!isObject(said)) return { kind: "refused" };
    used = watch.answered(said);
    const allowed = mayCall(text) ? await server.calls.whole(said, parts.decide) : undefined;
    const own = allowed ?? said;
    const answer = request === undefined ? own : client.writeAnswer(server.readAnswer(own), parts.created);
    const left = (await parts.inspect?.whole(answer)) ?? answer;
    if (left !== said) text = stringifyJson(left);
  } catch {
    // no JSON, or what has no counterpart: half of an answer is none
    return { kind: "refused", used };
  }
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, stalled: false, used };
  const headers = { ...parts.headers, ...costHeader(used), "content-type": "application/json" };
  send(res, parts.status, text, headers);
  return { kind: "relayed", ended: "whole", bytes: Buffer.byteLength(text), stalled: false, used };
}

async function relayStream(parts: RelayParts, request: ModelRequest): Promise<Relayed> {
  const { client, server } = parts;
  const reader = server.reader();
  const write = client.writer(parts.created, request);
  const say = (events: readonly AnswerEvent[]): Buffer => Buffer.from(events.map(write).join(""));
  async function* translated(): AsyncGenerator<Buffer> {
    for await (const { data } of readEvents(guarded(parts), largest)) {
      // a comment keeps the connection alive
      if (data === undefined) yield Buffer.from(client.heartbeat);
      else if (data === "[DONE]") break;
      else {
        const value = parseJson(data) as JsonObject;
        const said = say(reader.read(value));
        if (said.length > 0) yield said;
        // what says nothing in the other protocol keeps the connection alive all the same
        else if (value["type"] === "ping") yield Buffer.from(client.heartbeat);
      }
    }
    yield say(reader.end());
  }
  return { kind: "relayed", ...(await sendStream(translated(), parts)) };
}
