/** Values as JSON, as Go's `encoding/json` writes them. Source: OPA, v1/ast (`ast.JSON`); Go, encoding/json. */
import { JsonNumber } from "../../contract.js";
import type { RegoValue } from "./value.js";
import { compareValues, RegoObject, RegoSet } from "./value.js";

/** How members and items are laid out on lines of their own. */
export interface Layout {
  /** A line break and what every line begins with. */
  readonly line: string;
  /** For each level. */
  readonly step: string;
  /** Is told of each piece of space, in characters, before it is written: deep nesting makes a small value a huge text. */
  readonly spend: (characters: number) => void;
}

/** Writes a value as JSON: sets as arrays, keys that aren't strings as their JSON, keys in order. */
export function goJson(value: RegoValue, layout?: Layout): string {
  if (typeof value === "string") return quoteJson(value);
  if (value instanceof JsonNumber) return value.text;
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? "-0" : String(value);
  const inner = layout === undefined ? undefined : { ...layout, line: layout.line + layout.step };
  if (value instanceof RegoObject) {
    const members = new Map(value.entries.map(([key, member]) => [keyText(key), member]));
    const texts = [...members.keys()]
      .sort(compareValues)
      .map(
        (key) =>
          `${quoteJson(key)}:${layout === undefined ? "" : " "}${goJson(members.get(key) ?? null, inner)}`,
      );
    return enclosed("{", texts, "}", layout, inner);
  }
  const items = value instanceof RegoSet ? value.items : (value as readonly RegoValue[]);
  return enclosed(
    "[",
    items.map((item) => goJson(item, inner)),
    "]",
    layout,
    inner,
  );
}

function enclosed(
  open: string,
  texts: readonly string[],
  close: string,
  outer?: Layout,
  inner?: Layout,
): string {
  if (outer === undefined || inner === undefined || texts.length === 0) return open + texts.join(",") + close;
  outer.spend(texts.length * inner.line.length);
  return `${open}${inner.line}${texts.join(`,${inner.line}`)}${outer.line}${close}`;
}

/** Names an object's member: a key that is no string by its JSON. */
export function keyText(key: RegoValue): string {
  return typeof key === "string" ? key : goJson(key);
}

/** Go escapes what could end a script in HTML, too. */
function quoteJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
