/** One server-sent event: its data, undefined for a comment and for an event without any; and the text as it came. */
export interface Event {
  readonly data?: string;
  readonly raw: string;
}

/** A stream that isn't server-sent events of bearable size in UTF-8. */
export class EventsRefused extends Error {
  override readonly name = "EventsRefused";
}

/**
 * Reads server-sent events (WHATWG HTML, section 9.2) as they come. An event cut off by the end is none.
 * @throws EventsRefused past `limit` characters in one event, or where the bytes aren't UTF-8.
 */
export async function* readEvents(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Event> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let data: string[] = [];
  let raw = "";
  let size = 0;
  for await (const chunk of body) {
    try {
      text += decoder.decode(chunk, { stream: true });
    } catch {
      throw new EventsRefused("not UTF-8");
    }
    let at = 0;
    for (;;) {
      const line = nextLine(text, at);
      if (line === undefined) break;
      raw += text.slice(at, line.next);
      at = line.next;
      size += line.text.length;
      if (size > limit) throw new EventsRefused("an event is too long");
      if (line.text === "") {
        yield { raw, ...(data.length > 0 ? { data: data.join("\n") } : {}) };
        data = [];
        raw = "";
        size = 0;
      } else if (line.text.startsWith(":") && data.length === 0) {
        // a comment keeps a connection alive: it doesn't wait for the end of an event
        yield { raw };
        raw = "";
      } else if (line.text === "data" || line.text.startsWith("data:")) {
        data.push(line.text.slice(5).replace(/^ /, ""));
      }
    }
    text = text.slice(at);
    if (size + text.length > limit) throw new EventsRefused("an event is too long");
  }
}

/** Finds the line at an offset; a CR at the end waits for the LF that may follow. */
function nextLine(text: string, at: number): { text: string; next: number } | undefined {
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x0a) return { text: text.slice(at, i), next: i + 1 };
    if (c !== 0x0d) continue;
    if (i + 1 === text.length) return undefined;
    return { text: text.slice(at, i), next: text.charCodeAt(i + 1) === 0x0a ? i + 2 : i + 1 };
  }
  return undefined;
}
