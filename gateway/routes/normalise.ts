/** Reads a request's target so that whoever reads it later can't read it differently. */
import type { Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";

/** A target within a route: what is sent, and what policy sees of it. */
export interface Target {
  readonly kind: "target";
  /** As it came, without the query: "/" at least. */
  readonly raw: string;
  /** Decoded once; there is nothing left to decode. */
  readonly path: string;
  /** With its question mark, as it came; "" where there is none. */
  readonly search: string;
  /** Names and values, decoded, in order. */
  readonly query: readonly (readonly [name: string, value: string])[];
}

const longest = 8_192;
const mostParameters = 256;

/** RFC 3986's pchar without `;` (parameters of segments, which servers disagree about). */
const plainSegment = /^(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+$/;
/** What browsers leave as it is in queries, but for `;` and the backslash. */
const plainQuery = /^(?:[A-Za-z0-9._~!$&'()*+,=:@/?[\]{}|^`-]|%[0-9A-Fa-f]{2})*$/;
/** What must not come out of an escape: separators, further escapes, control characters. */
const neverEscaped = /[/\\%;?#\u0000-\u001f\u007f-\u009f]/;
/** Characters that some servers take for those above (full-width forms and their like). */
const separators = /[/\\%;?#.]/g;
/** Escapes of what needs none: there is one spelling only of what policy decides on. */
const needless = /%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])/;

/** Reads `/path?query`; whatever has two readings is refused. */
export function readTarget(target: string): Target | Refusal {
  if (target.length > longest) return refuse("path_refused", "too long");
  const mark = target.indexOf("?");
  const raw = mark < 0 ? target : target.slice(0, mark);
  const search = mark < 0 ? "" : target.slice(mark);
  const path = readPath(raw);
  if (path === undefined) return refuse("path_refused", "the path");
  const query = readQuery(search.slice(1));
  if (query === undefined) return refuse("path_refused", "the query");
  return { kind: "target", raw, path, search, query };
}

function readPath(raw: string): string | undefined {
  if (!raw.startsWith("/")) return undefined;
  const segments = raw.slice(1).split("/");
  const decoded: string[] = [];
  for (const [i, segment] of segments.entries()) {
    // a slash at the end is a path of its own
    if (segment === "" && i === segments.length - 1) decoded.push("");
    else {
      const text = plainSegment.test(segment) && !needless.test(segment) ? decode(segment) : undefined;
      if (text === undefined || text === "." || text === ".." || hidesSeparators(segment, text))
        return undefined;
      decoded.push(text);
    }
  }
  return `/${decoded.join("/")}`;
}

function hidesSeparators(segment: string, text: string): boolean {
  if (segment === text) return false;
  const count = (value: string): number => value.match(separators)?.length ?? 0;
  return neverEscaped.test(text) || count(text.normalize("NFKC")) !== count(text);
}

/** Reads `name=value` pairs, decoded, in order; undefined where they have two readings. */
export function readQuery(text: string): (readonly [string, string])[] | undefined {
  if (text === "") return [];
  if (!plainQuery.test(text)) return undefined;
  const pairs: (readonly [string, string])[] = [];
  for (const part of text.split("&")) {
    const equals = part.indexOf("=");
    const name = decode((equals < 0 ? part : part.slice(0, equals)).replaceAll("+", " "));
    const value = decode((equals < 0 ? "" : part.slice(equals + 1)).replaceAll("+", " "));
    if (name === undefined || value === undefined || value.includes("\u0000")) return undefined;
    // a name within an escape, or none, is read differently by others
    if (name === "" || /[&=;#\u0000-\u001f\u007f]/.test(name)) return undefined;
    pairs.push([name, value]);
  }
  return pairs.length > mostParameters ? undefined : pairs;
}

/** Undefined where the bytes aren't UTF-8 in its shortest form. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
