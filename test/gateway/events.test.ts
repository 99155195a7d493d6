/** Server-sent events, read in pieces of any kind: the same events, and bytes only where they are the events. */
import { fc } from "../properties.js";
import { describe, expect, test } from "@jest/globals";
import { EventsRefused, readEventBatches, readEvents } from "../../gateway/events.js";

const limit = 1_000;

async function* pieces(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function all(chunks: readonly Buffer[]) {
  const events = [];
  for await (const event of readEvents(pieces(chunks), limit)) events.push(event);
  return events;
}

/** Cuts bytes at places, which may lie within a character. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => bytes.subarray(from, sorted[i] ?? bytes.length));
}

const line = fc.constantFrom(
  "data: a",
  "data:b",
  "data:  two",
  "data",
  ": comment",
  "event: x",
  "id: 7",
  "",
  "data: é€😀",
  "data: \u2028x",
  "data:\u0085",
  "other",
);
const end = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");
const stream = fc
  .array(fc.tuple(line, end), { maxLength: 30 })
  .map((lines) => lines.map(([text, eol]) => text + eol).join(""));

/** The rules of WHATWG HTML, section 9.2, line by line, with nothing clever. */
function plainly(text: string): (string | undefined)[] {
  const out: (string | undefined)[] = [];
  let data: string[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  // what follows the last end of a line is no line
  for (const one of lines.slice(0, -1)) {
    if (one === "") {
      out.push(data.length > 0 ? data.join("\n") : undefined);
      data = [];
    } else if (one.startsWith(":") && data.length === 0) out.push(undefined);
    else if (one === "data" || one.startsWith("data:")) data.push(one.slice(5).replace(/^ /, ""));
  }
  return out;
}

test("however it is cut, a stream is the same events, by the plain rules", async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(600), { maxLength: 12 }), async (text, places) => {
      // a CR at the very end may be half of a CRLF: it waits
      const whole = text.replace(/\r+$/, "");
      const bytes = Buffer.from(whole);
      const events = await all(cutAt(bytes, places));
      expect(events.map(({ data }) => data)).toEqual(plainly(whole));
      expect(events).toEqual(await all([bytes]));
    }),
    { numRuns: 400 },
  );
});

test("bytes are given only where they are the events; in order they are the stream", async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(600), { maxLength: 12 }), async (text, places) => {
      const chunks = cutAt(Buffer.from(text), places);
      let out = "";
      const raws: string[] = [];
      for await (const { events, bytes } of readEventBatches(pieces(chunks), limit)) {
        const raw = events.map((event) => event.raw).join("");
        if (bytes !== undefined) expect(bytes.toString()).toBe(raw);
        out += bytes === undefined ? raw : bytes.toString();
        raws.push(raw);
      }
      expect(out).toBe(raws.join(""));
    }),
    { numRuns: 400 },
  );
});

test("a piece of whole events is passed on as it is, not written anew", async () => {
  const chunk = Buffer.from('data: {"a":1}\n\nevent: x\ndata: 2\n\n');
  const batches = [];
  for await (const batch of readEventBatches(pieces([chunk, chunk]), limit)) batches.push(batch.bytes);
  expect(batches).toEqual([chunk, chunk]);
  expect(batches[0]).toBe(chunk);
});

describe("what is no stream of events", () => {
  test.each([
    { name: "bytes that aren't UTF-8", chunks: [Buffer.from([0x64, 0xff, 0x0a])] },
    { name: "the same, after ASCII", chunks: [Buffer.from("data: a\n\n"), Buffer.from([0xc3, 0x28, 0x0a])] },
    { name: "a line without an end", chunks: [Buffer.from("data: " + "x".repeat(2_000))] },
    { name: "the same, in pieces", chunks: Array.from({ length: 300 }, () => Buffer.from("dataxxx")) },
    { name: "an event without an end", chunks: [Buffer.from("data: xxxxxxxxxx\n".repeat(200))] },
    { name: "a long event that has an end", chunks: [Buffer.from(`data: ${"x".repeat(2_000)}\n\n`)] },
  ])("$name: refused", async ({ chunks }) => {
    await expect(all(chunks)).rejects.toBeInstanceOf(EventsRefused);
  });

  test("what came before it is given first", async () => {
    const seen: unknown[] = [];
    const chunk = Buffer.from(`data: a\n\ndata: ${"x".repeat(2_000)}\n\n`);
    const reading = (async () => {
      for await (const { data } of readEvents(pieces([chunk]), limit)) seen.push(data);
    })();
    await expect(reading).rejects.toBeInstanceOf(EventsRefused);
    expect(seen).toEqual(["a"]);
  });

  test("an event that the end cuts off is none", async () => {
    expect(await all([Buffer.from("data: a\n\ndata: b\n")])).toEqual([{ data: "a", raw: "data: a\n\n" }]);
  });
});

test("a first mark of order is no part of the first line", async () => {
  expect(await all([Buffer.from("\ufeffdata: a\n\n")])).toEqual([{ data: "a", raw: "data: a\n\n" }]);
});
