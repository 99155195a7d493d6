/** Masks what parts say: patterns, in texts and in the values of data. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { maskValue } from "../content/mask-body.js";
import type { Masking } from "../content/mask-text.js";
import { textIn, withText } from "../content/media-text.js";
import { made } from "./wire/v1.js";

/** Masks a message of a request; undefined where it can't be done. */
export function maskMessage(message: JsonObject, masks: readonly Masking[]): JsonObject | undefined {
  return masks.length === 0 ? message : maskWithin(message, masks);
}

/**
 * Masks an event; undefined where it can't be done. INVARIANT: a piece of an artifact that comes in several isn't masked
 * by itself, since what is looked for may stand in two of them.
 */
export function maskEvent(event: JsonObject, masks: readonly Masking[]): JsonObject | undefined {
  if (masks.length === 0) return event;
  const { artifactUpdate: piece } = event;
  if (isObject(piece) && (piece["append"] === true || piece["lastChunk"] !== true)) return undefined;
  return maskWithin(event, masks);
}

/** What is made by the agent, and holds the answer together. */
const structure = new Set([
  ...["id", "contextId", "taskId", "messageId", "artifactId", "role", "state", "timestamp", "mediaType"],
  ...["referenceTaskIds", "extensions", "append", "lastChunk"],
]);

function maskWithin(object: JsonObject, masks: readonly Masking[]): JsonObject | undefined {
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(object)) {
    // INVARIANT: bytes can't be masked: where patterns can't look, nothing is claimed
    const kept =
      name === "raw" && typeof value === "string"
        ? maskRaw(value, object["mediaType"], masks)
        : structure.has(name)
          ? value
          : maskMember(name, value, masks);
    if (kept === undefined) return undefined;
    out[name] = kept;
  }
  return made(out);
}

/** Masks the text that a file is; bytes that are none stay. */
function maskRaw(raw: string, mediaType: Json | undefined, masks: readonly Masking[]): string | undefined {
  const words = textIn(raw, typeof mediaType === "string" ? mediaType : "");
  if (words === undefined) return raw;
  const masked = maskMember("text", words, masks);
  if (masked === words) return raw;
  return typeof masked === "string" ? withText(raw, words, masked) : undefined;
}

function maskMember(name: string, value: Json, masks: readonly Masking[]): Json | undefined {
  if (name === "data" || name === "metadata" || typeof value === "string") {
    let masked: Json | undefined = { arguments: { value } };
    for (const masking of masks) {
      // pointers are in the words of models' protocols
      if (masking.patterns === undefined || masking.pointers !== undefined) return undefined;
      masked = masked === undefined ? undefined : maskValue(masked, masking, { answer: true });
    }
    const inner =
      isObject(masked) && isObject(masked["arguments"]) ? masked["arguments"]["value"] : undefined;
    return inner;
  }
  if (Array.isArray(value)) {
    const items = value.map((one) => (isObject(one) ? maskWithin(one, masks) : one));
    return items.includes(undefined) ? undefined : (items as Json[]);
  }
  return isObject(value) ? maskWithin(value, masks) : value;
}
