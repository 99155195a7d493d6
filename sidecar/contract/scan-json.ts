/**
 * Reads a few members of a JSON document out of its bytes: one pass that refuses all that {@link parseJson} refuses, and
 * builds only what is asked for. A third of the time that `parseJson` takes.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Json, JsonObject } from "./json.js";
import { bareObject, parseJson, stringifyJson } from "./json.js";

/** What a scan found: where the input lies, and what was asked for of it. */
export class Scanned {
  constructor(
    private readonly body: Buffer,
    private readonly start: number,
    private readonly end: number,
    /**
     * Only what lies at the paths: a path that ends early ends in the same way here. An array or a scalar on the way is
     * there as it is.
     */
    readonly read: Json,
    /** The bytes are what `stringifyJson` writes of the value. */
    readonly isPlain: boolean,
    /** They have escapes that are seldom used: of `/`, or by number. */
    private readonly oddEscapes: boolean,
  ) {}

  /** The input's own bytes. */
  bytes(): Buffer {
    return this.body.subarray(this.start, this.end);
  }

  /** All of the input. */
  value(): Json {
    return parseJson(this.bytes());
  }

  /** Its text, in which no reader of JSON meets an escape that it may not know. */
  text(): string | Buffer {
    return this.oddEscapes ? stringifyJson(this.value()) : this.bytes();
  }
}

/** Gives undefined for what {@link parseJson} must look at: what is refused, no object, and what is rare. Never throws. */
export type Scan = (body: Buffer) => Scanned | undefined;

/** Deepest nesting, as in `parseJson`. */
const mostDepth = 128;
/** More members in one object, or names that wait for their object's end, are rare. */
const mostMembers = 128;
const mostWaiting = 4_096;

/** 1: ends a run of plain bytes in a string. */
const ends = new Uint8Array(256);
for (let c = 0; c < 0x20; c++) ends[c] = 1;
ends[0x22] = 1;
ends[0x5c] = 1;

/** All of a value, or some members. */
type Reads = "whole" | readonly Member[];

interface Member {
  readonly name: string;
  readonly bytes: Buffer;
  readonly hash: number;
  readonly reads: Reads;
}

const nothing: readonly Member[] = [];

/**
 * Makes a scanner for the paths of an input; `[]` is all of it.
 * @param options `bare`: the document is the input; else it is the value of its member `input`
 *
 * INVARIANT: what it accepts, `parseJson` accepts, and reads in the same way. Whoever doubts falls back: a name with an
 * escape, two names of one hash (equal ones always are), a surrogate.
 */
export function createScanner(paths: readonly (readonly string[])[], { bare = false } = {}): Scan {
  const document = [member("input", treeOf(paths))];
  const tree = treeOf(paths);
  // of the containers that are open, by depth; one scan is done before the next begins
  const kinds = new Uint8Array(mostDepth + 1);
  const bases = new Int32Array(mostDepth + 1);
  const masks = new Int32Array(mostDepth + 1);
  const nodes = new Array<readonly Member[]>(mostDepth + 1).fill(nothing);
  const objects = new Array<JsonObject | undefined>(mostDepth + 1).fill(undefined);
  const hashes = new Int32Array(mostWaiting);

  return (b) => {
    let last = b.length - 1;
    while (last > 0 && isSpace(b[last] as number)) last--;
    // INVARIANT: nothing is read past this brace, by which every token but a string ends
    if (last < 1 || b[last] !== 0x7d) return undefined;
    const ascii = isAscii(b);
    if (!ascii && !isUtf8(b)) return undefined;

    let i = 0;
    let depth = 0;
    let inObject = false;
    let mask = 0;
    let base = 0;
    let top = 0;
    let node = nothing;
    let object: JsonObject | undefined;
    let wanted: Member | undefined;
    let captured: Member | undefined;
    let captureAt = 0;
    let captureDepth = -1;
    let start = -1;
    let end = -1;
    let plain = ascii;
    let spaced = false;
    let oddEscapes = false;
    let escaped = false;
    const whole: JsonObject = bareObject();

    for (;;) {
      let c = b[i] as number;
      wanted = undefined;
      if (inObject) {
        if (c <= 0x20) {
          while (isSpace((c = b[i] as number))) i++;
          spaced = true;
        }
        if (c !== 0x22) return undefined;
        const from = ++i;
        let hash = 0x811c9dc5 | 0;
        while (i < last && ends[(c = b[i] as number)] === 0) {
          hash = Math.imul(hash ^ c, 0x01000193);
          i++;
        }
        if (b[i] !== 0x22) return undefined;
        const bit = 1 << ((hash ^ (hash >>> 15)) & 31);
        if ((mask & bit) !== 0) {
          for (let k = base; k < top; k++) if (hashes[k] === hash) return undefined;
        }
        mask |= bit;
        if (top - base >= mostMembers || top >= mostWaiting) return undefined;
        hashes[top++] = hash;
        // such names change their places in a JavaScript object
        if ((b[from] as number) - 0x30 <= 9 && (b[from] as number) >= 0x30) plain = false;
        for (let k = 0; k < node.length; k++) {
          const one = node[k] as Member;
          if (one.hash === hash && isAt(b, from, i, one.bytes)) wanted = one;
        }
        c = b[++i] as number;
        if (c <= 0x20) {
          while (isSpace((c = b[i] as number))) i++;
          spaced = true;
        }
        if (c !== 0x3a) return undefined;
        c = b[++i] as number;
      }
      if (c <= 0x20) {
        while (isSpace((c = b[i] as number))) i++;
        spaced = true;
      }
      if (wanted !== undefined) {
        if (depth === 1 && !bare) start = i;
        if (wanted.reads === "whole" || c !== 0x7b) {
          captured = wanted;
          captureAt = i;
          captureDepth = depth;
          escaped = false;
        }
      }
      if (c === 0x22) {
        i++;
        for (;;) {
          while (i < last && ends[b[i] as number] === 0) i++;
          c = b[i] as number;
          if (c === 0x22) break;
          if (c !== 0x5c) return undefined;
          escaped = true;
          c = b[i + 1] as number;
          if (c === 0x75) {
            // \uXXXX, of which surrogates are left to others
            if (i + 5 >= last || !isHex(b, i + 2)) return undefined;
            if (((b[i + 2] as number) | 0x20) === 0x64 && (b[i + 3] as number) >= 0x38) return undefined;
            plain = false;
            oddEscapes = true;
            i += 6;
          } else if (c === 0x2f) {
            plain = false;
            oddEscapes = true;
            i += 2;
          } else if (isEscape(c)) i += 2;
          else return undefined;
          if (i >= last) return undefined;
        }
        i++;
      } else if (c === 0x7b || c === 0x5b) {
        if (++depth > mostDepth) return undefined;
        bases[depth] = base;
        masks[depth] = mask;
        nodes[depth] = node;
        objects[depth] = object;
        kinds[depth] = inObject ? 1 : 0;
        base = top;
        mask = 0;
        inObject = c === 0x7b;
        if (depth === 1) {
          if (!inObject) return undefined;
          node = bare ? (tree === "whole" ? nothing : tree) : document;
          object = whole;
          if (bare) start = i;
        } else if (wanted !== undefined && captured === undefined) {
          node = wanted.reads as readonly Member[];
          const inner: JsonObject = bareObject();
          (object as JsonObject)[wanted.name] = inner;
          object = inner;
        } else {
          node = nothing;
          object = undefined;
        }
        c = b[++i] as number;
        if (c <= 0x20) {
          while (isSpace((c = b[i] as number))) i++;
          spaced = true;
        }
        if (c !== (inObject ? 0x7d : 0x5d)) continue;
        // an empty one: what follows closes it
        i++;
        top = base;
        base = bases[depth] as number;
        mask = masks[depth] as number;
        node = nodes[depth] as readonly Member[];
        object = objects[depth];
        inObject = kinds[depth] === 1;
        depth--;
      } else if (c === 0x74) {
        if (i + 3 >= last || b[i + 1] !== 0x72 || b[i + 2] !== 0x75 || b[i + 3] !== 0x65) return undefined;
        i += 4;
      } else if (c === 0x66) {
        if (i + 4 >= last || b[i + 1] !== 0x61 || b[i + 2] !== 0x6c || b[i + 3] !== 0x73 || b[i + 4] !== 0x65)
          return undefined;
        i += 5;
      } else if (c === 0x6e) {
        if (i + 3 >= last || b[i + 1] !== 0x75 || b[i + 2] !== 0x6c || b[i + 3] !== 0x6c) return undefined;
        i += 4;
      } else {
        if (c === 0x2d) c = b[++i] as number;
        if (c === 0x30) c = b[++i] as number;
        else if (c >= 0x31 && c <= 0x39) {
          do c = b[++i] as number;
          while (c >= 0x30 && c <= 0x39);
        } else return undefined;
        if (c === 0x2e) {
          c = b[++i] as number;
          if (!(c >= 0x30 && c <= 0x39)) return undefined;
          do c = b[++i] as number;
          while (c >= 0x30 && c <= 0x39);
        }
        if (c === 0x65 || c === 0x45) {
          c = b[++i] as number;
          if (c === 0x2b || c === 0x2d) c = b[++i] as number;
          if (!(c >= 0x30 && c <= 0x39)) return undefined;
          do c = b[++i] as number;
          while (c >= 0x30 && c <= 0x39);
        }
      }
      // a value has ended, and with it perhaps what it lies in
      for (;;) {
        if (depth === captureDepth && captured !== undefined) {
          (object as JsonObject)[captured.name] = valueOf(b, captureAt, i, ascii, escaped);
          captured = undefined;
          captureDepth = -1;
        }
        if (depth <= 1) {
          if (depth === 0) {
            if (i !== last + 1) return undefined;
            if (bare) end = i;
            const read = !bare
              ? whole["input"]
              : tree === "whole"
                ? valueOf(b, start, end, ascii, true)
                : whole;
            if (read === undefined) return undefined;
            return new Scanned(b, start, end, read, plain && !spaced, oddEscapes);
          }
          if (start >= 0 && end < 0 && !bare) end = i;
        }
        if (i > last) return undefined;
        c = b[i] as number;
        if (c <= 0x20) {
          while (isSpace((c = b[i] as number))) i++;
          spaced = true;
        }
        i++;
        if (c === 0x2c) break;
        if (c !== (inObject ? 0x7d : 0x5d)) return undefined;
        top = base;
        base = bases[depth] as number;
        mask = masks[depth] as number;
        node = nodes[depth] as readonly Member[];
        object = objects[depth];
        inObject = kinds[depth] === 1;
        depth--;
      }
    }
  };
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

/** `"`, `\`, b, f, n, r, t */
function isEscape(c: number): boolean {
  return c === 0x22 || c === 0x5c || c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74;
}

function isHex(b: Buffer, at: number): boolean {
  for (let i = at; i < at + 4; i++) {
    const c = b[i] as number;
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46))) return false;
  }
  return true;
}

function isAt(b: Buffer, from: number, to: number, name: Buffer): boolean {
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (b[from + i] !== name[i]) return false;
  return true;
}

/** Reads a value that was found to be one. */
function valueOf(b: Buffer, from: number, to: number, ascii: boolean, escaped: boolean): Json {
  const first = b[from] as number;
  if (first === 0x22 && !escaped) return textOf(b, from + 1, to - 1, ascii);
  if (first === 0x74) return true;
  if (first === 0x66) return false;
  if (first === 0x6e) return null;
  if (first >= 0x31 && first <= 0x39 && to - from <= 15) {
    let value = 0;
    for (let i = from; ; i++) {
      if (i === to) return value;
      const digit = (b[i] as number) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
  }
  return parseJson(textOf(b, from, to, ascii));
}

function textOf(b: Buffer, from: number, to: number, ascii: boolean): string {
  if (!ascii) return b.toString("utf8", from, to);
  if (to - from > 24) return b.toString("latin1", from, to);
  // cheaper than a call out of JavaScript
  let out = "";
  for (let i = from; i < to; i++) out += String.fromCharCode(b[i] as number);
  return out;
}

function member(name: string, reads: Reads): Member {
  const bytes = Buffer.from(name);
  let hash = 0x811c9dc5 | 0;
  for (const c of bytes) hash = Math.imul(hash ^ c, 0x01000193);
  return { name, bytes, hash, reads };
}

/** Joins the paths by their beginnings; a path under one that is read whole adds nothing. */
function treeOf(paths: readonly (readonly string[])[]): Reads {
  if (paths.some(({ length }) => length === 0)) return "whole";
  const rests = new Map<string, string[][]>();
  for (const [name, ...rest] of paths) {
    // no document has a name that UTF-8 can't hold
    if (name !== undefined && Buffer.from(name).toString() === name)
      rests.set(name, [...(rests.get(name) ?? []), rest]);
  }
  return [...rests].map(([name, under]) => member(name, treeOf(under)));
}
