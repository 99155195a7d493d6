/** Watches a stream of events from upstream: when something came, how much text, and what was said of usage. */
import type { JsonObject, StreamTimes, TokenUsage } from "../../sidecar/contract.js";
import { isObject, parseJson } from "../../sidecar/contract.js";
import { readStreamError } from "../routing/stream-error.js";
import { TextCount } from "./estimate.js";

export interface MeterParts {
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** When the request arrived, on the same clock. */
  readonly started: number;
  /** The members of events that hold pieces of the answer, each as `"name":`. */
  readonly texts: readonly string[];
  /** What an event says of usage; added to what was said before. */
  readonly usage: (data: JsonObject, before: TokenUsage | undefined) => TokenUsage | undefined;
  /** Whether the last event, which tells nothing but usage, is for the gateway alone: the client didn't ask for it. */
  readonly hides: boolean;
  /** Told of the wait between two pieces of an answer, microseconds. */
  readonly waited: (micros: number) => void;
}

/** What a stream told by its end, however it came. */
export interface Metered {
  readonly told: TokenUsage | undefined;
  /** Whether what was told is about all that came. */
  readonly settled: boolean;
  /** Tokens that came, by their text. */
  readonly seen: number;
  readonly times: (outputTokens: number) => StreamTimes;
}

/** One per stream; costs little, for every event passes here. */
export class Meter {
  private readonly count = new TextCount();
  private told: TokenUsage | undefined;
  private firstAt: number | undefined;
  private lastSaidAt = 0;
  private lastAt: number | undefined;
  private longest = 0;
  private saidSince = false;
  private last = "";

  constructor(private readonly parts: MeterParts) {}

  /**
   * Sees an event.
   * @param value the data, where it has been read already
   * @returns whether it is the client's, too
   */
  see(data: string, value?: JsonObject): boolean {
    const now = this.parts.clock();
    if (this.lastAt !== undefined && now - this.lastAt > this.longest) this.longest = now - this.lastAt;
    this.lastAt = now;
    if (data !== "[DONE]") this.last = data;
    if (this.counted(data)) this.said(now);
    return this.readUsage(data, value);
  }

  /** Leaves out a while in which the client kept the stream waiting, milliseconds. */
  skip(ms: number): void {
    if (this.lastAt !== undefined) this.lastAt += ms;
    this.lastSaidAt += ms;
  }

  /** Tells whether the stream ended with an error of the upstream. */
  broke(): boolean {
    if (!this.last.includes('"error"')) return false;
    const said = read(this.last);
    return said !== undefined && readStreamError(said) !== undefined;
  }

  /** Gives what is known by now: what was told, and the text that came. */
  soFar(): { readonly told: TokenUsage | undefined; readonly seen: number } {
    return { told: this.told, seen: this.count.tokens() };
  }

  result(whole: boolean): Metered {
    const { told, firstAt, lastSaidAt, longest } = this;
    const settled = told !== undefined && !this.saidSince && (whole || firstAt !== undefined);
    return {
      told,
      settled,
      seen: this.count.tokens(),
      times: (tokens) => {
        const seconds = firstAt === undefined ? 0 : (lastSaidAt - firstAt) / 1000;
        return {
          ...(firstAt === undefined ? {} : { first_token_ms: round(firstAt - this.parts.started) }),
          longest_wait_ms: round(longest),
          ...(seconds > 0 && tokens > 1 ? { tokens_per_second: round((tokens - 1) / seconds) } : {}),
        };
      },
    };
  }

  private said(now: number): void {
    this.saidSince = true;
    if (this.firstAt === undefined) this.firstAt = now;
    else this.parts.waited((now - this.lastSaidAt) * 1000);
    this.lastSaidAt = now;
  }

  /**
   * Counts the pieces of text in an event without reading it; a name within a text stands behind a backslash. An event
   * has pieces under one name: that of another beside it would only be missing from an estimate.
   */
  private counted(data: string): boolean {
    let found = false;
    for (const name of this.parts.texts) {
      let at = data.indexOf(name);
      while (at >= 0) {
        let from = at + name.length;
        while (data.charCodeAt(from) === 0x20) from++;
        if (data.charCodeAt(from) === 0x22) {
          const end = this.count.addJsonString(data, from + 1);
          found ||= end > from + 1;
          from = end;
        }
        at = data.indexOf(name, from);
      }
      if (found) break;
    }
    return found;
  }

  private readUsage(data: string, value: JsonObject | undefined): boolean {
    const at = data.indexOf('"usage');
    if (at < 0 || isNull(data, at)) return true;
    const said = value ?? read(data);
    if (said === undefined) return true;
    const before = this.told;
    this.told = this.parts.usage(said, before);
    if (this.told !== before) this.saidSince = false;
    const { choices, usage } = said;
    return !(this.parts.hides && isObject(usage) && Array.isArray(choices) && choices.length === 0);
  }
}

/** Tells whether `"usage": null` stands there: as in all chunks but the last, where usage was asked for. */
function isNull(data: string, at: number): boolean {
  let i = at + '"usage'.length;
  if (data.charCodeAt(i) !== 0x22) return false;
  do i++;
  while (data.charCodeAt(i) === 0x20 || data.charCodeAt(i) === 0x3a);
  // where it is null at first and not later, it isn't by any known server
  return data.startsWith("null", i) && data.indexOf('"usage', i) < 0;
}

function read(data: string): JsonObject | undefined {
  try {
    const value = parseJson(data);
    return isObject(value) ? value : undefined;
  } catch {
    // no JSON: it says nothing
    return undefined;
  }
}

function round(value: number): number {
  return Math.max(0, Math.round(value * 1000) / 1000);
}
