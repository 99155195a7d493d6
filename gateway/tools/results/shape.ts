/** Checks that results are what MCP says they are, in both revisions, and takes them apart into texts, media and links. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";
import { bytesOf, knownType } from "../../content/media.js";
import { textIn } from "../../content/media-text.js";

/** The requests whose results are looked at. */
export type ResultOf = "tools/call" | "resources/read" | "prompts/get" | "completion/complete";

export interface Medium {
  readonly kind: "image" | "audio" | "blob";
  /** From a closed list; `other` where it isn't on it. */
  readonly type: string;
  readonly bytes: number;
}

/** What is in a result. */
export interface Pieces {
  /** Block types → how many; of resources `text` and `blob`. */
  readonly blocks: Record<string, number>;
  /** All texts that a model or a person may get to see. */
  readonly texts: string[];
  readonly media: Medium[];
  /** URIs of links and of embedded resources. */
  readonly links: string[];
  readonly resources: string[];
  /** Media types, from a closed list. */
  readonly types: Set<string>;
  /** Members that MCP doesn't have. */
  unknown: number;
}

const longestUri = 8_192;
const mostBlocks = 10_000;

/** Where something isn't as MCP has it: a place, never a value. */
export class Misshapen extends Error {
  override readonly name = "Misshapen";
}

/** Takes a result apart. @throws Misshapen */
export function takeApart(of: ResultOf, result: JsonObject): Pieces {
  const pieces: Pieces = {
    ...{ blocks: {}, texts: [], media: [], links: [], resources: [], types: new Set<string>(), unknown: 0 },
  };
  readers[of](result, pieces);
  for (const [name, value] of Object.entries(result)) {
    if (known[of].has(name)) continue;
    if (!common.has(name)) pieces.unknown++;
    said(value, pieces);
  }
  const { resultType } = result;
  if (resultType !== undefined && resultType !== "complete") throw new Misshapen("resultType");
  return pieces;
}

/** Of every result; looked at as text, where it has some. */
const common = new Set(["_meta", "resultType", "ttlMs", "cacheScope"]);
const known: Readonly<Record<ResultOf, ReadonlySet<string>>> = {
  "tools/call": new Set(["content", "structuredContent", "isError", "resultType"]),
  "resources/read": new Set(["contents", "resultType", "ttlMs", "cacheScope"]),
  "prompts/get": new Set(["messages", "description", "resultType"]),
  "completion/complete": new Set(["completion", "resultType"]),
};

const readers: Readonly<Record<ResultOf, (result: JsonObject, pieces: Pieces) => void>> = {
  "tools/call"({ content, structuredContent, isError }, pieces) {
    // servers of before 2025-06-18, and some of today, leave it out beside structured content
    if (content === undefined && structuredContent === undefined) throw new Misshapen("content");
    if (isError !== undefined && typeof isError !== "boolean") throw new Misshapen("isError");
    if (content !== undefined)
      list(content, "content").forEach((block, i) => readBlock(block, `content/${i}`, pieces));
    if (structuredContent !== undefined) said(structuredContent, pieces);
  },
  "resources/read"({ contents }, pieces) {
    list(contents, "contents").forEach((one, i) => readContents(one, `contents/${i}`, pieces));
  },
  "prompts/get"({ messages, description }, pieces) {
    if (description !== undefined) pieces.texts.push(text(description, "description"));
    list(messages, "messages").forEach((message, i) => {
      if (!isObject(message)) throw new Misshapen(`messages/${i}`);
      const { role, content, ...others } = message;
      if (role !== "user" && role !== "assistant") throw new Misshapen(`messages/${i}/role`);
      readBlock(content, `messages/${i}/content`, pieces);
      pieces.unknown += Object.keys(others).length;
      for (const value of Object.values(others)) said(value, pieces);
    });
  },
  "completion/complete"({ completion }, pieces) {
    if (!isObject(completion)) throw new Misshapen("completion");
    const values = list(completion["values"], "completion/values");
    if (values.length > 100) throw new Misshapen("completion/values");
    for (const value of values) pieces.texts.push(text(value, "completion/values"));
    const { total, hasMore } = completion;
    if (total !== undefined && !isWhole(total)) throw new Misshapen("completion/total");
    if (hasMore !== undefined && typeof hasMore !== "boolean") throw new Misshapen("completion/hasMore");
    count(pieces, "value", values.length);
  },
};

type Block = (block: JsonObject, place: string, pieces: Pieces) => readonly string[];

/** INVARIANT: a type of block that isn't here is refused: nobody would know what is in it. Gives the members that were read. */
const blocks: Readonly<Record<string, Block>> = {
  text(block, place, pieces) {
    pieces.texts.push(text(block["text"], `${place}/text`));
    return ["text"];
  },
  image: (block, place, pieces) => readMedium("image", block, place, pieces),
  audio: (block, place, pieces) => readMedium("audio", block, place, pieces),
  resource_link(block, place, pieces) {
    pieces.links.push(uri(block["uri"], `${place}/uri`));
    for (const name of ["name", "title", "description"]) {
      if (name === "name" || block[name] !== undefined)
        pieces.texts.push(text(block[name], `${place}/${name}`));
    }
    if (block["mimeType"] !== undefined)
      pieces.types.add(knownType(text(block["mimeType"], `${place}/mimeType`)));
    const { size } = block;
    if (size !== undefined && !isWhole(size)) throw new Misshapen(`${place}/size`);
    readIcons(block["icons"], place, pieces);
    return ["uri", "name", "title", "description", "mimeType", "size", "icons"];
  },
  resource(block, place, pieces) {
    readContents(block["resource"], `${place}/resource`, pieces, false);
    return ["resource"];
  },
};

function readBlock(block: Json | undefined, place: string, pieces: Pieces): void {
  if (!isObject(block)) throw new Misshapen(place);
  const { type } = block;
  const read = typeof type === "string" && Object.hasOwn(blocks, type) ? blocks[type] : undefined;
  if (read === undefined || typeof type !== "string") throw new Misshapen(`${place}/type`);
  count(pieces, type, 1);
  const members = new Set(["type", "annotations", "_meta", ...read(block, place, pieces)]);
  rest(block, members, pieces);
}

function readMedium(
  kind: "image" | "audio",
  block: JsonObject,
  place: string,
  pieces: Pieces,
): readonly string[] {
  const said = text(block["mimeType"], `${place}/mimeType`);
  const type = knownType(said);
  pieces.types.add(type);
  const data = base64(block["data"], `${place}/data`);
  pieces.media.push({ kind, type, bytes: bytesOf(data) });
  // text that is called an image is still text
  const words = textIn(data, said);
  if (words !== undefined) pieces.texts.push(words);
  return ["data", "mimeType"];
}

function readContents(value: Json | undefined, place: string, pieces: Pieces, counted = true): void {
  if (!isObject(value)) throw new Misshapen(place);
  pieces.resources.push(uri(value["uri"], `${place}/uri`));
  const { mimeType, blob } = value;
  const said = mimeType === undefined ? "" : text(mimeType, `${place}/mimeType`);
  const type = knownType(said);
  if (type !== "unknown") pieces.types.add(type);
  if ((value["text"] === undefined) === (blob === undefined)) throw new Misshapen(place);
  if (blob === undefined) pieces.texts.push(text(value["text"], `${place}/text`));
  else readBlob(base64(blob, `${place}/blob`), said, pieces);
  if (counted) count(pieces, blob === undefined ? "text" : "blob", 1);
  rest(value, new Set(["uri", "mimeType", "text", "blob", "_meta"]), pieces);
}

/** Bytes that are text are looked at as such, whatever they are called. */
function readBlob(data: string, said: string, pieces: Pieces): void {
  const words = textIn(data, said);
  if (words !== undefined) pieces.texts.push(words);
  else pieces.media.push({ kind: "blob", type: knownType(said), bytes: bytesOf(data) });
}

function readIcons(icons: Json | undefined, place: string, pieces: Pieces): void {
  if (icons === undefined) return;
  for (const icon of list(icons, `${place}/icons`)) {
    if (!isObject(icon)) throw new Misshapen(`${place}/icons`);
    pieces.links.push(text(icon["src"], `${place}/icons`).slice(0, longestUri));
  }
}

function rest(object: JsonObject, members: ReadonlySet<string>, pieces: Pieces): void {
  const { annotations, _meta: meta } = object;
  if (annotations !== undefined && !isObject(annotations)) throw new Misshapen("annotations");
  for (const value of [annotations, meta]) if (value !== undefined) said(value, pieces);
  for (const [name, value] of Object.entries(object)) {
    if (members.has(name)) continue;
    pieces.unknown++;
    said(value, pieces);
  }
}

/** Takes all texts of a value: names of members where they aren't plain, and numbers that are long, too. */
function said(value: Json, pieces: Pieces): void {
  if (typeof value === "string") {
    if (value !== "") pieces.texts.push(value);
  } else if (value instanceof JsonNumber) pieces.texts.push(value.text);
  else if (typeof value === "number") {
    if (Math.abs(value) > 999_999) pieces.texts.push(String(value));
  } else if (Array.isArray(value)) for (const item of value) said(item, pieces);
  else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (!/^[A-Za-z_$][\w$-]{0,14}$/.test(name)) pieces.texts.push(name);
      said(inner, pieces);
    }
  }
}

function list(value: Json | undefined, place: string): readonly Json[] {
  if (!Array.isArray(value) || value.length > mostBlocks) throw new Misshapen(place);
  return value;
}

function text(value: Json | undefined, place: string): string {
  if (typeof value !== "string") throw new Misshapen(place);
  return value;
}

function uri(value: Json | undefined, place: string): string {
  const said = text(value, place);
  if (said.length > longestUri || /[\u0000-\u001f\u007f]/.test(said)) throw new Misshapen(place);
  return said;
}

function base64(value: Json | undefined, place: string): string {
  const data = text(value, place);
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(data)) throw new Misshapen(place);
  return data;
}

const isWhole = (value: Json): boolean =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function count({ blocks: counts }: Pieces, type: string, by: number): void {
  counts[type] = (counts[type] ?? 0) + by;
}
