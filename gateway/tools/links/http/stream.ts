/** Reads the messages of an event stream (streamable HTTP, and the transport before it). */
import { EventsRefused, readEventBatches } from "../../../events.js";
import type { AnswerBody } from "../../../forward/request.js";
import type { Message } from "../messages.js";
import { maxMessage, readMessage } from "../messages.js";

/** Where a stream can be taken up again. */
export interface Cursor {
  lastId?: string;
  retryMs?: number;
}

export type StreamEnd =
  /** The reader has had enough. */
  | { readonly kind: "done" }
  | { readonly kind: "invalid" }
  /** By the server, properly. */
  | { readonly kind: "ended" }
  | { readonly kind: "cut"; readonly code: "upstream_unavailable" | "upstream_timeout" };

export type Verdict = "on" | "done" | "invalid";

export interface StreamReader {
  readonly take: (message: Message) => Verdict;
  /** Takes events of another name than `message`; those are passed over unless given. */
  readonly takeEvent?: (name: string, data: string) => Verdict;
  /** Tells whether a text holds what proves who we are. */
  readonly quotesKey: (text: string) => boolean;
}

/** The most that one stream brings until a reader has had enough: messages, characters. */
const mostMessages = 10_000;
const mostText = 64 * 2 ** 20;
/** How long a stream may take to end once the reader has had enough, so that its connection can be used again; milliseconds. */
const lingerMs = 250;

/**
 * Gives each message to the reader, until it has had enough. What came together with the last one is still looked at.
 * @param leave drops the connection
 */
export async function readStream(
  body: AnswerBody,
  cursor: Cursor,
  reader: StreamReader,
  leave: () => void,
  endless = false,
): Promise<StreamEnd> {
  const batches = readEventBatches(body, maxMessage);
  let [messages, text] = [0, 0];
  try {
    for (;;) {
      const batch = await batches.next();
      if (batch.done === true) return { kind: "ended" };
      let done = false;
      for (const { raw, data } of batch.value.events) {
        const name = noteFields(raw, cursor);
        if (data === undefined || data === "") continue;
        messages++;
        text += data.length;
        const flooded = !endless && (messages > mostMessages || text > mostText);
        const verdict = flooded ? "invalid" : judge(reader, name, data);
        if (verdict === "invalid") {
          leave();
          return { kind: "invalid" };
        }
        done ||= verdict === "done";
      }
      if (done) {
        void linger(batches, leave);
        return { kind: "done" };
      }
    }
  } catch (error) {
    leave();
    return endOf(error);
  }
}

function judge({ take, takeEvent, quotesKey }: StreamReader, name: string, data: string): Verdict {
  if (name !== "message") return takeEvent?.(name, data) ?? "on";
  const message = readMessage(data, quotesKey);
  return message === undefined ? "invalid" : take(message);
}

/** Reads and forgets what little comes after the last message. */
async function linger(rest: AsyncIterator<unknown>, leave: () => void): Promise<void> {
  const timer = setTimeout(leave, lingerMs);
  try {
    while ((await rest.next()).done !== true);
  } catch {
    // it's to be forgotten anyway
  }
  clearTimeout(timer);
}

/** Remembers an event's id and how long to wait; gives its name. Source: WHATWG HTML, section 9.2.6. */
function noteFields(raw: string, cursor: Cursor): string {
  let name = "message";
  if (!/^(?:id|event|retry)/m.test(raw)) return name;
  for (const line of raw.split(/\r\n|\r|\n/)) {
    const match = /^(id|event|retry)(?:: ?(.*))?$/.exec(line);
    if (match === null) continue;
    const [, field, value = ""] = match;
    if (field === "event") name = value === "" ? "message" : value;
    // a header must be able to carry it
    else if (field === "id" && /^[\x21-\x7e]{1,4096}$/.test(value)) cursor.lastId = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) cursor.retryMs = Number(value);
  }
  return name;
}

function endOf(error: unknown): StreamEnd {
  if (error instanceof EventsRefused) return { kind: "invalid" };
  const code = (error as { code?: unknown } | null)?.code;
  // what has no code is no fault of the connection: it is what was read, that may not be given on
  if (code === undefined) return { kind: "invalid" };
  return {
    kind: "cut",
    code: String(code).includes("TIMEOUT") ? "upstream_timeout" : "upstream_unavailable",
  };
}
