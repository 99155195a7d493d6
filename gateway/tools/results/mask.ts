/** Masks what tools are called with, and what they give, everywhere the same. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import { findSecrets, secretKinds } from "../../content/find-secrets.js";
import { patternsOf } from "../../content/mask-text.js";
import type { Match, Pattern } from "../../content/pattern.js";
import { findAll } from "../../content/pattern.js";
import { follow, step } from "../../content/pointer.js";
import type { Pointer, Way } from "../../content/pointer.js";
import { textIn, withText } from "../../content/media-text.js";

export interface ToolMasking {
  /** Kinds and detectors; absent: all of what pointers lead to. */
  readonly find?: (text: string) => readonly Match[];
  readonly pointers?: readonly Pointer[];
  readonly replacement?: string;
}

/** What can't be masked without changing what it means. */
export class CantMask extends Error {}

/** The most text that is masked at a time, characters. */
const mostMasked = 2 ** 20;
/** The most that copies are looked for: hidden values times characters. */
const mostCompared = 2 ** 27;
/** A hidden value that is shorter stands in other texts by chance. */
const shortest = 4;

/** Makes what finds kinds; undefined where one isn't known. */
export function finderOf(names: readonly string[]): ToolMasking["find"] | undefined {
  const kinds = new Set(names.flatMap((name) => (name === "secrets" ? secretKinds : [name])));
  const others = [...kinds].filter((name) => !secretKinds.includes(name));
  const patterns: readonly Pattern[] | undefined = others.length === 0 ? [] : patternsOf(others);
  if (patterns === undefined) return undefined;
  const wantsSecrets = secretKinds.some((kind) => kinds.has(kind));
  return (text) => {
    const found = findAll(text, patterns, 0, text.length);
    if (!wantsSecrets) return found;
    const secrets = findSecrets(text, kinds);
    return merge([...found, ...secrets]);
  };
}

function merge(matches: Match[]): readonly Match[] {
  matches.sort((a, b) => a.start - b.start || b.end - a.end);
  const out: Match[] = [];
  for (const match of matches) {
    const last = out.at(-1);
    if (last === undefined || match.start >= last.end) out.push(match);
    else if (match.end > last.end) out[out.length - 1] = { ...last, end: match.end };
  }
  return out;
}

/** What holds a result together: nothing to be masked may be in it. */
const fixed: ReadonlySet<string> = new Set(["type", "mimeType", "role", "resultType", "cacheScope"]);
/** Tells bytes of media from a member of that name where MCP has none, which is text like any. */
function holdsBytes({ type, uri }: JsonObject, member: string): boolean {
  if (member === "data") return type === "image" || type === "audio";
  return member === "blob" && typeof uri === "string";
}

/** Masks a value in which no name means anything. @throws CantMask */
export function maskValues(value: Json, masking: ToolMasking): Json {
  return createMasker(masking).values(value, follow(masking.pointers ?? "all", "") ?? "all");
}

/** Masks a result: its texts, its structured content, and each copy of one in the other. @throws CantMask */
export function maskResult(result: JsonObject, masking: ToolMasking): JsonObject {
  const masker = createMasker(masking);
  const way: Way = masking.pointers ?? "all";
  const before = result["structuredContent"];
  const out = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(result)) {
    const on = step(way, name);
    if (on === undefined) out[name] = value;
    else out[name] = name === "structuredContent" ? masker.values(value, on) : masker.parts(value, on, name);
  }
  const after = out["structuredContent"];
  // patterns without pointers found each copy where it stands
  if (before === undefined || masker.hidden.size === 0 || masking.pointers === undefined) return out;
  return agree(out, before, after ?? null, masker.hidden, masking.replacement);
}

interface Masker {
  /** Values that were hidden whole or in part. */
  readonly hidden: Map<string, string>;
  values(value: Json, way: Way): Json;
  parts(value: Json, way: Way, name: string): Json;
}

function createMasker({ find, replacement }: ToolMasking): Masker {
  const hidden = new Map<string, string>();
  let left = mostMasked;

  const text = (said: string): string => {
    left -= said.length;
    if (left < 0) throw new CantMask();
    if (find === undefined) {
      if (said === "") return said;
      const instead = replacement ?? "[masked]";
      hidden.set(said, instead);
      return instead;
    }
    let out = "";
    let at = 0;
    for (const { kind, start, end } of find(said)) {
      const instead = replacement ?? `[${kind}]`;
      hidden.set(said.slice(start, end), instead);
      out += said.slice(at, start) + instead;
      at = end;
    }
    return at === 0 ? said : out + said.slice(at);
  };
  const look = (said: string): void => {
    if (find !== undefined && find(said).length > 0) throw new CantMask();
  };

  const values = (value: Json, way: Way): Json => {
    if (Array.isArray(value)) return value.map((item, i) => next(item, way, String(i), values));
    if (isObject(value)) {
      return mapMembers(value, (inner, name) => {
        if (way === "all") look(name);
        return next(inner, way, name, values);
      });
    }
    if (way !== "all" || value === null) return value;
    if (typeof value === "string") return text(value);
    if (typeof value === "boolean") {
      if (find !== undefined) return value;
      hidden.set(String(value), "");
      return replacement ?? "[masked]";
    }
    const said = value instanceof JsonNumber ? value.text : String(value);
    const masked = text(said);
    return masked === said ? value : masked;
  };

  const media = (data: string, type: string): string => {
    // INVARIANT: what is to be hidden whole isn't shown because it is an image
    if (find === undefined) throw new CantMask();
    // INVARIANT: what was looked at is what is masked: text in base64 is text
    const said = textIn(data, type);
    if (said === undefined) return data;
    const masked = text(said);
    const given = masked === said ? data : withText(data, said, masked);
    if (given === undefined) throw new CantMask();
    return given;
  };

  const parts = (value: Json, way: Way, name: string): Json => {
    if (Array.isArray(value))
      return value.map((item, i) => next(item, way, String(i), (one, on) => parts(one, on, name)));
    if (isObject(value)) {
      if (name === "_meta" || name === "annotations") return values(value, way);
      return mapMembers(value, (inner, member) => {
        if (way === "all") look(member);
        const type = value["mimeType"];
        return next(inner, way, member, (one, on) =>
          on === "all" && holdsBytes(value, member) && typeof one === "string"
            ? media(one, typeof type === "string" ? type : "")
            : parts(one, on, member),
        );
      });
    }
    if (way !== "all" || typeof value !== "string") return value;
    if (!fixed.has(name)) return text(value);
    if (find === undefined) return value;
    look(value);
    return value;
  };

  return { hidden, values, parts };
}

function next(value: Json, way: Way, name: string, on: (value: Json, way: Way) => Json): Json {
  const further = step(way, name);
  return further === undefined ? value : on(value, further);
}

function mapMembers(object: JsonObject, map: (value: Json, name: string) => Json): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(object)) out[name] = map(value, name);
  return out;
}

/**
 * Takes out of texts what was hidden in the structured content, and the other way round: servers send the same twice.
 * @throws CantMask where what was hidden is so short that it can't be told from others
 */
function agree(
  result: JsonObject,
  before: Json,
  after: Json,
  hidden: ReadonlyMap<string, string>,
  replacement = "[masked]",
): JsonObject {
  let left = mostCompared;
  const original = canonical(before);
  const long = [...hidden]
    .filter(([said]) => said.length >= shortest)
    .sort(([a], [b]) => b.length - a.length);
  const short = [...hidden.keys()].filter((said) => said.length < shortest && said !== "");
  const clean = (text: string): string => {
    if (/^\s*[[{]/.test(text)) {
      try {
        const parsed = parseJson(text);
        if (canonical(parsed) === original) return stringifyJson(after);
      } catch {
        // not JSON: a text like any
      }
    }
    left -= text.length * hidden.size;
    if (left < 0) throw new CantMask();
    let out = text;
    for (const [said, instead] of long) {
      for (const form of new Set([said, stringifyJson(said).slice(1, -1)]))
        out = out.replaceAll(form, instead || replacement);
    }
    if (short.some((said) => new RegExp(`(?<!\\w)${said.replace(/[^\w]/g, "\\$&")}(?!\\w)`).test(out)))
      throw new CantMask();
    return out;
  };
  const walk = (value: Json, name: string): Json => {
    if (typeof value === "string") return name === "text" ? clean(value) : value;
    if (Array.isArray(value)) return value.map((item) => walk(item, name));
    return isObject(value) ? mapMembers(value, walk) : value;
  };
  const out = Object.assign(Object.create(null) as JsonObject, result);
  if (out["content"] !== undefined) out["content"] = walk(out["content"], "content");
  return out;
}

/** The same text for the same value, whatever the order of its members. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return stringifyJson(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${stringifyJson(name)}:${canonical(value[name] ?? null)}`).join(",")}}`;
}
