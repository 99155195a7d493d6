/** Go's `strconv.Quote` and its relatives. */
import { isPrintable } from "./printable.js";

export interface QuoteOptions {
  /** Escapes what isn't ASCII. */
  readonly ascii?: boolean;
  readonly quote?: '"' | "'";
}

const named: ReadonlyMap<string, string> = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
]);
/** All that may need an escape. */
const others = /[^ !#-&(-[\]-~]/gu;

/** Quotes a text as Go does. INVARIANT: the text has no lone surrogates. */
export function goQuote(text: string, { ascii = false, quote = '"' }: QuoteOptions = {}): string {
  const escaped = text.replace(others, (sign) => {
    if (sign === '"' || sign === "'") return sign === quote ? `\\${quote}` : sign;
    const code = sign.codePointAt(0) ?? 0;
    return named.get(sign) ?? (code > 0x7f && !ascii && isPrintable(code) ? sign : hexEscape(code));
  });
  return quote + escaped + quote;
}

function hexEscape(code: number): string {
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Tells whether a text can stand between backquotes in Go. */
export function canBackquote(text: string): boolean {
  return !/[\0-\x08\x0a-\x1f`\x7f\ufeff]/.test(text);
}
