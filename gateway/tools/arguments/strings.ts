/** Walks what a tool is called with: all texts in it, each with its place, and how large it is. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";

export interface Text {
  /** JSON pointer. */
  readonly at: string;
  readonly text: string;
}

export interface Walked {
  /** Values that aren't empty texts, names of members where they aren't plain, and long numbers. */
  readonly texts: readonly Text[];
  /** Of all texts and names, UTF-16 units. */
  readonly chars: number;
  readonly values: number;
  readonly depth: number;
  /** There was more than is looked at. */
  readonly truncated: boolean;
}

/** Names as programs choose them: nothing is looked for in them. */
const plainName = /^[A-Za-z_$][\w$-]{0,14}$/;

export function walkTexts(
  args: Json,
  { mostTexts, mostChars }: { readonly mostTexts: number; readonly mostChars: number },
): Walked {
  const texts: Text[] = [];
  let chars = 0;
  let values = 0;
  let depth = 0;
  let truncated = false;

  const take = (at: string, text: string): void => {
    const room = mostChars - chars;
    chars += text.length;
    if (text === "") return;
    if (texts.length >= mostTexts || room <= 0) truncated = true;
    else if (text.length > room) {
      truncated = true;
      texts.push({ at, text: text.slice(0, room) });
    } else texts.push({ at, text });
  };

  const walk = (value: Json, at: string, level: number): void => {
    values++;
    if (typeof value === "string") take(at, value);
    else if (value instanceof JsonNumber) take(at, value.text);
    else if (typeof value === "number") {
      // shorter numbers are nobody's
      if (value > 999_999 || value < -999_999) take(at, String(value));
    } else if (Array.isArray(value)) {
      if (level > depth) depth = level;
      for (let i = 0; i < value.length; i++) walk(value[i] ?? null, `${at}/${i}`, level + 1);
    } else if (isObject(value)) {
      if (level > depth) depth = level;
      walkObject(value, at, level);
    }
  };

  const walkObject = (object: JsonObject, at: string, level: number): void => {
    for (const name in object) {
      const value = object[name];
      if (value === undefined) continue;
      const plain = plainName.test(name);
      const place = `${at}/${plain ? name : escape(name)}`;
      if (!plain) take(place, name);
      else chars += name.length;
      walk(value, place, level + 1);
    }
  };

  walk(args, "", 1);
  return { texts, chars, values, depth, truncated };
}

const escape = (name: string): string =>
  name.length > 64
    ? `${name.slice(0, 64).replaceAll("~", "~0").replaceAll("/", "~1")}…`
    : name.replaceAll("~", "~0").replaceAll("/", "~1");
