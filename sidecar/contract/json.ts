/**
 * Strict, lossless JSON (RFC 8259): what is parsed is what is decided and what is sent.
 *
 * Stricter than `JSON.parse`: duplicate keys, lone surrogates, invalid UTF-8, a byte order mark and
 * nesting past {@link JsonLimits.depth} are refused. Lossless: a number whose text JavaScript would
 * change (`9007199254740993`, `1e400`, `1.0`) stays as its text in a {@link JsonNumber}.
 */

/** A number whose text a JavaScript number cannot hold without change. */
export class JsonNumber {
  constructor(readonly text: string) {}
  /** The nearest double; for comparisons only, never to be sent. */
  valueOf(): number {
    return Number(this.text);
  }
  /** INVARIANT: JSON.stringify must never be used on lossless values; this makes a slip loud. */
  toJSON(): never {
    throw new TypeError("lossless JSON is written by stringifyJson");
  }
}

/** A parsed object: no prototype, so that `__proto__` and `constructor` are keys like any other. */
export interface JsonObject {
  [key: string]: Json;
}
export type Json = null | boolean | number | string | JsonNumber | Json[] | JsonObject;

export interface JsonLimits {
  /** Deepest nesting of arrays and objects; 128 unless told otherwise. */
  readonly depth?: number;
  /** As Go's `encoding/json`: of equal keys the last counts, a lone surrogate becomes U+FFFD. Never for what is decided on. */
  readonly lenient?: boolean;
}

/** Why a text is not acceptable JSON. `offset` counts UTF-16 units, -1 where bytes were not UTF-8. */
export class JsonRefused extends Error {
  override readonly name = "JsonRefused";
  constructor(
    readonly code: "invalid_json" | "duplicate_key" | "too_deep" | "invalid_utf8",
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses bytes or text into lossless values.
 * @throws JsonRefused with a code and an offset; the message never holds content.
 */
export function parseJson(source: Uint8Array | string, limits: JsonLimits = {}): Json {
  let text: string;
  if (typeof source === "string") text = source;
  else {
    try {
      text = decoder.decode(source);
    } catch {
      throw new JsonRefused("invalid_utf8", "the body is not valid UTF-8", -1);
    }
  }
  return new Parser(text, limits.depth ?? 128, limits.lenient ?? false).document();
}

/**
 * Writes lossless values as JSON text; numbers keep the text that they came with.
 * @param indent spaces for each level, for people to read
 */
export function stringifyJson(value: Json, indent?: number): string {
  if (indent !== undefined) return writePretty(value, " ".repeat(indent), "\n");
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("not a JSON number");
      return Object.is(value, -0) ? "-0" : String(value);
    case "boolean":
      return value ? "true" : "false";
    default:
      break;
  }
  if (value === null) return "null";
  if (Array.isArray(value)) {
    let out = "[";
    for (let i = 0; i < value.length; i++) {
      if (i > 0) out += ",";
      out += stringifyJson(value[i] as Json);
    }
    return `${out}]`;
  }
  if (value instanceof JsonNumber) return value.text;
  let out = "{";
  let first = true;
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    out += `${first ? "" : ","}${quote(key)}:${stringifyJson(member)}`;
    first = false;
  }
  return `${out}}`;
}

function writePretty(value: Json, step: string, line: string): string {
  const inner = line + step;
  const lines = Array.isArray(value)
    ? value.map((item) => writePretty(item, step, inner))
    : isObject(value)
      ? Object.entries(value).map(([key, member]) => `${quote(key)}: ${writePretty(member, step, inner)}`)
      : undefined;
  if (lines === undefined) return stringifyJson(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return lines.length === 0 ? `${open}${close}` : `${open}${inner}${lines.join(`,${inner}`)}${line}${close}`;
}

/** What JSON.stringify would escape: quotes, backslashes, controls, lone surrogates (any surrogate, to be quick); and {@link lineEnds}. */
const escapes = /["\\\u0000-\u001f\u0085\u2028\u2029\ud800-\udfff]/;
/** What ends a line for some readers: JSON may hold it, but one event or one record must stay one to everybody. */
const lineEnds = /[\u0085\u2028\u2029]/g;

function quote(text: string): string {
  if (!escapes.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    lineEnds,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Tells whether a value is an object (not an array, null or number). */
export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  );
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const numberForm = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** An object without a prototype's members that the engine keeps fast, as it doesn't those of `Object.create(null)`. */
const Bare = function () {
  // nothing
} as unknown as new () => JsonObject;
Bare.prototype = Object.create(null);

/** Makes an empty object, as the parser does. */
export function bareObject(): JsonObject {
  return new Bare();
}

class Parser {
  private at = 0;
  private readonly text: string;
  private readonly maxDepth: number;
  private readonly lenient: boolean;

  constructor(text: string, maxDepth: number, lenient: boolean) {
    this.text = text;
    this.maxDepth = maxDepth;
    this.lenient = lenient;
  }

  document(): Json {
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) throw this.refuse("unexpected text after the JSON value");
    return value;
  }

  private refuse(message: string): JsonRefused {
    return new JsonRefused("invalid_json", `${message} at offset ${this.at}`, this.at);
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) this.at++;
      else return;
    }
  }

  private value(depth: number): Json {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b:
        return this.object(depth + 1);
      case 0x5b:
        return this.array(depth + 1);
      case QUOTE:
        return this.string();
      case 0x74:
        return this.word("true", true);
      case 0x66:
        return this.word("false", false);
      case 0x6e:
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.refuse("unexpected character");
    this.at += word.length;
    return value;
  }

  private number(): number | JsonNumber {
    const small = this.smallInteger();
    if (small !== undefined) return small;
    numberForm.lastIndex = this.at;
    const match = numberForm.exec(this.text);
    if (match === null) {
      throw this.refuse(this.at >= this.text.length ? "unexpected end" : "unexpected character");
    }
    const [text] = match;
    this.at += text.length;
    const value = Number(text);
    return String(value) === text && (Number.isSafeInteger(value) || text.length <= 17)
      ? value
      : new JsonNumber(text);
  }

  /** Reads what most numbers are, without any more ado: at most nine digits. */
  private smallInteger(): number | undefined {
    const first = this.text.charCodeAt(this.at) - 0x30;
    if (!(first >= 1 && first <= 9)) return undefined;
    let value = first;
    let i = this.at + 1;
    for (; i < this.at + 10; i++) {
      const c = this.text.charCodeAt(i);
      const digit = c - 0x30;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else if (c === 0x2e || c === 0x65 || c === 0x45) return undefined;
      else {
        this.at = i;
        return value;
      }
    }
    return undefined;
  }

  private string(): string {
    const start = this.at + 1;
    let i = start;
    let wide = false;
    for (;;) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) break;
      if (c === BACKSLASH) return this.escaped(start);
      // only beyond this can a surrogate stand
      if (c >= 0xd800) wide = true;
      // NaN (past the end) also fails this comparison
      if (!(c >= 0x20)) {
        this.at = i;
        throw this.refuse(i >= this.text.length ? "unterminated string" : "control character in a string");
      }
      i++;
    }
    this.at = i + 1;
    const value = this.text.slice(start, i);
    return wide ? this.whole(value) : value;
  }

  /** The slow way: finds the end, lets JSON.parse decode the escapes. */
  private escaped(start: number): string {
    let i = start;
    for (;;) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) break;
      if (!(c >= 0x20)) {
        this.at = i;
        throw this.refuse(i >= this.text.length ? "unterminated string" : "control character in a string");
      }
      i += c === BACKSLASH ? 2 : 1;
    }
    let value: string;
    try {
      value = JSON.parse(this.text.slice(start - 1, i + 1)) as string;
    } catch {
      throw this.refuse("invalid escape in a string");
    }
    this.at = i + 1;
    return this.whole(value);
  }

  private whole(value: string): string {
    if (!loneSurrogate.test(value)) return value;
    if (this.lenient) return value.toWellFormed();
    throw this.refuse("lone surrogate in a string");
  }

  private enter(depth: number): void {
    if (depth > this.maxDepth) {
      throw new JsonRefused("too_deep", `nesting deeper than ${this.maxDepth} levels`, this.at);
    }
    this.at++;
    this.space();
  }

  private array(depth: number): Json[] {
    this.enter(depth);
    const out: Json[] = [];
    if (this.text.charCodeAt(this.at) === 0x5d) {
      this.at++;
      return out;
    }
    for (;;) {
      out.push(this.value(depth));
      this.space();
      const c = this.text.charCodeAt(this.at);
      if (c === 0x2c) this.at++;
      else if (c === 0x5d) {
        this.at++;
        return out;
      } else throw this.refuse("expected , or ]");
    }
  }

  private object(depth: number): JsonObject {
    this.enter(depth);
    const out = new Bare();
    if (this.text.charCodeAt(this.at) === 0x7d) {
      this.at++;
      return out;
    }
    for (;;) {
      this.space();
      if (this.text.charCodeAt(this.at) !== QUOTE) throw this.refuse("expected a string key");
      const keyAt = this.at;
      const key = this.string();
      if (key in out && !this.lenient) {
        throw new JsonRefused("duplicate_key", `the same key twice in one object at offset ${keyAt}`, keyAt);
      }
      this.space();
      if (this.text.charCodeAt(this.at) !== 0x3a) throw this.refuse("expected :");
      this.at++;
      out[key] = this.value(depth);
      this.space();
      const c = this.text.charCodeAt(this.at);
      if (c === 0x2c) this.at++;
      else if (c === 0x7d) {
        this.at++;
        return out;
      } else throw this.refuse("expected , or }");
    }
  }
}
