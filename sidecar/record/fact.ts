/** Replaces content by facts about it: type, size in bytes, digest. */
import { createHmac, hash } from "node:crypto";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../contract.js";
import type { Json, JsonObject } from "../contract.js";

/** How content is fingerprinted; `name` is the field that holds it. */
export interface Digest {
  readonly name: "sha256" | "hmac_sha256";
  of(content: string | Uint8Array): string;
}

/**
 * Makes the digest of the decision log.
 * @param key makes it an HMAC, so that who reads the log can't guess short values (a yes, an amount) by trying.
 */
export function createDigest(key?: Uint8Array): Digest {
  if (key === undefined) {
    return { name: "sha256", of: remembering((content) => hash("sha256", content, "hex")) };
  }
  const of = (content: string | Uint8Array): string =>
    createHmac("sha256", key).update(content).digest("hex");
  return { name: "hmac_sha256", of: remembering(of) };
}

/** What is remembered: names of models, regions and providers come again and again; what is longer seldom does. */
const longestRemembered = 64;
const mostRemembered = 2_048;

function remembering(of: Digest["of"]): Digest["of"] {
  const known = new Map<string, string>();
  return (content) => {
    if (typeof content !== "string" || content.length > longestRemembered) return of(content);
    const found = known.get(content);
    if (found !== undefined) return found;
    if (known.size >= mostRemembered) known.clear();
    const made = of(content);
    // a copy: a part of a request's text would keep all of it
    known.set(Buffer.from(content).toString(), made);
    return made;
  };
}

/** Members that are described. */
export const maxFacts = 64;
/** Names as programs choose them; any other name may be content itself. */
const plainName = /^[A-Za-z_$][A-Za-z0-9_.$-]{0,63}$/;
const plainId = /^[A-Za-z0-9_.:/@+-]{1,128}$/;
const digestForm = /^(?:sha256[:-])?[0-9a-f]{64}$/;

/** Cuts a text that a caller or policy chose. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** Keeps a code, id or label that looks like one; a policy may have put content there, and then it becomes its digest. */
export function idOf(digest: Digest, text: string): string {
  return plainId.test(text) ? text : `#${digest.of(text)}`;
}

/** Keeps a member's name where it looks like one; else its digest. */
export function nameOf(digest: Digest, name: string): string {
  return plainName.test(name) ? name : `#${digest.of(name)}`;
}

/** Keeps the path of a request target, without query and fragment. */
export function cleanPath(path: string): string {
  const end = path.search(/[?#]/);
  return cut(end < 0 ? path : path.slice(0, end), 256);
}

/**
 * Gives `{type, bytes, <digest>}` of a JSON value or text; the value itself in mode `full`.
 * Numbers, booleans and null get no digest: there are so few likely values that it would give them away.
 */
export function factOf(digest: Digest, value: Json | Uint8Array, mode: "digest" | "full" = "digest"): Json {
  if (mode === "full") {
    const parsed = value instanceof Uint8Array ? verbatim(value) : value;
    if (parsed !== undefined) return parsed;
  }
  if (value instanceof Uint8Array) return { bytes: value.byteLength, [digest.name]: digest.of(value) };
  if (
    typeof value !== "string" &&
    (typeof value !== "object" || value === null || value instanceof JsonNumber)
  ) {
    return { type: typeOf(value), bytes: stringifyJson(value).length };
  }
  const text = typeof value === "string" ? value : stringifyJson(value);
  return { type: typeOf(value), bytes: Buffer.byteLength(text), [digest.name]: digest.of(text) };
}

/** Parses the text that is to be recorded in full; undefined where it isn't JSON. */
function verbatim(text: Uint8Array): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/**
 * Gives the facts of each member, at most 64; `arguments` and `parameters` are opened one level, so that each
 * argument has its own. A name that doesn't look like one is replaced by its digest.
 */
export function factsOf(digest: Digest, object: JsonObject, open = true): JsonObject {
  const out: JsonObject = {};
  const names = Object.keys(object);
  for (const name of names.slice(0, maxFacts)) {
    const value = object[name];
    if (value === undefined) continue;
    const key = nameOf(digest, name);
    const nested = open && (name === "arguments" || name === "parameters") && isObject(value);
    define(out, key, nested ? factsOf(digest, value, false) : factOf(digest, value));
  }
  if (names.length > maxFacts) out["…"] = names.length - maxFacts;
  return out;
}

/** Keeps the sizes and digests of a prompt's description; any other member becomes a fact. */
export function promptFacts(digest: Digest, prompt: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(prompt).slice(0, maxFacts)) {
    const key = nameOf(digest, name);
    const keep =
      typeof value === "number" ||
      typeof value === "boolean" ||
      (typeof value === "string" && digestForm.test(value));
    define(out, key, keep ? value : factOf(digest, value));
  }
  return out;
}

/** Sets a member also where its name is `__proto__`. */
function define(target: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  } else target[key] = value;
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof JsonNumber) return "number";
  return typeof value;
}
