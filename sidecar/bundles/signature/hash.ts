/** The hash of a file as OPA's signatures have it. Source: OPA, v1/bundle/hash.go. */
import type { Hash } from "node:crypto";
import { createHash } from "node:crypto";
import type { Json } from "../../contract.js";
import { JsonNumber, parseJson } from "../../contract.js";
import { isYaml, readYaml } from "./yaml.js";

/**
 * OPA's names of hashes, and Node's. Those of less than 128 bits against collisions (MD5, SHA-1, SHA-224, SHA-512-224)
 * aren't taken: OPA takes them, and signs by none of them.
 */
export const hashAlgorithms: ReadonlyMap<string, string> = new Map([
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
  ["SHA-512-256", "sha512-256"],
]);

/** A file is hashed by what it says, where all that counts is that, else by its bytes. */
export function isStructured(place: string): boolean {
  return /(^|\/)(data\.(json|ya?ml)|\.manifest)$/.test(place);
}

export interface Hashed {
  /** Hex. */
  readonly hash: string;
  /** What a YAML file says. */
  readonly document?: Json;
}

/**
 * Hashes a file.
 * @param algorithm one of Node's names
 * @throws JsonRefused, YamlRefused for a structured file that says nothing, or nothing unambiguous
 */
export function hashFile(place: string, bytes: Uint8Array, algorithm: string): Hashed {
  const hash = createHash(algorithm);
  if (!isStructured(place)) return { hash: hash.update(bytes).digest("hex") };
  const yaml = isYaml(place);
  const document = yaml ? readYaml(bytes) : parseJson(bytes);
  const writer = createWriter(hash);
  walk(document, writer);
  writer.flush();
  return { hash: hash.digest("hex"), ...(yaml ? { document } : {}) };
}

interface Writer {
  write(text: string): void;
  flush(): void;
}

function createWriter(hash: Hash): Writer {
  let text = "";
  const flush = (): void => {
    hash.update(text);
    text = "";
  };
  return {
    write(more) {
      text += more;
      if (text.length > 65_536) flush();
    },
    flush,
  };
}

/** Numbers stand as they came: `1.0` and `1` are two things. Indexes, not iterators: a bundle's data has millions of values. */
function walk(value: Json, writer: Writer): void {
  if (typeof value === "string") writer.write(quote(value));
  else if (typeof value === "number") writer.write(Object.is(value, -0) ? "-0" : String(value));
  else if (typeof value !== "object" || value === null) writer.write(String(value));
  else if (value instanceof JsonNumber) writer.write(value.text);
  else if (Array.isArray(value)) {
    writer.write("[");
    for (let i = 0; i < value.length; i++) {
      if (i > 0) writer.write(",");
      walk(value[i] as Json, writer);
    }
    writer.write("]");
  } else {
    writer.write("{");
    const keys = sorted(Object.keys(value));
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      writer.write(`${i > 0 ? "," : ""}${quote(key)}:`);
      walk(value[key] as Json, writer);
    }
    writer.write("}");
  }
}

const escapes = /["\\\u0000-\u001f\u2028\u2029]/;

/** As Go's `encoding/json` writes text: escapes of two line ends besides those that all write. */
function quote(text: string): string {
  if (!escapes.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (sign) =>
    sign === "\u2028" ? "\\u2028" : "\\u2029",
  );
}

const beyond = /[\ud800-\uffff]/;

/** By their UTF-8, whose order is another than UTF-16's beyond the surrogates. */
function sorted(keys: string[]): string[] {
  if (keys.length < 2) return keys;
  return keys.some((key) => beyond.test(key))
    ? keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : keys.sort();
}
