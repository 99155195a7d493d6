import { JsonNumber } from "../../contract.js";
import type { RegoValue } from "./value.js";
import { compareValues, RegoObject, RegoSet } from "./value.js";

/** Writes JSON as Go does: keys in the order of their bytes, and escaped what could end a script in HTML. */
export function goJson(value: RegoValue): string {
  if (typeof value === "string") {
    return JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof RegoObject) {
    const members = value.entries.map(
      ([key, member]) => [typeof key === "string" ? key : goJson(key), goJson(member)] as const,
    );
    // sorted again: a key that is no string stands as its text
    members.sort(([a], [b]) => compareValues(a, b));
    return `{${members.map(([key, text]) => `${goJson(key)}:${text}`).join()}}`;
  }
  const items = value instanceof RegoSet ? value.items : (value as readonly RegoValue[]);
  return `[${items.map(goJson).join()}]`;
}
