/** Images and files in what is said to a model, and in what it says: counted with type and size, never looked into. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import type { Role } from "./detector.js";

export interface Media {
  readonly role: Role;
  readonly kind: "images" | "files";
  /** From a closed list; `other` where it isn't on it, `unknown` where nothing says. */
  readonly type: string;
  /** Absent where it is elsewhere, and only named. */
  readonly bytes?: number;
}

export const mediaOfBlock: Readonly<Record<string, Media["kind"]>> = {
  image: "images",
  image_url: "images",
  input_image: "images",
  document: "files",
  file: "files",
  input_file: "files",
  container_upload: "files",
  image_generation_call: "images",
  input_audio: "files",
  redacted_thinking: "files",
};
/** INVARIANT: a media type that isn't here is never named: the caller wrote it. */
const mediaTypes = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "application/pdf", "text/plain"],
  ...["text/csv", "text/html", "text/markdown", "application/json", "audio/wav", "audio/mpeg"],
]);
/** Gemini's parts have no type. */
export const mediaOfPart = ["inlineData", "fileData"];
/** What holds no text that a detector could read; and what may hold such by a data URL. */
const opaque = new Set(["data", "file_data", "encrypted_content", "b64_json", "partial_image_b64", "audio"]);
const links = new Set(["url", "image_url"]);
const dataUrl = /^data:[\w/+.-]{0,64};base64,/;

/** Tells what holds bytes instead of text. */
export function isOpaque(name: string, value: Json): value is string {
  return typeof value === "string" && (opaque.has(name) || (links.has(name) && dataUrl.test(value)));
}

/** A document may bring its text as it is. */
export function isText({ source }: JsonObject): boolean {
  return isObject(source) && (source["type"] === "text" || source["type"] === "content");
}

/** The size of what text in base64, or a data URL, holds; bytes. */
export function bytesOf(text: string): number {
  const from = text.startsWith("data:") ? text.indexOf(",") + 1 : 0;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor(((text.length - from) * 3) / 4) - padding);
}

/** Finds the bytes that a medium brings along. */
export function sizeOf(value: JsonObject, depth: number): Pick<Media, "bytes"> {
  let bytes: number | undefined;
  for (const [name, inner] of Object.entries(value)) {
    const image = name === "result" && value["type"] === "image_generation_call";
    const some =
      typeof inner === "string" && (image || isOpaque(name, inner))
        ? bytesOf(inner)
        : isObject(inner) && depth > 0
          ? sizeOf(inner, depth - 1).bytes
          : undefined;
    if (some !== undefined) bytes = (bytes ?? 0) + some;
  }
  return bytes === undefined ? {} : { bytes };
}

export function geminiMedium(medium: JsonObject): Omit<Media, "role"> {
  const { mimeType } = medium;
  const type = knownType(typeof mimeType === "string" ? mimeType : undefined);
  const kind = typeof mimeType === "string" && mimeType.startsWith("image/") ? "images" : "files";
  return { kind, type, ...sizeOf(medium, 1) };
}

/** Names a media type from the closed list. */
export function knownType(said: string | undefined): string {
  const [plain = ""] = (said ?? "").split(";");
  if (plain.trim() === "") return "unknown";
  return mediaTypes.has(plain.trim().toLowerCase()) ? plain.trim().toLowerCase() : "other";
}

export function mediaTypeOf(block: JsonObject): string {
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
