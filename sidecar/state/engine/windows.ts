/** Times over which limits count. */
import type { Window } from "./engine.js";

/** Where a window counts now: whole numbers that only grow with time. */
export interface Slot {
  /** Counts now. */
  readonly bucket: number;
  /** The oldest that still counts. */
  readonly floor: number;
}

/**
 * Parts of a sliding window. A part counts until all of it has left the window: no window of any beginning holds more than
 * the amount, and what was used counts for up to 1/32 longer than asked.
 */
export const slidingParts = 32;

const widthOf = (ms: number): number => Math.max(1, Math.ceil(ms / slidingParts));

/** Gives where a window counts. */
export function slotOf(window: Window, now: number): Slot {
  switch (window.kind) {
    case "fixed": {
      const bucket = Math.floor(now / window.ms);
      return { bucket, floor: bucket };
    }
    case "sliding": {
      const width = widthOf(window.ms);
      return { bucket: Math.floor(now / width), floor: Math.floor((now - window.ms) / width) };
    }
    case "calendar": {
      const { start } = periodOf(window.period, window.timeZone, now);
      return { bucket: start, floor: start };
    }
    case "lifetime":
    case "concurrent":
      return { bucket: 0, floor: 0 };
  }
}

/**
 * Moves a slot to the newest one that was counted in. INVARIANT: a clock that is set back opens no window again, and none
 * anew.
 */
export function notBefore(slot: Slot, newest: number): Slot {
  return newest > slot.bucket ? { bucket: newest, floor: slot.floor + newest - slot.bucket } : slot;
}

/** Gives when a bucket stops to count, epoch milliseconds; undefined where time doesn't end it. */
export function endOf(window: Window, bucket: number): number | undefined {
  switch (window.kind) {
    case "fixed":
      return (bucket + 1) * window.ms;
    case "sliding":
      return (bucket + 1) * widthOf(window.ms) + window.ms;
    case "calendar":
      return periodOf(window.period, window.timeZone, bucket).end;
    case "lifetime":
    case "concurrent":
      return undefined;
  }
}

/** Names a window, so that each counts apart. */
export function nameOf(window: Window): string {
  switch (window.kind) {
    case "fixed":
    case "sliding":
      return `${window.kind}:${window.ms}`;
    case "calendar":
      return `${window.period}:${window.timeZone}`;
    case "lifetime":
    case "concurrent":
      return window.kind;
  }
}

type Period = Extract<Window, { kind: "calendar" }>["period"];
interface Span {
  readonly start: number;
  readonly end: number;
}

const day = 86_400_000;
/** The last span of each period and zone; zones come from configuration and policy. */
const spans = new Map<string, Span>();
const formats = new Map<string, Intl.DateTimeFormat>();
const mostZones = 1_024;

/** Gives the day, the week (from Monday, ISO 8601) or the month that a time lies in. @throws RangeError for no time zone */
export function periodOf(period: Period, timeZone: string, at: number): Span {
  const name = `${period}:${timeZone}`;
  const last = spans.get(name);
  if (last !== undefined && at >= last.start && at < last.end) return last;
  const today = dateOf(timeZone, at);
  const begins = period === "day" ? today : period === "week" ? monday(today) : firstOfMonth(today, 0);
  const ends = period === "month" ? firstOfMonth(today, 1) : begins + (period === "day" ? day : 7 * day);
  const span = { start: firstInstant(timeZone, begins), end: firstInstant(timeZone, ends) };
  if (spans.size >= mostZones) spans.clear();
  spans.set(name, span);
  return span;
}

/** Gives the date that a zone's calendars show, as midnight UTC of that date. */
function dateOf(timeZone: string, at: number): number {
  return Math.floor(wallClock(timeZone, at) / day) * day;
}

/** Gives what a zone's clocks show, as if it were UTC. */
function wallClock(timeZone: string, at: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      ...{ year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
    if (formats.size >= mostZones) formats.clear();
    formats.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, date, hour, minute, second);
}

const monday = (date: number): number => date - ((new Date(date).getUTCDay() + 6) % 7) * day;

function firstOfMonth(date: number, later: number): number {
  const of = new Date(date);
  return Date.UTC(of.getUTCFullYear(), of.getUTCMonth() + later, 1);
}

/** Gives the first instant of a date: where clocks change at midnight it isn't what they show as 0:00. */
function firstInstant(timeZone: string, date: number): number {
  const offsets = [date - day, date + day].map((at) => wallClock(timeZone, at) - at);
  const [first = date, second = date] = offsets.map((offset) => date - offset).sort((a, b) => a - b);
  return dateOf(timeZone, first) >= date ? first : second;
}
