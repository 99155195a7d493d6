/** One server-sent event: its data, undefined for a comment and for an event without any; and the text as it came. */
export interface Event {
  readonly data?: string;
  readonly raw: string;
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
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const cut = createLineCutter();
  let data: string[] = [];
  let raw = "";
  let size = 0;
  for await (const chunk of body) {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw new EventsRefused("not UTF-8");
    }
    for (const line of cut.push(text)) {
      raw += line.text + line.end;
      size += line.text.length;
      if (size > limit) throw new EventsRefused("an event is too long");
      if (line.text === "") {
        yield { raw: toOne(raw), ...(data.length > 0 ? { data: data.join("\n") } : {}) };
        data = [];
        raw = "";
        size = 0;
      } else if (line.text.startsWith(":") && data.length === 0) {
        // a comment keeps a connection alive: it doesn't wait for the end of an event
        yield { raw: toOne(raw) };
        raw = "";
        size = 0;
      } else if (line.text === "data" || line.text.startsWith("data:")) {
        data.push(line.text.slice(5).replace(/^ /, ""));
      }
    }
    if (size + cut.pending() > limit) throw new EventsRefused("an event is too long");
  }
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
function createLineCutter(): { push(piece: string): Generator<Line>; pending(): number } {
  let pieces: string[] = [];
  let size = 0;
  let carried = "";
  return {
    pending: () => size,
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
