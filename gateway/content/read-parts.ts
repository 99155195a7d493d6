/** Takes a request of a model apart into texts and media, by who said them. Knows OpenAI's and Anthropic's words. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson } from "../../sidecar/contract.js";
import type { Role } from "./detector.js";

export interface Media {
  readonly role: Role;
  readonly kind: "images" | "files";
  /** From a closed list; `other` where it isn't on it, `unknown` where nothing says. */
  readonly type: string;
}

export interface RequestParts {
  readonly texts: readonly { readonly role: Role; readonly text: string }[];
  readonly media: readonly Media[];
}

const roleOf: Readonly<Record<string, Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
  model: "assistant",
  tool: "tool",
  function: "tool",
};
/** Blocks within messages that others than the message's author wrote. */
const roleOfBlock: Readonly<Record<string, Role>> = {
  tool_result: "tool",
  mcp_tool_result: "tool",
  function_call_output: "tool",
  code_execution_tool_result: "tool",
  search_result: "retrieved",
  document: "retrieved",
  web_search_tool_result: "retrieved",
  web_fetch_tool_result: "retrieved",
};
const mediaOfBlock: Readonly<Record<string, Media["kind"]>> = {
  image: "images",
  image_url: "images",
  input_image: "images",
  document: "files",
  file: "files",
  input_file: "files",
  container_upload: "files",
  input_audio: "files",
  redacted_thinking: "files",
};
/** INVARIANT: a media type that isn't here is never named: the caller wrote it. */
const mediaTypes = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "application/pdf", "text/plain"],
  ...["text/csv", "text/html", "text/markdown", "application/json", "audio/wav", "audio/mpeg"],
]);
/** What holds no text that a detector could read; and what may hold such by a data URL. */
const opaque = new Set(["data", "file_data", "encrypted_content"]);
const links = new Set(["url", "image_url"]);
const dataUrl = /^data:[\w/+.-]{0,64};base64,/;

/** Within values that tools take, no name means anything; within a medium, its bytes are counted already. */
type Within = "request" | "values" | "medium";

/** Names as programs choose them; longer ones may be content. */
const plainName = /^[A-Za-z_$][\w$-]{0,14}$/;

/** Reads all that a body says: every string and number in it is a text, or counted as media. */
export function readParts(body: JsonObject): RequestParts {
  const texts: { role: Role; text: string }[] = [];
  const media: Media[] = [];

  function walk(value: Json, role: Role, within: Within): void {
    if (typeof value === "string") {
      if (value !== "") texts.push({ role, text: value });
    } else if (typeof value === "number" || value instanceof JsonNumber) {
      const text = value instanceof JsonNumber ? value.text : String(value);
      if (text.length >= 7) texts.push({ role, text });
    } else if (Array.isArray(value)) for (const item of value) walk(item, role, within);
    else if (isObject(value)) walkObject(value, role, within);
  }

  function walkObject(object: JsonObject, outer: Role, within: Within): void {
    const { type } = object;
    const block = within !== "values" && typeof type === "string" ? type : "";
    const role = own(roleOfBlock, block) ?? outer;
    const kind = own(mediaOfBlock, block);
    let inside = within;
    if (kind !== undefined && !isText(object)) {
      media.push({ role, kind, type: mediaTypeOf(object) });
      inside = "medium";
    }
    for (const [name, value] of Object.entries(object)) {
      if (!plainName.test(name)) texts.push({ role, text: name });
      if (inside !== "values" && isWord(name, value)) continue;
      if (inside !== "values" && type !== "text" && isOpaque(name, value)) {
        // INVARIANT: what isn't read is counted
        if (inside !== "medium") media.push({ role, kind: "files", type: "unknown" });
      } else if (name === "arguments" && typeof value === "string") walkJson(value, role);
      else walk(value, role, isValues(object, name) ? "values" : inside);
    }
  }

  function walkJson(text: string, role: Role): void {
    try {
      walk(parseJson(text), role, "values");
    } catch {
      walk(text, role, "values");
    }
  }

  for (const [name, value] of Object.entries(body)) {
    if (name === "messages" && Array.isArray(value)) {
      for (const message of value) {
        const said = isObject(message) ? message["role"] : undefined;
        walk(message, own(roleOf, typeof said === "string" ? said : "") ?? "other", "request");
      }
    } else if (name !== "model") {
      walk(
        value,
        name === "system" ? "system" : name === "input" || name === "prompt" ? "user" : "other",
        "request",
      );
    }
  }
  return { texts, media };
}

/** What says how a request is put together; a word of these letters is nothing that is looked for. */
const isWord = (name: string, value: Json): boolean =>
  (name === "role" || name === "type") && typeof value === "string" && /^[a-z_]{1,32}$/.test(value);

/** What a call of a tool brings. */
const isValues = ({ type }: JsonObject, name: string): boolean =>
  name === "arguments" || (name === "input" && typeof type === "string");

function isOpaque(name: string, value: Json): value is string {
  return typeof value === "string" && (opaque.has(name) || (links.has(name) && dataUrl.test(value)));
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** A document may bring its text as it is. */
function isText({ source }: JsonObject): boolean {
  return isObject(source) && (source["type"] === "text" || source["type"] === "content");
}

function mediaTypeOf(block: JsonObject): string {
  const { source, image_url: url, input_audio: audio, file } = block;
  const data = isObject(url) ? url["url"] : isObject(file) ? file["file_data"] : url;
  const said =
    (isObject(source) ? source["media_type"] : undefined) ??
    (typeof data === "string" ? /^data:([\w/+.-]{1,64})/.exec(data)?.[1] : undefined) ??
    (isObject(audio) && audio["format"] === "mp3" ? "audio/mpeg" : undefined) ??
    (isObject(audio) && audio["format"] === "wav" ? "audio/wav" : undefined);
  if (typeof said !== "string") return "unknown";
  return mediaTypes.has(said) ? said : "other";
}
