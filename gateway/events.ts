import { isAscii } from "node:buffer";

/** One server-sent event: its data, undefined for a comment and for an event without any; and the text as it came. */
export interface Event {
  readonly data?: string;
  readonly raw: string;
}

/** The events that a piece of a stream completed. */
export interface EventBatch {
  readonly events: readonly Event[];
  /** The piece itself, where it is these events and nothing else. */
  readonly bytes?: Buffer;
}

/** A stream that isn't server-sent events of bearable size in UTF-8. */
export class EventsRefused extends Error {
  override readonly name = "EventsRefused";
}

/** What ends a line for readers that go by Python's or Unicode's lines, and is nothing special in an event. */
const otherLineEnds = /[\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2) as they come. An event cut off by the end is none.
 * INVARIANT: what is one event here is one for every reader: other signs that end lines are given as JSON's escapes.
 * @throws EventsRefused past `limit` characters in one event, or where the bytes aren't UTF-8.
 */
export async function* readEvents(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Event> {
  for await (const { events } of readEventBatches(body, limit)) yield* events;
}

/** The same, all at once that came at once. */
export async function* readEventBatches(
  body: AsyncIterable<Buffer>,
  limit: number,
): AsyncGenerator<EventBatch> {
  const decode = createDecoder();
  const read = createReader(limit);
  for await (const chunk of body) {
    const text = decode(chunk);
    const { events, whole, fault } = read(text);
    if (events.length > 0) yield whole && isThe(chunk, text) ? { events, bytes: chunk } : { events };
    if (fault) throw new EventsRefused("an event is too long");
  }
}

/** Tells whether a piece is its text: it neither begins nor ends within a character, and has no mark of order. */
function isThe(chunk: Buffer, text: string): boolean {
  const begins = ((chunk[0] ?? 0) & 0xc0) !== 0x80;
  return begins && (text.length === chunk.length || Buffer.byteLength(text) === chunk.length);
}

/** Gives the text of each piece; a character that two pieces share comes with the second. A first mark of order is dropped. */
function createDecoder(): (chunk: Buffer) => string {
  const strict = new TextDecoder("utf-8", { fatal: true });
  /** Whether the decoder may have kept the beginning of a character. */
  let keeps = true;
  return (chunk) => {
    // most pieces are ASCII; then it's a third of the price
    if (!keeps && isAscii(chunk)) return chunk.toString("latin1");
    try {
      const text = strict.decode(chunk, { stream: true });
      keeps = chunk.length === 0 ? keeps : (chunk[chunk.length - 1] ?? 0) >= 0x80;
      return text;
    } catch {
      throw new EventsRefused("not UTF-8");
    }
  };
}

interface Read {
  readonly events: Event[];
  /** Whether the piece is these events and nothing else, unchanged. */
  readonly whole: boolean;
  /** Whether an event is too long. */
  readonly fault: boolean;
}

function createReader(limit: number): (text: string) => Read {
  const cut = createLineCutter();
  let data: string[] = [];
  let raw = "";
  let size = 0;
  /** Whether a piece ended within an event. */
  let within = false;

  const byLines = (text: string, events: Event[]): boolean => {
    for (const line of cut.push(text)) {
      raw += line.text + line.end;
      size += line.text.length;
      if (size > limit) return true;
      if (line.text === "") {
        events.push({ raw: toOne(raw), ...(data.length > 0 ? { data: data.join("\n") } : {}) });
        data = [];
        raw = "";
        size = 0;
      } else if (line.text.startsWith(":") && data.length === 0) {
        // a comment keeps a connection alive: it doesn't wait for the end of an event
        events.push({ raw: toOne(raw) });
        raw = "";
        size = 0;
      } else if (line.text === "data" || line.text.startsWith("data:")) data.push(valueOf(line.text));
    }
    within = raw !== "" || cut.holds();
    return size + cut.pending() > limit;
  };

  return (text) => {
    const events: Event[] = [];
    if (within || text.includes("\r") || otherLineEnds.test(text)) {
      return { events, whole: false, fault: byLines(text, events) };
    }
    // what most pieces are: whole events, whose lines end in LF
    let at = 0;
    while (at < text.length) {
      const end = text.indexOf("\n\n", at);
      if (end < 0 || end - at > limit) break;
      const event = plainEvent(text, at, end);
      if (event === undefined) break;
      events.push(event);
      at = end + 2;
    }
    if (at === text.length) return { events, whole: true, fault: false };
    return { events, whole: false, fault: byLines(at === 0 ? text : text.slice(at), events) };
  };
}

/** Reads an event without comments and empty lines; undefined for any other. */
function plainEvent(text: string, from: number, end: number): Event | undefined {
  const raw = text.slice(from, end + 2);
  let data: string | undefined;
  for (let at = from; at < end;) {
    const lf = text.indexOf("\n", at);
    const line = text.slice(at, lf);
    if (line === "" || line.startsWith(":")) return undefined;
    if (line === "data" || line.startsWith("data:")) {
      const value = valueOf(line);
      data = data === undefined ? value : `${data}\n${value}`;
    }
    at = lf + 1;
  }
  if (end === from) return undefined;
  return data === undefined ? { raw } : { raw, data };
}

function valueOf(line: string): string {
  return line.slice(line.charCodeAt(5) === 0x20 ? 6 : 5);
}

function toOne(raw: string): string {
  if (!otherLineEnds.test(raw)) return raw;
  return raw.replace(
    new RegExp(otherLineEnds, "g"),
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

interface Line {
  readonly text: string;
  readonly end: string;
}

/** Cuts text into lines; each character is looked at once, however small the pieces and long the line. */
function createLineCutter(): { push(piece: string): Generator<Line>; pending(): number; holds(): boolean } {
  let pieces: string[] = [];
  let size = 0;
  let carried = "";
  return {
    pending: () => size,
    holds: () => size > 0 || carried !== "",
    *push(piece) {
      const text = carried + piece;
      // a CR at the end waits for the LF that may follow
      carried = text.endsWith("\r") ? "\r" : "";
      const until = text.length - carried.length;
      let at = 0;
      let [cr, lf] = [text.indexOf("\r"), text.indexOf("\n")];
      for (;;) {
        if (cr >= 0 && cr < at) cr = text.indexOf("\r", at);
        if (lf >= 0 && lf < at) lf = text.indexOf("\n", at);
        const stop = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
        if (stop < 0 || stop >= until) break;
        const end = stop === cr && lf === cr + 1 ? "\r\n" : text.charAt(stop);
        const rest = text.slice(at, stop);
        const line = pieces.length === 0 ? rest : pieces.join("") + rest;
        pieces = [];
        size = 0;
        at = stop + end.length;
        yield { text: line, end };
      }
      if (at < until) {
        pieces.push(text.slice(at, until));
        size += until - at;
      }
    },
  };
}
