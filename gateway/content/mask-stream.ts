/** Masks a text that comes in pieces: the same comes out, however it is cut. */
import { reach } from "./detector.js";
import type { Masking } from "./mask-text.js";
import { findAll } from "./pattern.js";

export interface TextMasker {
  /** Takes a piece; gives what is settled by now. */
  push(piece: string): string;
  /** Gives the rest. */
  end(): string;
}

/** The widest form that may have blanks in it, or letters of any script, with what must follow it; characters. */
const widest = 160;
/** The longest part of an address before its `@`, and all of one. */
const address = { before: 65, all: 700 } as const;
/** What a private key may go on with after what has come, characters. */
const keySlack = 200;

/** Makes a masker. It holds back some 160 characters, and a word, an address or a private key that isn't at its end. */
export function createTextMasker({ patterns, replacement }: Masking): TextMasker {
  const keys = patterns.find(({ kind }) => kind === "private_key");
  let text = "";
  /** Up to here it was given. */
  let at = 0;

  /** INVARIANT: whatever comes yet, what begins before here, and where it ends, won't change. */
  function settled(): number {
    let limit = Math.min(text.length - widest, Math.max(wordStart(text, at), text.length - reach.after));
    const sign = text.lastIndexOf("@");
    if (sign >= text.length - address.all && !/\s/.test(text.slice(sign))) {
      limit = Math.min(limit, sign - address.before);
    }
    if (keys !== undefined) limit = Math.min(limit, openKey(keys.form));
    // a character of two units stays whole
    return limit > 0 && (text.codePointAt(limit - 1) ?? 0) > 0xffff ? limit - 1 : limit;
  }

  /** The first private key that may go on. */
  function openKey(form: RegExp): number {
    for (
      let start = text.indexOf("-----BEGIN ", at);
      start >= 0;
      start = text.indexOf("-----BEGIN ", start + 1)
    ) {
      form.lastIndex = start;
      const match = form.exec(text);
      if (match?.index === start && form.lastIndex + keySlack > text.length) return start;
    }
    return text.length;
  }

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
      return give(settled());
    },
    end: () => give(text.length),
  };
}

/** Where the last word of ASCII begins; a sign of another script ends one. */
function wordStart(text: string, from: number): number {
  let start = text.length;
  while (start > from) {
    const code = text.charCodeAt(start - 1);
    if (code <= 0x20 || code >= 0x7f) break;
    start--;
  }
  return start;
}
