/** Masks a text that comes in pieces: the same comes out, however it is cut. */
import { reach } from "./detector.js";
import type { PatternMasking } from "./mask-text.js";
import { findAll } from "./pattern.js";
import { settledIn } from "./settle.js";

export interface TextMasker {
  /** Takes a piece; gives what is settled by now. */
  push(piece: string): string;
  /** Gives the rest. */
  end(): string;
}

/** Makes a masker. It holds back some 160 characters, and a word, an address or a private key that isn't at its end. */
export function createTextMasker({ patterns, replacement }: PatternMasking): TextMasker {
  const keys = patterns.some(({ kind }) => kind === "private_key");
  let text = "";
  /** Up to here it was given. */
  let at = 0;

  function give(limit: number): string {
    if (limit <= at) return "";
    let out = "";
    for (const { kind, start, end } of findAll(text, patterns, at, limit)) {
      out += text.slice(at, start) + (replacement ?? `[${kind}]`);
      at = end;
    }
    if (at < limit) {
      out += text.slice(at, limit);
      at = limit;
    }
    // what is before may tell what comes
    const past = Math.max(0, at - reach.before);
    text = text.slice(past);
    at -= past;
    return out;
  }

  return {
    push(piece) {
      text += piece;
      return give(settledIn(text, at, keys));
    },
    end: () => give(text.length),
  };
}
