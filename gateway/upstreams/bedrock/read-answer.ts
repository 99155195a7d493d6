/** Makes Bedrock's answers those of Anthropic's protocol. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { Forwarded } from "../../forward/forward.js";
import { collect, discard, mediaType } from "../../forward/forward.js";
import { writeAnthropicAnswer } from "../../models/translate/anthropic-answer.js";
import { createAnthropicWriter } from "../../models/translate/anthropic-stream.js";
import type { Answered, ReadAnswer } from "../read-answer.js";
import { anthropicError, exceptionOf } from "./errors.js";
import type { Named } from "./read-converse.js";
import { createConverseReader, readConverse } from "./read-converse.js";
import type { Frame } from "./read-frames.js";
import { FramesRefused, readFrames } from "./read-frames.js";

export interface Asked {
  readonly api: "invoke" | "converse";
  readonly streams: boolean;
  readonly model: string;
}

const maxError = 65_536;
/** The largest answer that is translated, bytes. */
const maxAnswer = 16 * 2 ** 20;

export function createReadAnswer({ api, streams, model }: Asked): ReadAnswer {
  return async (answer) => {
    const { status, headers } = answer;
    const id = requestId(headers["x-amzn-requestid"]);
    const ok = status >= 200 && status < 300;
    const type = mediaType(headers);
    if (!ok) return readError(answer, id);
    if (type !== (streams ? "application/vnd.amazon.eventstream" : "application/json")) {
      discard(answer.body);
      return { kind: "failed", code: "upstream_invalid", status };
    }
    const named = { id: `msg_bdrk_${id ?? "0"}`, model };
    if (streams) {
      const events = api === "invoke" ? invokeEvents(answer.body) : converseEvents(answer.body, named);
      return made(answer, id, "text/event-stream", events);
    }
    if (api === "invoke") return made(answer, id, "application/json", answer.body);
    return made(answer, id, "application/json", converseAnswer(answer.body, named));
  };
}

function requestId(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}

function made(
  answer: Answered,
  id: string | undefined,
  type: string,
  body: AsyncIterable<Buffer>,
): Forwarded {
  const { "retry-after": retryAfter } = answer.headers;
  return {
    ...answer,
    headers: {
      "content-type": type,
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
      ...(id === undefined ? {} : { "request-id": id }),
    },
    // what is left unread is let go where it comes from
    body: {
      [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
      dump: (how) => answer.body.dump(how),
    },
  };
}

async function readError(answer: Answered, id: string | undefined): Promise<Forwarded> {
  const { status, headers } = answer;
  const exception = exceptionOf(status, headers["x-amzn-errortype"]);
  // the model failed at it: another one may not, and to a client it is as if there were no answer
  if (status === 424) {
    discard(answer.body);
    return { kind: "failed", code: "upstream_invalid", status: 502 };
  }
  const body = await collect(answer.body, maxError);
  const error = Buffer.from(stringifyJson(anthropicError(exception, body)));
  return made(answer, id, "application/json", once(error));
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}

/** @throws where the answer isn't one */
async function* converseAnswer(body: AsyncIterable<Buffer>, named: Named): AsyncGenerator<Buffer> {
  const bytes = await collect(body, maxAnswer);
  if (bytes === undefined) throw new FramesRefused("the answer is too large, or cut");
  yield Buffer.from(stringifyJson(writeAnthropicAnswer(readConverse(parseJson(bytes), named))));
}

/** Tells what a frame is: an event with its type, or an error that ends the stream, as Anthropic says it. */
function readFrame({ headers, body }: Frame): { type: string; value: Json } | { error: JsonObject } {
  const kind = headers.get(":message-type");
  if (kind === "event") {
    if (headers.get(":content-type") !== "application/json") throw new FramesRefused("a frame's content");
    return { type: headers.get(":event-type") ?? "", value: parseJson(body) };
  }
  const exception = headers.get(kind === "exception" ? ":exception-type" : ":error-code");
  if ((kind !== "exception" && kind !== "error") || exception === undefined)
    throw new FramesRefused("a frame's type");
  return { error: anthropicError(exception, kind === "exception" ? body : undefined) };
}

/** Writes an event anew, so that none can hold another one. */
function eventOf(value: JsonObject): Buffer {
  const { type } = value;
  if (typeof type !== "string" || !/^[a-z_]{1,64}$/.test(type)) throw new FramesRefused("an event's type");
  return Buffer.from(`event: ${type}\ndata: ${stringifyJson(value)}\n\n`);
}

async function* invokeEvents(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let ended = false;
  for await (const frame of readFrames(body)) {
    const said = readFrame(frame);
    if ("error" in said) {
      yield eventOf(said.error);
      return;
    }
    const { value } = said;
    const bytes = isObject(value) && said.type === "chunk" ? value["bytes"] : undefined;
    if (typeof bytes !== "string") throw new FramesRefused("a chunk without bytes");
    const event = parseJson(Buffer.from(bytes, "base64"));
    if (!isObject(event)) throw new FramesRefused("a chunk that is no object");
    ended = event["type"] === "message_stop";
    yield eventOf(event);
  }
  if (!ended) throw new FramesRefused("cut between two frames");
}

async function* converseEvents(body: AsyncIterable<Buffer>, named: Named): AsyncGenerator<Buffer> {
  const reader = createConverseReader(named);
  const write = createAnthropicWriter();
  for await (const frame of readFrames(body)) {
    const said = readFrame(frame);
    if ("error" in said) {
      yield eventOf(said.error);
      return;
    }
    const text = reader.read(said.type, said.value).map(write).join("");
    if (text !== "") yield Buffer.from(text);
  }
  yield Buffer.from(reader.end().map(write).join(""));
}
