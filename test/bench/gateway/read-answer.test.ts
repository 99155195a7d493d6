/** The benchmark's reader: it must not take for whole what isn't, or its figures mean nothing. */
import { describe, expect, test } from "@jest/globals";
import { streamEvents } from "../../../bench/gateway/answers.js";
import { createAnswerReader } from "../../../bench/gateway/read-answer.js";
import { slopeOf } from "../../../bench/gateway/slope.js";

const frame = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const events = streamEvents(3);
const body = events.join("");
const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const answers: readonly {
  readonly name: string;
  readonly text: string;
  readonly bytes: number;
  readonly done: boolean;
}[] = [
  {
    name: "plain",
    text: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    bytes: body.length,
    done: true,
  },
  { name: "empty", text: "HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n", bytes: 0, done: false },
  {
    name: "chunked, a chunk per event",
    text: `${chunked}${events.map(frame).join("")}0\r\n\r\n`,
    bytes: body.length,
    done: true,
  },
  { name: "chunked, one chunk", text: `${chunked}${frame(body)}0\r\n\r\n`, bytes: body.length, done: true },
  {
    name: "chunked, cut before [DONE]",
    text: `${chunked}${frame(events[0] ?? "")}0\r\n\r\n`,
    bytes: (events[0] ?? "").length,
    done: false,
  },
];

describe.each(answers)("an answer, $name", ({ text, bytes, done }) => {
  test("is whole at its last byte and not before, however it is cut", () => {
    for (let cut = 1; cut < text.length; cut++) {
      const reader = createAnswerReader();
      expect(reader.take(Buffer.from(text.slice(0, cut)))).toBe(false);
      expect(reader.take(Buffer.from(text.slice(cut)))).toBe(true);
      expect({ bytes: reader.bytes, done: reader.done }).toEqual({ bytes, done });
    }
  });

  test("is read byte by byte, and again on the same connection", () => {
    const pieces: Buffer[] = [];
    const reader = createAnswerReader((piece) => pieces.push(Buffer.from(piece)));
    for (let round = 0; round < 2; round++) {
      const whole = [...text].map((byte) => reader.take(Buffer.from(byte)));
      expect(whole.indexOf(true)).toBe(text.length - 1);
      expect(reader.bytes).toBe(bytes);
      reader.reset();
    }
    expect(Buffer.concat(pieces)).toHaveLength(2 * bytes);
  });

  test("throws on more than it says", () => {
    expect(() => createAnswerReader().take(Buffer.from(`${text}x`))).toThrow();
  });
});

test("a slope is what a line rises by", () => {
  expect(slopeOf([[0, 5], [1, 7], [2, 9]])).toBeCloseTo(2); // prettier-ignore
  expect(slopeOf([[0, 5], [1, 5], [2, 5]])).toBeCloseTo(0); // prettier-ignore
});
