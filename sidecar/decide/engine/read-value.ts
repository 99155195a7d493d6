/**
 * Reads values where they lie in a policy's memory. Dumping them as text and parsing that costs more and, for JSON,
 * loses sets and the order of their items. Source: the structs of OPA's wasm/src/value.h; {@link probe} tells whether
 * a module has this layout.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Json, JsonObject } from "../../contract.js";
import { JsonNumber } from "../../contract.js";
import { keyText } from "./go-json.js";
import type { RegoValue } from "./value.js";
import { compareValues, RegoObject, RegoSet } from "./value.js";

const type = {
  null: 1,
  boolean: 2,
  number: 3,
  string: 4,
  array: 5,
  object: 6,
  set: 7,
  internedString: 8,
  internedBoolean: 9,
} as const;
const asInteger = 1;

/** More than this many values in one result is no answer. INVARIANT: also ends a walk through cyclic memory. */
const mostValues = 20_000_000;

/** A value whose memory makes no sense. */
export class ValueRefused extends Error {
  override readonly name = "ValueRefused";
}

export interface ValueReader {
  /** The Rego value at an address. @throws ValueRefused, RangeError outside of memory or too deep */
  value(address: number): RegoValue;
  /** The same as JSON: sets as arrays in OPA's order, keys that aren't strings as their JSON text. */
  json(address: number): Json;
  /** Addresses of a set's items. */
  items(address: number): number[];
  /** Address of the value at a string key, or undefined where there is none or the value is no object. */
  member(address: number, key: string): number | undefined;
  /** Addresses of the values at an object's string keys; undefined where it has no more members than that, or is no object. */
  members(address: number, more: number): Map<string, number> | undefined;
  /** What a document is. */
  kind(address: number): "object" | "array" | "scalar";
  /** An integer where it lies as one. */
  integer(address: number): number | undefined;
  /** The double that is nearest to a number. */
  double(address: number): number | undefined;
}

/** Creates a reader of a memory, which may grow meanwhile. */
export function createReader(memory: WebAssembly.Memory): ValueReader {
  let buffer = memory.buffer;
  let view = new DataView(buffer);
  let bytes = Buffer.from(buffer);
  let left = 0;

  const refresh = (): void => {
    left = mostValues;
    if (buffer === memory.buffer) return;
    buffer = memory.buffer;
    view = new DataView(buffer);
    bytes = Buffer.from(buffer);
  };
  const u32 = (at: number): number => view.getUint32(at, true);

  const text = (start: number, size: number): string => {
    if (start + size > bytes.length) throw new ValueRefused("a string ends outside of memory");
    if (size < 32) {
      // short ASCII, as most strings are: cheaper than a call out of JavaScript
      let out = "";
      for (let i = start; i < start + size; i++) {
        const byte = bytes[i] as number;
        if (byte >= 0x80) return wide(start, size);
        out += String.fromCharCode(byte);
      }
      return out;
    }
    return wide(start, size);
  };
  /** As Go has it: each byte that is not UTF-8 becomes U+FFFD, where others make one of several. */
  const wide = (start: number, size: number): string => {
    const part = bytes.subarray(start, start + size);
    return isUtf8(part) ? part.toString("utf8") : brokenText(part);
  };

  /** Tells whether ASCII stands there; names of one table often differ at their ends. */
  const holds = (start: number, ascii: string): boolean => {
    for (let i = ascii.length - 1; i >= 0; i--) if (bytes[start + i] !== ascii.charCodeAt(i)) return false;
    return true;
  };

  const string = (at: number): string => text(u32(at + 8), u32(at + 4));

  const number = (at: number): number | JsonNumber => {
    if (view.getUint8(at + 1) === asInteger) {
      const value = view.getBigInt64(at + 8, true);
      const near = Number(value);
      return Number.isSafeInteger(near) ? near : new JsonNumber(value.toString());
    }
    return numberOf(text(u32(at + 8), u32(at + 12)));
  };

  /** Calls back with the address of each element struct of an object or set. */
  const each = (at: number, nextAt: number, take: (element: number) => void): void => {
    const buckets = u32(at + 4);
    const count = u32(at + 8);
    for (let i = 0; i < count; i++) {
      for (let element = u32(buckets + 4 * i); element !== 0; element = u32(element + nextAt)) {
        if (--left < 0) throw new ValueRefused("more values than an answer may have");
        take(element);
      }
    }
  };

  const value = (at: number): RegoValue => {
    if (--left < 0) throw new ValueRefused("more values than an answer may have");
    switch (view.getUint8(at)) {
      case type.null:
        return null;
      case type.boolean:
      case type.internedBoolean:
        return view.getUint8(at + 1) !== 0;
      case type.number:
        return number(at);
      case type.string:
      case type.internedString:
        return string(at);
      case type.array: {
        const elements = u32(at + 4);
        const size = u32(at + 8);
        const out: RegoValue[] = [];
        for (let i = 0; i < size; i++) out.push(value(u32(elements + 8 * i + 4)));
        return out;
      }
      case type.object: {
        const entries: [RegoValue, RegoValue][] = [];
        each(at, 8, (element) => entries.push([value(u32(element)), value(u32(element + 4))]));
        return new RegoObject(entries.sort(([a], [b]) => compareValues(a, b)));
      }
      case type.set: {
        const items: RegoValue[] = [];
        each(at, 4, (element) => items.push(value(u32(element))));
        return new RegoSet(items.sort(compareValues));
      }
      default:
        throw new ValueRefused("a value of an unknown type");
    }
  };

  const json = (at: number): Json => {
    if (--left < 0) throw new ValueRefused("more values than an answer may have");
    switch (view.getUint8(at)) {
      case type.array: {
        const elements = u32(at + 4);
        const size = u32(at + 8);
        const out: Json[] = [];
        for (let i = 0; i < size; i++) out.push(json(u32(elements + 8 * i + 4)));
        return out;
      }
      case type.object: {
        const entries: [string, Json][] = [];
        each(at, 8, (element) => {
          const key = value(u32(element));
          entries.push([keyText(key), json(u32(element + 4))]);
        });
        return objectFrom(entries);
      }
      case type.set:
        return toJson(value(at));
      default:
        return value(at) as null | boolean | number | JsonNumber | string;
    }
  };

  return {
    value(address) {
      refresh();
      return value(address);
    },
    json(address) {
      refresh();
      return json(address);
    },
    items(address) {
      refresh();
      if (view.getUint8(address) !== type.set) throw new ValueRefused("a result that is no set");
      const out: number[] = [];
      each(address, 4, (element) => out.push(u32(element)));
      return out;
    },
    member(address, key) {
      refresh();
      if (view.getUint8(address) !== type.object) return undefined;
      let found: number | undefined;
      // of ten thousand members one is meant: the others' names aren't made
      const size = isAscii(Buffer.from(key)) ? key.length : undefined;
      each(address, 8, (element) => {
        const at = u32(element);
        const kind = view.getUint8(at);
        if (kind !== type.string && kind !== type.internedString) return;
        if (size === undefined ? string(at) === key : u32(at + 4) === size && holds(u32(at + 8), key))
          found = u32(element + 4);
      });
      return found;
    },
    kind(address) {
      refresh();
      const is = view.getUint8(address);
      return is === type.object ? "object" : is === type.array ? "array" : "scalar";
    },
    members(address, more) {
      refresh();
      // the count of places is at most a few times that of members
      if (view.getUint8(address) !== type.object || u32(address + 8) <= more) return undefined;
      const all = new Map<string, number>();
      each(address, 8, (element) => {
        const at = u32(element);
        const kind = view.getUint8(at);
        if (kind === type.string || kind === type.internedString) all.set(string(at), u32(element + 4));
      });
      return all.size > more ? all : undefined;
    },
    integer(address) {
      refresh();
      if (view.getUint8(address) !== type.number) return undefined;
      const found = number(address);
      return typeof found === "number" ? found : undefined;
    },
    double(address) {
      refresh();
      if (view.getUint8(address) !== type.number) return undefined;
      return view.getUint8(address + 1) === asInteger
        ? Number(view.getBigInt64(address + 8, true))
        : Number(text(u32(address + 8), u32(address + 12)));
    },
  };
}

/** Decodes UTF-8 byte by byte. */
function brokenText(bytes: Buffer): string {
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] as number;
    const size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    const part = bytes.subarray(at, at + size);
    const whole = size > 0 && part.length === size && isUtf8(part);
    out += whole ? part.toString("utf8") : "\ufffd";
    at += whole ? size : 1;
  }
  return out;
}

/** Sizes of the structs. */
export const valueBytes = { boolean: 2, number: 24, string: 12 } as const;

export function writeIntegerValue(view: DataView, at: number, value: number): void {
  view.setUint16(at, type.number | (asInteger << 8), true);
  view.setInt32(at + 8, value, true);
  view.setInt32(at + 12, value < 0 ? -1 : 0, true);
}

export function writeBooleanValue(view: DataView, at: number, value: boolean): void {
  view.setUint16(at, type.boolean | (Number(value) << 8), true);
}

/** Writes the struct of a string whose bytes lie elsewhere. */
export function writeStringValue(view: DataView, at: number, start: number, size: number): void {
  view.setUint32(at, type.string, true);
  view.setUint32(at + 4, size, true);
  view.setUint32(at + 8, start, true);
}

/** A double where it keeps the text, else the text. */
export function numberOf(text: string): number | JsonNumber {
  const value = Number(text);
  return String(value) === text && (Number.isSafeInteger(value) || text.length <= 17)
    ? value
    : new JsonNumber(text);
}

/** Gives a Rego value as JSON, as OPA's API would show it. */
export function toJson(value: RegoValue): Json {
  if (value === null || typeof value !== "object" || value instanceof JsonNumber) return value;
  if (value instanceof RegoSet) return value.items.map(toJson);
  if (value instanceof RegoObject) {
    return objectFrom(value.entries.map(([key, member]) => [keyText(key), toJson(member)]));
  }
  return (value as readonly RegoValue[]).map(toJson);
}

/** OPA writes keys in the order of their bytes. */
function objectFrom(entries: [string, Json][]): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [key, member] of entries.sort(([a], [b]) => compareValues(a, b))) out[key] = member;
  return out;
}
