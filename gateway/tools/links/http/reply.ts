/** Reads the one reply to a request from an answer of HTTP, and what the server says before it. */
import { collect, discard, mediaType } from "../../../forward/forward.js";
import type { Message, Reply } from "../messages.js";
import { maxMessage, readMessage } from "../messages.js";
import type { Answered } from "./send.js";
import type { Cursor, StreamEnd, Verdict } from "./stream.js";
import { readStream } from "./stream.js";

export type Read =
  | { readonly kind: "reply"; readonly answer: Reply }
  /** The stream is over, and there was no reply. */
  | Extract<StreamEnd, { kind: "ended" | "cut" }>
  | { readonly kind: "invalid" };

/** Takes what isn't a reply; `false`: it shouldn't have been said. */
export type Beside = (message: Exclude<Message, { kind: "reply" }>) => boolean;

export interface Awaited {
  /** Ours, of the request. */
  readonly id: number;
  readonly beside: Beside;
  readonly cursor: Cursor;
  /** Drops the connection. */
  readonly leave: () => void;
}

/** Reads an answer, of whatever status. INVARIANT: a reply to another id is none, and neither are two. */
export async function readReply(answer: Answered, awaited: Awaited): Promise<Read> {
  const type = mediaType(answer.headers);
  if (type === "text/event-stream" && answer.status < 300) return readReplies(answer, awaited);
  if (type !== "application/json") {
    discard(answer.body);
    return { kind: "invalid" };
  }
  const text = await collect(answer.body, maxMessage);
  const message = text === undefined ? undefined : readMessage(text, answer.quotesKey);
  if (message?.kind !== "reply" || message.id !== awaited.id) return { kind: "invalid" };
  // what failed by its status has no result
  if (answer.status >= 300 && message.answer.kind === "result") return { kind: "invalid" };
  return { kind: "reply", answer: message.answer };
}

/** The same, of a stream. */
export async function readReplies(answer: Answered, { id, beside, cursor, leave }: Awaited): Promise<Read> {
  let reply: Reply | undefined;
  const take = (message: Message): Verdict => {
    if (message.kind !== "reply") return reply !== undefined || beside(message) ? "on" : "invalid";
    if (reply !== undefined || message.id !== id) return "invalid";
    reply = message.answer;
    return "done";
  };
  const end = await readStream(answer.body, cursor, { take, quotesKey: answer.quotesKey }, leave);
  if (end.kind === "invalid") return end;
  if (reply !== undefined) return { kind: "reply", answer: reply };
  return end.kind === "done" ? { kind: "invalid" } : end;
}
