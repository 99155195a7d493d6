/** Reads RFC 3339 as leniently as Go's `time.Parse` does. Source: Go 1.26, time/format.go. */
import type { Bytes } from "./bytes.js";
import { quoteTimeBytes, toBytes } from "./bytes.js";
import type { Moment } from "./calendar.js";
import { daysIn, secondsOf } from "./calendar.js";
import { fault } from "./operands.js";

const layout = "2006-01-02T15:04:05Z07:00";

/** A part of the layout, and what stands before it. */
interface Part {
  readonly before: string;
  readonly sign: string;
  readonly name: string;
  readonly most: number;
  readonly digits: RegExp;
}

const two = /^[0-9]{2}/;
const parts: readonly Part[] = [
  { before: "", sign: "2006", name: "year", most: 9999, digits: /^[0-9]{4}/ },
  { before: "-", sign: "01", name: "month", most: 12, digits: two },
  { before: "-", sign: "02", name: "day", most: 99, digits: two },
  // one digit will do
  { before: "T", sign: "15", name: "hour", most: 23, digits: /^[0-9]{1,2}/ },
  { before: ":", sign: "04", name: "minute", most: 59, digits: two },
  { before: ":", sign: "05", name: "second", most: 59, digits: two },
];

/** Reads a time. @throws BuiltinFault in Go's words */
export function parseRfc3339(text: string): Moment {
  const whole = toBytes(text);
  const numbers: number[] = [];
  let rest = whole;
  for (const { before, sign, name, most, digits } of parts) {
    rest = skip(whole, rest, before);
    const found = digits.exec(rest)?.[0];
    if (found === undefined) throw mismatch(whole, sign, rest);
    rest = rest.slice(found.length);
    const value = Number(found);
    numbers.push(value);
    if (value > most || (name === "month" && value === 0)) throw outOfRange(whole, name);
  }
  const fraction = /^[.,]([0-9]+)/.exec(rest);
  rest = rest.slice(fraction?.[0].length ?? 0);
  const nanos = Number((fraction?.[1] ?? "").slice(0, 9).padEnd(9, "0"));
  const { offset, after } = zoneOf(whole, rest);
  if (after !== "")
    throw fault(`parsing time ${quoteTimeBytes(whole)}: extra text: ${quoteTimeBytes(after)}`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  if (day < 1 || day > daysIn(year, month)) throw outOfRange(whole, "day");
  return { seconds: secondsOf(year, month, day, hour * 3_600 + minute * 60 + second) - offset, nanos };
}

function skip(whole: Bytes, rest: Bytes, before: string): Bytes {
  if (rest.startsWith(before)) return rest.slice(before.length);
  throw mismatch(whole, before, rest);
}

/** `Z`, or an offset of up to 24 hours and 60 minutes. */
function zoneOf(whole: Bytes, rest: Bytes): { readonly offset: number; readonly after: Bytes } {
  if (rest.startsWith("Z")) return { offset: 0, after: rest.slice(1) };
  if (rest.length < 6 || rest[3] !== ":") throw mismatch(whole, "Z07:00", rest);
  const [hours, minutes] = [rest.slice(1, 3), rest.slice(4, 6)];
  const isHours = two.test(hours);
  if (isHours && Number(hours) > 24) throw outOfRange(whole, "time zone offset hour");
  if (isHours && two.test(minutes) && Number(minutes) > 60)
    throw outOfRange(whole, "time zone offset minute");
  if (!isHours || !two.test(minutes) || !/^[+-]/.test(rest)) throw mismatch(whole, "Z07:00", rest);
  const size = Number(hours) * 3_600 + Number(minutes) * 60;
  return { offset: rest.startsWith("-") ? -size : size, after: rest.slice(6) };
}

function mismatch(whole: Bytes, sign: string, rest: Bytes) {
  const [value, found] = [quoteTimeBytes(whole), quoteTimeBytes(rest)];
  return fault(
    `parsing time ${value} as ${quoteTimeBytes(layout)}: cannot parse ${found} as ${quoteTimeBytes(sign)}`,
  );
}

function outOfRange(whole: Bytes, name: string) {
  return fault(`parsing time ${quoteTimeBytes(whole)}: ${name} out of range`);
}
