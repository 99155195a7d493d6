/** Masks the texts of a request of a model, or of its answer, whoever said them: instructions, questions, answers, tools' arguments and results. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Masking } from "./mask-text.js";
import { maskText } from "./mask-text.js";
import type { Way } from "./pointer.js";
import { follow, missesItems, step } from "./pointer.js";

/** The most text that is masked: it takes some 30 ms, in which nothing else is done. Characters. */
export const mostMasked = 2 ** 19;

/** What holds a request together, or is signed: it can't be changed, so nothing to be masked may be in it. */
const structure: ReadonlySet<string> = new Set([
  ...["type", "role", "id", "name", "model", "tool_call_id", "tool_use_id", "media_type", "format", "detail"],
  ...[
    "thinking",
    "signature",
    "encrypted_content",
    "file_id",
    "call_id",
    "ttl",
    "mimeType",
    "thoughtSignature",
  ],
]);
/** What holds an answer together, made by the provider: no model chose it, so it isn't looked at, either. */
const madeByProviders: ReadonlySet<string> = new Set([
  ...["id", "item_id", "call_id", "response_id", "previous_response_id", "model", "object", "obfuscation"],
  ...[
    "signature",
    "thoughtSignature",
    "encrypted_content",
    "responseId",
    "modelVersion",
    "system_fingerprint",
  ],
]);
/** Vectors aren't text, and there are too many of them. */
const vectors: ReadonlySet<string> = new Set(["embedding", "values"]);
/** The bytes of images and files aren't text. */
const bytesOfMedia = new Set(["data", "file_data", "b64_json", "partial_image_b64", "audio"]);
const dataUrl = /^data:[\w/+.-]{0,64};base64,/;
/** What tells where a medium is. */
const links = new Set(["url", "image_url", "file_url", "fileUri"]);

class CantMask extends Error {}

export interface MaskedPart {
  /** Where the value stands in the body; the whole body unless given. */
  readonly path?: string;
  /** An answer's thoughts may be changed, and what its provider made is left as it is. */
  readonly answer?: boolean;
}

/** Gives the body with its texts masked; undefined where that can't be done without changing what the request means. */
export function maskBody(body: JsonObject, masking: Masking, part: MaskedPart = {}): JsonObject | undefined {
  const masked = maskValue(body, masking, part);
  return isObject(masked) ? masked : undefined;
}

/** The same for a part of a body. */
export function maskValue(
  value: Json,
  masking: Masking,
  { path = "", answer = false }: MaskedPart,
): Json | undefined {
  const { patterns, pointers } = masking;
  let left = mostMasked;

  const mask = (text: string): string => {
    left -= text.length;
    if (left < 0) throw new CantMask();
    return maskText(text, masking);
  };
  /** Looks at what must stay as it is. */
  const look = (text: string): void => {
    if (patterns !== undefined && mask(text) !== text) throw new CantMask();
  };

  /** @param values within what tools take, where no name means anything, and numbers may become texts */
  function walk(value: Json, values: boolean, way: Way): Json {
    if (Array.isArray(value)) {
      if (missesItems(way)) throw new CantMask();
      return value.map((item, i) => {
        const on = step(way, String(i));
        return on === undefined ? item : walk(item, values, on);
      });
    }
    if (isObject(value)) return walkObject(value, values, way);
    if (way !== "all") return value;
    if (typeof value === "string") return mask(value);
    if (typeof value !== "number" && !(value instanceof JsonNumber)) return value;
    const text = value instanceof JsonNumber ? value.text : String(value);
    const masked = mask(text);
    if (masked === text) return value;
    if (!values) throw new CantMask();
    return masked;
  }

  function walkObject(object: JsonObject, values: boolean, way: Way): JsonObject {
    const out = Object.create(null) as JsonObject;
    for (const [name, value] of Object.entries(object)) {
      const on = step(way, name);
      if (on === undefined) out[name] = value;
      else {
        if (on === "all") look(name);
        out[name] = walkField(object, name, value, values, on);
      }
    }
    return out;
  }

  function walkField(object: JsonObject, name: string, value: Json, values: boolean, way: Way): Json {
    if (values) return walk(value, true, way);
    if (answer && (madeByProviders.has(name) || vectors.has(name))) return value;
    if (typeof value === "string") {
      const fixed = structure.has(name) && !(answer && name === "thinking");
      if (fixed) look(value);
      const isBytes = (bytesOfMedia.has(name) && object["type"] !== "text") || dataUrl.test(value);
      // INVARIANT: what is to be hidden whole isn't shown because it is an image
      if ((isBytes || links.has(name)) && patterns === undefined && way === "all") throw new CantMask();
      if (fixed || isBytes) return value;
      if (name === "arguments") return maskJson(value, way);
    }
    // a request's own `input` is a conversation, a call's is values
    const isValues =
      name === "arguments" || name === "args" || (name === "input" && typeof object["type"] === "string");
    return walk(value, isValues, way);
  }

  /** Arguments are JSON text, and stay that. */
  function maskJson(text: string, way: Way): string {
    let parsed: Json;
    try {
      parsed = parseJson(text);
    } catch {
      if (way !== "all") throw new CantMask();
      return mask(text);
    }
    const before = stringifyJson(parsed);
    const after = stringifyJson(walk(parsed, true, way));
    return before === after ? text : after;
  }

  try {
    const way = follow(pointers ?? "all", path);
    if (way === undefined) return value;
    const name = path.slice(path.lastIndexOf("/") + 1);
    // a value is walked as the field that it is
    if (name === "arguments" && typeof value === "string") return maskJson(value, way);
    return walk(value, name === "input" || name === "args", way);
  } catch (error) {
    if (error instanceof CantMask) return undefined;
    throw error;
  }
}
