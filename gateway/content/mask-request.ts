/** Masks the texts of a request of a model, whoever said them: instructions, questions, answers, tools' arguments and results. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Masking } from "./mask-text.js";
import { maskText } from "./mask-text.js";

/** The most text that is masked: it takes some 30 ms, in which nothing else is done. Characters. */
export const mostMasked = 2 ** 19;

/** What holds a request together, or is signed: it can't be changed, so nothing to be masked may be in it. */
const structure: ReadonlySet<string> = new Set([
  ...["type", "role", "id", "name", "model", "tool_call_id", "tool_use_id", "media_type", "format", "detail"],
  ...["thinking", "signature", "encrypted_content", "file_id", "call_id"],
]);
/** The bytes of images and files aren't text. */
const bytesOfMedia = new Set(["data", "file_data"]);
const dataUrl = /^data:[\w/+.-]{0,64};base64,/;

class CantMask extends Error {}

/**
 * Gives the body with its texts masked; undefined where that can't be done without changing what the request means.
 * @param changeable names whose texts may be changed here, though they may not in a request
 */
export function maskRequest(
  body: JsonObject,
  masking: Masking,
  changeable: readonly string[] = [],
): JsonObject | undefined {
  let left = mostMasked;

  const mask = (text: string): string => {
    left -= text.length;
    if (left < 0) throw new CantMask();
    return maskText(text, masking);
  };
  /** Looks at what must stay as it is. */
  const look = (text: string): void => {
    if (mask(text) !== text) throw new CantMask();
  };

  /** @param values within what tools take, where no name means anything, and numbers may become texts */
  function walk(value: Json, values: boolean): Json {
    if (typeof value === "string") return mask(value);
    if (typeof value === "number" || value instanceof JsonNumber) {
      const text = value instanceof JsonNumber ? value.text : String(value);
      const masked = mask(text);
      if (masked === text) return value;
      if (!values) throw new CantMask();
      return masked;
    }
    if (Array.isArray(value)) return value.map((item) => walk(item, values));
    return isObject(value) ? walkObject(value, values) : value;
  }

  function walkObject(object: JsonObject, values: boolean): JsonObject {
    const out = Object.create(null) as JsonObject;
    for (const [name, value] of Object.entries(object)) {
      look(name);
      out[name] = walkField(object, name, value, values);
    }
    return out;
  }

  function walkField(object: JsonObject, name: string, value: Json, values: boolean): Json {
    if (values) return walk(value, true);
    if (typeof value === "string") {
      const fixed = structure.has(name) && !changeable.includes(name);
      if (fixed) look(value);
      const isBytes = (bytesOfMedia.has(name) && object["type"] !== "text") || dataUrl.test(value);
      if (fixed || isBytes) return value;
      if (name === "arguments") return maskJson(value);
    }
    // a request's own `input` is a conversation, a call's is values
    return walk(value, name === "arguments" || (name === "input" && typeof object["type"] === "string"));
  }

  /** Arguments are JSON text, and stay that. */
  function maskJson(text: string): string {
    let parsed: Json;
    try {
      parsed = parseJson(text);
    } catch {
      return mask(text);
    }
    const before = stringifyJson(parsed);
    const after = stringifyJson(walk(parsed, true));
    return before === after ? text : after;
  }

  try {
    return walkObject(body, false);
  } catch (error) {
    if (error instanceof CantMask) return undefined;
    throw error;
  }
}
