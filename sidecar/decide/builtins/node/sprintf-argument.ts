/** Prints one argument as Go's `fmt` does. Source: Go, fmt/print.go, fmt/format.go, math/big/intconv.go. */
import { BuiltinLimit } from "../limit.js";
import { longestText } from "./operands.js";
import type { FloatVerb } from "./floats.js";
import { formatFloat } from "./floats.js";
import { isPrintable } from "../printable.js";
import { canBackquote, goQuote } from "../quote.js";
import { toGo } from "./to-go.js";

/** An argument, with the type that Go's code gives it. */
export type Argument =
  | { readonly type: "int64" | "*big.Int"; readonly value: bigint }
  | { readonly type: "float64"; readonly value: number }
  | { readonly type: "string"; readonly value: string };

/** What stands between `%` and the verb. */
export interface Flags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** `%+v` and `%#v` mean something else than the flags. */
  plusV: boolean;
  sharpV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

export function noFlags(): Flags {
  return {
    minus: false,
    plus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
    width: undefined,
    precision: undefined,
  };
}

const lengthOf = (text: string): number => {
  let surrogates = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) surrogates++;
  return text.length - surrogates;
};

function padding(count: number, zero: boolean): string {
  return count > 0 ? (zero ? "0" : " ").repeat(count) : "";
}

function pad(flags: Flags, text: string, zero = flags.zero): string {
  if (flags.width === undefined || flags.width <= 0) return text;
  const room = flags.width - lengthOf(text);
  return flags.minus ? text + padding(room, false) : padding(room, zero) + text;
}

/** Prints an argument. Gives {@link toGo} where the result depends on the Go runtime. */
export function printArgument(flags: Flags, argument: Argument, verb: string): string | typeof toGo {
  if (verb === "T") return pad(flags, truncated(flags, argument.type));
  switch (argument.type) {
    case "*big.Int":
      return verb === "p" || verb === "w" ? toGo : bigInteger(flags, argument.value, verb);
    case "int64":
      return integer(flags, argument.value, verb) ?? badVerb(flags, argument, verb);
    case "float64":
      return float(flags, argument.value, verb) ?? badVerb(flags, argument, verb);
    case "string":
      return string(flags, argument.value, verb) ?? badVerb(flags, argument, verb);
  }
}

function badVerb(flags: Flags, argument: Argument, verb: string): string | typeof toGo {
  const shown = printArgument(flags, argument, "v");
  return shown === toGo ? toGo : `%!${verb}(${argument.type}=${shown})`;
}

function truncated({ precision }: Flags, text: string): string {
  if (precision === undefined || precision >= text.length) return text;
  let end = 0;
  for (let left = precision; left > 0 && end < text.length; left--) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

function string(flags: Flags, value: string, verb: string): string | undefined {
  switch (verb) {
    case "v":
      return flags.sharpV ? quoted(flags, value) : pad(flags, truncated(flags, value));
    case "s":
      return pad(flags, truncated(flags, value));
    case "x":
    case "X":
      return hexOfBytes(flags, value, verb);
    case "q":
      return quoted(flags, value);
    default:
      return undefined;
  }
}

function quoted(flags: Flags, value: string): string {
  const text = truncated(flags, value);
  if (text.length * 2 > longestText) throw new BuiltinLimit("a string that is too long");
  if (flags.sharp && canBackquote(text)) return pad(flags, `\`${text}\``);
  return pad(flags, goQuote(text, { ascii: flags.plus }));
}

function hexOfBytes(flags: Flags, value: string, verb: "x" | "X"): string {
  if (value.length * 5 > longestText) throw new BuiltinLimit("a string that is too long");
  const bytes = Buffer.from(value).subarray(0, flags.precision);
  if (bytes.length === 0) return padding(flags.width ?? 0, flags.zero && !flags.minus);
  const digits = bytes.toString("hex");
  const prefix = flags.sharp ? "0x" : "";
  const text = flags.space
    ? (digits.match(/../g) ?? []).map((byte) => prefix + byte).join(" ")
    : prefix + digits;
  const cased = verb === "X" ? text.toUpperCase() : text;
  const room = (flags.width ?? 0) - cased.length;
  return flags.minus ? cased + padding(room, false) : padding(room, flags.zero) + cased;
}

const bases: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

function integer(flags: Flags, value: bigint, verb: string): string | undefined {
  const unsigned = BigInt.asUintN(64, value);
  switch (verb) {
    case "c":
      return pad(flags, character(unsigned));
    case "q":
      return pad(flags, goQuote(character(unsigned), { ascii: flags.plus, quote: "'" }));
    case "U":
      return unicode(flags, unsigned);
    default: {
      const base = bases[verb];
      return base === undefined ? undefined : inBase(flags, value, base, verb);
    }
  }
}

function inBase(flags: Flags, value: bigint, base: number, verb: string): string {
  const negative = value < 0n;
  const size = negative ? -value : value;
  const { width = 0, precision } = flags;
  if (precision === 0 && size === 0n) return padding(width, false);
  const sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const least =
    precision ?? (flags.zero && !flags.minus && flags.width !== undefined ? width - sign.length : 0);
  let digits = size.toString(base).padStart(least, "0");
  if (flags.sharp) {
    if (base === 2) digits = `0b${digits}`;
    else if (base === 8) digits = digits.startsWith("0") ? digits : `0${digits}`;
    else if (base === 16) digits = `0x${digits}`;
  }
  if (verb === "O") digits = `0o${digits}`;
  return pad(flags, sign + (verb === "X" ? digits.toUpperCase() : digits), false);
}

function character(code: bigint): string {
  const valid = code <= 0x10ffffn && (code < 0xd800n || code > 0xdfffn);
  return valid ? String.fromCodePoint(Number(code)) : "\ufffd";
}

function unicode(flags: Flags, code: bigint): string {
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 4, 4), "0");
  const shown = flags.sharp && code <= 0x10ffffn && isPrintable(Number(code));
  return pad(flags, `U+${digits}${shown ? ` '${character(code)}'` : ""}`, false);
}

function bigInteger(flags: Flags, value: bigint, verb: string): string {
  const base = verb === "s" ? 10 : bases[verb];
  if (base === undefined) return `%!${verb}(big.Int=${value})`;
  const negative = value < 0n;
  const sign = negative ? "-" : flags.plus || flags.plusV ? "+" : flags.space ? " " : "";
  const prefixes: Readonly<Record<string, string>> = { b: "0b", o: "0", x: "0x", X: "0X" };
  const prefix = verb === "O" ? "0o" : flags.sharp || flags.sharpV ? (prefixes[verb] ?? "") : "";
  const lower = (negative ? -value : value).toString(base);
  let digits = (verb === "X" ? lower.toUpperCase() : lower).padStart(flags.precision ?? 0, "0");
  const room = (flags.width ?? 0) - sign.length - prefix.length - digits.length;
  if (flags.minus) return sign + prefix + digits + padding(room, false);
  if (!flags.zero || flags.precision !== undefined) return padding(room, false) + sign + prefix + digits;
  digits = padding(room, true) + digits;
  return sign + prefix + digits;
}

const floatVerbs: Readonly<Record<string, { readonly verb: FloatVerb; readonly precision: number }>> = {
  v: { verb: "g", precision: -1 },
  b: { verb: "b", precision: -1 },
  g: { verb: "g", precision: -1 },
  G: { verb: "G", precision: -1 },
  x: { verb: "x", precision: -1 },
  X: { verb: "X", precision: -1 },
  f: { verb: "f", precision: 6 },
  F: { verb: "f", precision: 6 },
  e: { verb: "e", precision: 6 },
  E: { verb: "E", precision: 6 },
};

function float(flags: Flags, value: number, letter: string): string | undefined {
  const found = floatVerbs[letter];
  if (found === undefined) return undefined;
  const precision = flags.precision ?? found.precision;
  const text = formatFloat(value, found.verb, precision);
  const negative = text.startsWith("-");
  let size = negative ? text.slice(1) : text;
  if (flags.sharp && found.verb !== "b") size = withPoint(size, found.verb, precision);
  const sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (sign === "") return pad(flags, size);
  const room = (flags.width ?? 0) - sign.length - size.length;
  if (flags.zero && !flags.minus && room > 0) return sign + padding(room, true) + size;
  return pad(flags, sign + size);
}

/** `%#g` keeps the point and the zeros behind it. */
function withPoint(size: string, verb: FloatVerb, precision: number): string {
  const hex = verb === "x" || verb === "X";
  const tailAt = size.search(hex ? /[pP]/ : /[eE]/);
  const [head, tail] = tailAt < 0 ? [size, ""] : [size.slice(0, tailAt), size.slice(tailAt)];
  let missing = verb === "g" || verb === "G" || verb === "x" ? (precision === -1 ? 6 : precision) : 0;
  let seen = false;
  for (const sign of head) {
    if (sign === ".") continue;
    if (sign !== "0") seen = true;
    if (seen) missing--;
  }
  const pointed = head.includes(".");
  if (!pointed && head === "0") missing--;
  return head + (pointed ? "" : ".") + padding(missing, true) + tail;
}
