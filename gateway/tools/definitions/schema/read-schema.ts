/** Reads a stranger's schema into one of known keywords, known shapes and bounded size; nothing else of it reaches the validator. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../../sidecar/contract.js";
import type { Exact } from "./exact.js";
import { exactKeywords, plainNumber } from "./exact.js";
import { longestHeader, readHeader } from "./header.js";
import type { Dialect, Takes } from "./keywords.js";
import { dialects, keywords, refused, refusedBelow, types } from "./keywords.js";
import { compilePattern } from "./pattern.js";

/** What the validator is given: plain, of known keywords. */
export type PlainSchema = boolean | { [keyword: string]: unknown };

export interface ReadSchema {
  readonly dialect: Dialect;
  readonly schema: PlainSchema;
  /** What is judged by our own code, at the index that the keyword {@link exactKeyword} names. */
  readonly exact: readonly Exact[];
  /** How many schemas it has, itself included. */
  readonly count: number;
  /** It may take time that its size doesn't tell: references, and patterns. */
  readonly hazardous: boolean;
  /** The names that its properties have: a place may be told by these, not by names that a caller chose. */
  readonly names: ReadonlySet<string>;
  /** `x-mcp-header`: header, lower-case, to the place of the property. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Why a schema isn't taken; a sentence without its content. */
export class SchemaRefused extends Error {
  override readonly name = "SchemaRefused";
}

export const exactKeyword = "exact";
export const limits = { depth: 32, schemas: 2_000, names: 10_000, values: 10_000, patterns: 200 } as const;

/**
 * Reads a schema.
 * @throws SchemaRefused where it isn't valid in its dialect, too large, too deep, or refers to what isn't in itself
 */
export function readSchema(value: Json | undefined): ReadSchema {
  if (!isObject(value)) throw new SchemaRefused("a schema must be an object");
  const said = value["$schema"] ?? "https://json-schema.org/draft/2020-12/schema";
  const dialect = typeof said === "string" ? dialects.get(said.replace(/#$/, "")) : undefined;
  if (dialect === undefined) throw new SchemaRefused("the dialect isn't 2020-12, 2019-09 or draft-07");
  const reader = new Reader(keywords[dialect]);
  const schema = reader.schema(value, "", [], 0);
  reader.checkReferences();
  const { exact, count, hazardous, names, headers } = reader;
  return { dialect, schema, exact, count, hazardous, names, headers };
}

class Reader {
  readonly exact: Exact[] = [];
  count = 0;
  hazardous = false;
  readonly names = new Set<string>();
  readonly headers = new Map<string, readonly string[]>();
  private values = 0;
  private patterns = 0;
  private readonly places = new Set<string>();
  /** Names of places, by `$anchor` and `$dynamicAnchor`. */
  private readonly anchors = new Map<string, string>();
  private readonly references: { readonly to: string; readonly point: (place: string) => void }[] = [];

  constructor(private readonly known: ReadonlyMap<string, Takes>) {}

  /** @param path the names of properties that lead here; undefined where anything else does */
  schema(
    value: Json | undefined,
    place: string,
    path: readonly string[] | undefined,
    depth: number,
  ): PlainSchema {
    if (++this.count > limits.schemas) throw new SchemaRefused("too many schemas in one");
    if (depth > limits.depth) throw new SchemaRefused("schemas are nested too deep");
    this.places.add(place);
    if (typeof value === "boolean") return value;
    if (!isObject(value)) throw new SchemaRefused("a schema must be an object, true or false");
    const out: PlainSchema = Object.create(null) as { [keyword: string]: unknown };
    for (const key of Object.keys(value)) {
      if (refused.has(key) || (depth > 0 && refusedBelow.has(key)))
        throw new SchemaRefused(`${key} isn't taken here`);
      const takes = this.known.get(key);
      const given = value[key];
      if (takes === undefined || given === undefined) continue;
      const read = this.keyword(
        takes,
        given,
        `${place}/${key}`,
        key === "properties" ? path : undefined,
        depth,
      );
      if (takes === "reference") this.refer(key, out, String(read));
      // the validator doesn't find those of the root; references lead to places instead
      if (!exactKeywords.has(key) && key !== "$anchor") out[key] = read;
    }
    this.own(value, out);
    if (value["x-mcp-header"] !== undefined) this.header(value, path);
    return out;
  }

  /** INVARIANT: every reference leads to a schema that was read, so that it was counted and its patterns are known. */
  checkReferences(): void {
    for (const { to, point } of this.references) {
      const place = to === "" || to.startsWith("/") ? decode(to) : this.anchors.get(to);
      if (place === undefined || !this.places.has(place))
        throw new SchemaRefused("a reference leads to nothing");
      point(`#${place.split("/").map(encodeURIComponent).join("/")}`);
    }
  }

  private keyword(
    takes: Takes,
    value: Json,
    place: string,
    path: readonly string[] | undefined,
    depth: number,
  ): unknown {
    const wrong = (): SchemaRefused =>
      new SchemaRefused(`${place.slice(place.lastIndexOf("/") + 1)} is of a wrong form`);
    const below = (one: Json | undefined, at: string, to?: readonly string[]): PlainSchema =>
      this.schema(one, at, to, depth + 1);
    switch (takes) {
      case "schema":
        return below(value, place);
      case "schema_or_schemas":
        if (!Array.isArray(value)) return below(value, place);
        return value.map((one, i) => below(one, `${place}/${i}`));
      case "schemas":
        if (!Array.isArray(value) || value.length === 0) throw wrong();
        return value.map((one, i) => below(one, `${place}/${i}`));
      case "schema_map": {
        const patterns = place.endsWith("/patternProperties");
        return this.map(value, wrong, (one, name) => {
          if (patterns) this.pattern(name);
          return below(one, `${place}/${escape(name)}`, path && [...path, name]);
        });
      }
      case "dependencies":
        return this.map(value, wrong, (one, name) =>
          Array.isArray(one) ? this.list(one, wrong) : below(one, `${place}/${escape(name)}`),
        );
      case "names_map":
        return this.map(value, wrong, (one) => this.list(one, wrong));
      case "names":
        return this.list(value, wrong);
      case "type":
        if (
          typeof value === "string"
            ? types.has(value)
            : this.list(value, wrong).every((one) => types.has(one))
        )
          return value;
        throw wrong();
      case "count": {
        const count = numberOf(value);
        if (count === undefined || count < 0 || !Number.isInteger(count)) throw wrong();
        return count;
      }
      case "number": {
        const number = numberOf(value);
        if (number === undefined || (place.endsWith("/multipleOf") && number <= 0)) throw wrong();
        return number;
      }
      case "boolean":
        if (typeof value !== "boolean") throw wrong();
        return value;
      case "text":
        if (typeof value !== "string") throw wrong();
        this.pattern(value);
        return value;
      case "anchor":
        if (typeof value !== "string" || !/^[A-Za-z_][\w.-]{0,127}$/.test(value) || this.anchors.has(value))
          throw wrong();
        this.anchors.set(value, place.slice(0, place.lastIndexOf("/")));
        return value;
      case "reference":
        // INVARIANT: nothing is fetched, and no reference leaves its own schema
        if (typeof value !== "string" || !value.startsWith("#"))
          throw new SchemaRefused("a reference leads out of its schema");
        this.hazardous = true;
        return value;
      case "list":
        if (!Array.isArray(value)) throw wrong();
        this.values += value.length;
        if (this.values > limits.values) throw new SchemaRefused("too many values in one schema");
        return value;
      case "any":
        return value;
    }
  }

  private refer(key: string, out: { [keyword: string]: unknown }, reference: string): void {
    this.references.push({
      to: reference.slice(1),
      point: (place) => {
        if (key === "$ref") out[key] = place;
      },
    });
  }

  private map<T>(
    value: Json,
    wrong: () => SchemaRefused,
    read: (one: Json, name: string) => T,
  ): Record<string, T> {
    if (!isObject(value)) throw wrong();
    const out = Object.create(null) as Record<string, T>;
    for (const [name, one] of Object.entries(value)) {
      out[this.name(name)] = read(one, name);
    }
    return out;
  }

  private list(value: Json, wrong: () => SchemaRefused): string[] {
    if (!Array.isArray(value)) throw wrong();
    return value.map((one) => {
      if (typeof one !== "string") throw wrong();
      return this.name(one);
    });
  }

  private name(name: string): string {
    // INVARIANT: validators in JavaScript don't look at this member, so no schema may speak of it
    if (name === "__proto__") throw new SchemaRefused("__proto__ is no name for a property");
    this.names.add(name);
    if (this.names.size > limits.names) throw new SchemaRefused("too many names in one schema");
    return name;
  }

  private pattern(text: string): void {
    if (++this.patterns > limits.patterns) throw new SchemaRefused("too many patterns in one schema");
    try {
      compilePattern(text);
    } catch {
      throw new SchemaRefused("a pattern isn't valid, or too long");
    }
    this.hazardous = true;
  }

  /** Takes what is judged exactly out of the validator's hands. */
  private own(value: JsonObject, out: { [keyword: string]: unknown }): void {
    const exact: { [keyword: string]: Json } = Object.create(null) as JsonObject;
    for (const key of exactKeywords) {
      const given = value[key];
      if (given !== undefined) exact[key] = given;
    }
    if (Object.keys(exact).length === 0) return;
    out[exactKeyword] = this.exact.length;
    this.exact.push(exact);
  }

  private header(value: JsonObject, path: readonly string[] | undefined): void {
    const name = readHeader(value);
    if (name === undefined || path === undefined || path.length === 0 || this.headers.has(name))
      throw new SchemaRefused("an x-mcp-header isn't valid");
    if (this.headers.size >= longestHeader.count) throw new SchemaRefused("too many x-mcp-header");
    this.headers.set(name, path);
  }
}

function numberOf(value: Json): number | undefined {
  if (!(value instanceof JsonNumber)) return typeof value === "number" ? value : undefined;
  try {
    return plainNumber(value, []);
  } catch {
    return undefined;
  }
}

const escape = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return "?";
  }
}
