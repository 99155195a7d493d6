import { isPrintable } from "./print.js";

export type Token =
  | { readonly kind: "number"; readonly text: string; readonly whole: boolean }
  | { readonly kind: "string"; readonly value: string }
  /** A name; words of the language are lower-case and `reserved`. */
  | { readonly kind: "word"; readonly text: string; readonly reserved: boolean }
  | { readonly kind: "sign"; readonly text: string }
  | { readonly kind: "end" };

/** Words that mean something; each is written in small letters, in capitals, or (true, false) with a capital first. */
const reserved: ReadonlySet<string> = new Set([
  ...["and", "or", "not", "in", "like", "exists", "is", "null", "true", "false", "iso", "interval"],
]);

const signs = [
  ...["&&", "||", "**", "==", "!=", "<=", ">=", "=~", "!~"],
  ...["<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "!", "(", ")", "[", "]", "{", "}", ","],
] as const;

const number = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)/;
const word = /^(?:\$meta|[A-Za-z_][A-Za-z0-9_]*)/;
/** Of one expression. */
const mostTokens = 16_384;

/**
 * Takes an expression apart, as Milvus's own grammar (`Plan.g4`) does; undefined where it holds anything else: comments,
 * words in mixed letters, texts that aren't ended, escapes that servers read differently.
 */
export function tokenise(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 4_096);
    const [space] = /^[ \t\r\n]+/.exec(rest) ?? [];
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    if (tokens.length >= mostTokens) return undefined;
    const raw = /^[rR]["']/.test(rest);
    if (raw || /^["']/.test(rest)) {
      const read = readString(text, at + (raw ? 1 : 0), raw);
      if (read === undefined) return undefined;
      tokens.push({ kind: "string", value: read.value });
      at = read.end;
      continue;
    }
    const [digits] = number.exec(rest) ?? [];
    if (digits !== undefined) {
      // `1abc` and `1.2.3` are no numbers, `007` means different things to different readers
      if (/^[A-Za-z0-9_.$]/.test(text.slice(at + digits.length)) || /^0\d/.test(digits)) return undefined;
      tokens.push({ kind: "number", text: digits, whole: /^(?:0[xXbB]|\d+$)/.test(digits) });
      at += digits.length;
      continue;
    }
    const [name] = word.exec(rest) ?? [];
    if (name !== undefined) {
      // a prefix of a text (`u8"…"`) is C's
      if (name.length > 255 || /^["'$]/.test(text.slice(at + name.length))) return undefined;
      const small = name.toLowerCase();
      const known = reserved.has(small);
      const plain = name === small || name === small.toUpperCase() || name === "True" || name === "False";
      if (known && !plain) return undefined;
      tokens.push({ kind: "word", text: known ? small : name, reserved: known });
      at += name.length;
      continue;
    }
    const sign = signs.find((one) => rest.startsWith(one));
    if (sign === undefined || /^\/[/*]/.test(rest)) return undefined;
    tokens.push({ kind: "sign", text: sign });
    at += sign.length;
  }
  tokens.push({ kind: "end" });
  return tokens;
}

const meanings: Readonly<Record<string, string>> = {
  ...{ "\\": "\\", '"': '"', "'": "'", n: "\n", r: "\r", t: "\t" },
  // of a pattern: it stays escaped
  ...{ "%": "\\%", _: "\\_" },
};

/** `start` is the quote's place. In a raw text a backslash stays, and keeps the quote behind it from ending the text. */
function readString(
  text: string,
  start: number,
  raw: boolean,
): { readonly value: string; readonly end: number } | undefined {
  const quote = text[start];
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const one = text.charAt(at);
    if (one === quote) return isPrintable(value) ? { value, end: at + 1 } : undefined;
    if (one === "\r" || one === "\n") return undefined;
    if (one !== "\\") {
      value += one;
      continue;
    }
    at += 1;
    const next = text.charAt(at);
    const unicode = /^u[0-9a-fA-F]{4}/.test(text.slice(at, at + 5));
    if (raw) {
      if (next === "" || next === "\r" || next === "\n") return undefined;
      value += `\\${next}`;
    } else if (unicode) {
      value += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 5), 16));
      at += 4;
    } else {
      const meaning = meanings[next];
      if (meaning === undefined) return undefined;
      value += meaning;
    }
  }
  return undefined;
}
