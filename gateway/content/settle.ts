/** Tells how far a text that grows is settled: what begins before, and where it ends, won't change whatever comes yet. */
import { reach } from "./detector.js";
import { secretPatterns } from "./secrets.js";

/** The widest form that may have blanks in it, or letters of any script, with what must follow it; characters. */
export const widest = 160;
/** The longest part of an address before its `@`, and all of one. */
const address = { before: 65, all: 700 } as const;
/** What a private key may go on with after what has come, characters. */
const keySlack = 200;

const key = secretPatterns.find(({ kind }) => kind === "private_key")?.form;

/**
 * Gives the place up to which a text is settled: some 160 characters before its end, and before a word, an address or
 * (where `keys`) a private key that isn't at its own end.
 * @param at up to here it was settled before
 */
export function settledIn(text: string, at: number, keys: boolean): number {
  let limit = Math.min(text.length - widest, Math.max(wordStart(text, at), text.length - reach.after));
  const sign = text.lastIndexOf("@");
  if (sign >= text.length - address.all && !/\s/.test(text.slice(sign))) {
    limit = Math.min(limit, sign - address.before);
  }
  if (keys && key !== undefined) limit = Math.min(limit, openKey(text, at, key));
  // a character of two units stays whole
  return limit > 0 && (text.codePointAt(limit - 1) ?? 0) > 0xffff ? limit - 1 : limit;
}

/** The first private key that may go on. */
function openKey(text: string, at: number, form: RegExp): number {
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
