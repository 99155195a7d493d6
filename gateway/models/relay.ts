/** Passes a model's answer on to the client: as it comes where both speak alike, else translated piece by piece. */
import type { ServerResponse } from "node:http";
import type { JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { maskAnswer, maskEvents } from "../content/mask-answer.js";
import type { Masking } from "../content/mask-text.js";
import { readEvents } from "../events.js";
import { collect, passOn } from "../forward/forward.js";
import { send } from "../http.js";
import type { DecideCalls } from "./calls/guard.js";
import { guardStream, mayCall } from "./calls/guard.js";
import type { ModelProtocol, Usage } from "./protocol.js";
import type { AnswerEvent, ModelRequest } from "./translate/canonical.js";

/** What of an answer is looked at for usage, from both of its ends. */
const edge = 65_536;
/** The largest answer, or event of a stream, that is translated, bytes. */
const largest = 16 * 2 ** 20;

export interface RelayParts {
  readonly res: ServerResponse;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
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
  /** What tells a client that its stream was cut. */
  readonly errorEvent: string;
}

export type Relayed =
  | {
      readonly kind: "relayed";
      readonly ended: "whole" | "cut" | "aborted";
      readonly bytes: number;
      readonly usage: Usage | undefined;
    }
  /** Nothing was sent: the answer isn't one, or has no counterpart. */
  | { readonly kind: "refused" };

export async function relay(parts: RelayParts): Promise<Relayed> {
  if (!parts.stream) return relayWhole(parts);
  return parts.request === undefined ? relayAsIs(parts) : relayStream(parts, parts.request);
}

/** The stream, whose calls were decided, as it may be seen. */
function guarded({ body, server, decide, masks }: RelayParts): AsyncIterable<Buffer> {
  return masks.reduce<AsyncIterable<Buffer>>(
    (events, masking) => maskEvents(events, masking, server.name, largest),
    guardStream(body, server.calls.stream(decide), largest),
  );
}

async function relayAsIs(parts: RelayParts): Promise<Relayed> {
  const { res, server } = parts;
  begin(parts);
  let head: Buffer = Buffer.alloc(0);
  async function* watched(): AsyncGenerator<Buffer> {
    for await (const chunk of guarded(parts)) {
      if (head.length < edge) head = Buffer.concat([head, chunk.subarray(0, edge - head.length)]);
      yield chunk;
    }
  }
  const { ended, bytes, tail } = await passOn(watched(), res, parts.signal, edge);
  // the blank line ends the event that was cut
  if (ended === "cut") res.write(`\n\n${parts.errorEvent}`);
  res.end();
  const texts = [...dataOf(head.toString()), ...dataOf(tail.toString())];
  return { kind: "relayed", ended, bytes, usage: usageOf(texts, server) };
}

function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: (\{.*\})\s*$/gm)].map(([, json = ""]) => json);
}

/** What is said last counts; a piece that isn't whole says nothing. */
function usageOf(texts: readonly string[], server: ModelProtocol): Usage | undefined {
  let usage: Usage | undefined;
  for (const text of texts) {
    try {
      const data = parseJson(text);
      if (isObject(data)) usage = server.usage(data, usage);
    } catch {
      // not a whole event
    }
  }
  return usage;
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
  const { res, client, server } = parts;
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
  begin(parts);
  const { ended, bytes } = await passOn(translated(), res, parts.signal, 0);
  if (ended === "cut") res.write(`\n\n${parts.errorEvent}`);
  res.end();
  return { kind: "relayed", ended, bytes, usage };
}

function begin({ res, status, headers, stream }: RelayParts): void {
  res.writeHead(status, stream ? { ...headers, "cache-control": "no-cache" } : headers);
}
