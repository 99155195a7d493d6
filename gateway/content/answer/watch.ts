/** Lets a stream pass and finds facts about it; where they are decided on, nothing passes before it is. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson } from "../../../sidecar/contract.js";
import { readEvents } from "../../events.js";
import type { Mark, StreamScanner } from "./scan.js";
import type { VisitEvent, Visitor } from "./visitor.js";

/** The largest event, and the most that is held, characters. */
const largest = 16 * 2 ** 20;

/** What was held isn't whole, or too much. */
export class CantScanAnswer extends Error {
  override readonly name = "CantScanAnswer";
}

/** Passes a stream on as it comes; what isn't an event of an answer isn't looked at, and the facts say so. */
export async function* observeEvents(
  source: AsyncIterable<Buffer>,
  visit: VisitEvent,
  { visitor, marks, fail }: StreamScanner,
): AsyncGenerator<Buffer> {
  for await (const { data, raw } of readEvents(source, largest)) {
    lookBeside(raw, data, visitor);
    if (data !== undefined && data !== "[DONE]") {
      try {
        visit(read(data), visitor);
      } catch {
        fail();
      }
    }
    marks();
    yield Buffer.from(raw);
  }
}

/**
 * Passes a stream on some 230 characters late: what was found in it is decided on before it is released.
 * @param decide asked for each new kind of finding, and for what couldn't be seen; throws where it is denied
 */
export async function* holdEvents(
  source: AsyncIterable<Buffer>,
  visit: VisitEvent,
  scanner: StreamScanner,
  decide: (facts: JsonObject) => Promise<void>,
): AsyncGenerator<Buffer> {
  let held: { readonly raw: string; readonly marks: readonly Mark[] }[] = [];
  let size = 0;
  const settle = async (): Promise<Buffer | undefined> => {
    // INVARIANT: what is released was known and decided on up to its end
    if (scanner.news()) await decide(scanner.facts());
    const waits = held.findIndex(({ marks }) => !marks.every((mark) => scanner.isKnown(mark)));
    const go = waits < 0 ? held : held.slice(0, waits);
    if (go.length === 0) return undefined;
    held = waits < 0 ? [] : held.slice(waits);
    const text = go.map(({ raw }) => raw).join("");
    size -= text.length;
    return Buffer.from(text);
  };
  for await (const { data, raw } of readEvents(source, largest)) {
    if (data === undefined) {
      // a comment keeps the connection alive, and says nothing
      yield Buffer.from(":\n\n");
      continue;
    }
    lookBeside(raw, data, scanner.visitor);
    if (data === "[DONE]") scanner.visitor.end("");
    else visit(read(data), scanner.visitor);
    held.push({ raw, marks: scanner.marks() });
    size += raw.length;
    if (size > largest) throw new CantScanAnswer();
    const out = await settle();
    if (out !== undefined) yield out;
  }
  scanner.visitor.end("");
  const rest = await settle();
  if (rest !== undefined) yield rest;
}

/** Looks at what an event has beside its data: comments, ids, and whatever else stands there. */
function lookBeside(raw: string, data: string | undefined, visitor: Visitor): void {
  // most have nothing: `data: `, the data, an empty line
  if (data !== undefined && raw.length === data.length + 8) return;
  const lines = raw.split(/\r\n|\r|\n/).filter((line) => line !== "" && !plainLine.test(line));
  if (lines.length > 0) visitor.whole("", lines.join("\n"));
}

const plainLine = /^(?:data(?::|$)|event: ?[\w.-]{1,64}$|: ?[A-Za-z ]{0,32}$)/;

function read(data: string): JsonObject {
  const value = parseJson(data);
  if (!isObject(value)) throw new CantScanAnswer();
  return value;
}
