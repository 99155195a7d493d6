/** What policy is told of a message and of an answer: kinds, sizes and places of parts, never their content. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../sidecar/contract.js";
import { knownType } from "../content/media.js";
import type { Media } from "../content/media.js";
import { bytesOf } from "../content/media.js";
import { textIn } from "../content/media-text.js";
import { wrongUrl } from "../models/media-urls.js";
import { made } from "./wire/v1.js";

/** Most parts that are told of one by one. */
const most = 64;

/** Tells of one part: `{kind, bytes?, mime?, host?, scheme?, web?}`; `web` is whether its address is one of the web. */
function partFacts(part: JsonObject, hosts: readonly string[]): JsonObject {
  const { text, raw, url, data, mediaType } = part;
  const mime = typeof mediaType === "string" ? knownType(mediaType) : undefined;
  if (typeof text === "string") return made({ kind: "text", bytes: Buffer.byteLength(text), mime });
  if (typeof raw === "string") return made({ kind: "file", bytes: bytesOf(raw), mime });
  if (typeof url !== "string")
    return made({ kind: "data", bytes: Buffer.byteLength(stringifyJson(data ?? null)), mime });
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return made({
    kind: "url",
    mime,
    scheme: parsed?.protocol.slice(0, -1) ?? "unknown",
    host: parsed?.hostname === "" ? undefined : parsed?.hostname,
    web: isFetchable(url, hosts),
  });
}

/** Tells whether an address may be given to somebody who fetches it: https on the web, or a configured host. */
export function isFetchable(url: string, hosts: readonly string[]): boolean {
  return !/^\s*data:/i.test(url) && !wrongUrl({ content: [{ url }] }, hosts);
}

/** Sums parts up: `{count, bytes, kinds, parts}`. */
export function partsFacts(parts: readonly JsonObject[], hosts: readonly string[]): JsonObject {
  const all = parts.map((one) => partFacts(one, hosts));
  const bytes = all.reduce((sum, { bytes: one }) => sum + (typeof one === "number" ? one : 0), 0);
  const kinds = [...new Set(all.map(({ kind }) => String(kind)))].sort();
  return made({ count: all.length, bytes, kinds, parts: all.slice(0, most) });
}

/** The names that metadata has, where they are plain; metadata is free, and so are its names. */
export function metadataNames(...all: readonly (Json | undefined)[]): string[] {
  const names = all.flatMap((one) => (isObject(one) ? Object.keys(one) : []));
  const plain = names.map((name) => (/^[\w.:/-]{1,64}$/.test(name) ? name : "other"));
  return [...new Set(plain)].sort().slice(0, most);
}

const list = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** All parts that an answer brings: of messages, artifacts, and what is said with a status. */
export function partsOf(event: JsonObject): JsonObject[] {
  const { task, message, statusUpdate, artifactUpdate } = event;
  if (isObject(message)) return list(message["parts"]);
  if (isObject(statusUpdate)) return ofStatus(statusUpdate["status"]);
  if (isObject(artifactUpdate) && isObject(artifactUpdate["artifact"]))
    return list(artifactUpdate["artifact"]["parts"]);
  if (!isObject(task)) return [];
  return [
    ...ofStatus(task["status"]),
    ...[...list(task["artifacts"]), ...list(task["history"])].flatMap(({ parts }) => list(parts)),
  ];
}

const ofStatus = (status: Json | undefined): JsonObject[] =>
  isObject(status) && isObject(status["message"]) ? list(status["message"]["parts"]) : [];

/** What detectors look at: text and data of parts as they stand, metadata as values; and the files beside. */
export function contentOf(
  parts: readonly JsonObject[],
  ...metadata: readonly (Json | undefined)[]
): { readonly body: JsonObject; readonly files: readonly Media[] } {
  const content: Json[] = [];
  const files: Media[] = [];
  for (const { text, raw, url, data, filename, mediaType, metadata: own } of parts) {
    if (typeof text === "string") content.push({ type: "text", text });
    if (typeof raw === "string") {
      const type = knownType(typeof mediaType === "string" ? mediaType : undefined);
      files.push({
        role: "user",
        kind: type.startsWith("image/") ? "images" : "files",
        type,
        bytes: bytesOf(raw),
      });
      // a file that is text says what text says
      const words = textIn(raw, typeof mediaType === "string" ? mediaType : "");
      if (words !== undefined) content.push({ type: "text", text: words });
    }
    const values = [url, data, filename, own].filter((one) => one !== undefined);
    if (values.length > 0) content.push({ type: "tool_use", input: values });
  }
  const more = metadata.filter((one) => one !== undefined);
  if (more.length > 0) content.push({ type: "tool_use", input: more });
  return { body: { messages: [{ role: "user", content }] }, files };
}
