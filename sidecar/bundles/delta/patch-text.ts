import type { Json } from "../../contract.js";
import { parseJson, stringifyJson } from "../../contract.js";
import type { Patch } from "../../decide/engine/engine.js";
import type { Overlay } from "./overlay.js";
import { bare, createOverlay, listed, put, putIn } from "./overlay.js";

/** Values nest no deeper than what is stored. */
const depth = 512;

/**
 * Carries out patches on a document's text: one pass, in which what isn't changed is copied and never parsed. Members keep
 * their order and numbers their digits.
 * @param text a JSON object, known to be one
 */
export function patchText(text: string, patches: readonly Patch[]): string {
  const overlay = createOverlay();
  for (const { path, value } of patches) {
    put(overlay, path, value === undefined ? undefined : parseJson(value, { depth }));
  }
  const out: string[] = [];
  copyPatched(text, skipSpace(text, 0), overlay, out);
  return out.join("");
}

/** Writes the value at `from` with its changes; gives where it ends. */
function copyPatched(text: string, from: number, overlay: Overlay, out: string[]): number {
  if (text[from] !== "{") throw new Error("the changes don't fit the bundle's data");
  const left = new Map(overlay.members);
  let isFirst = true;
  const comma = (): void => {
    out.push(isFirst ? "{" : ",");
    isFirst = false;
  };
  /** Where members begin that are copied as they are; -1 where none wait. */
  let run = -1;
  let runEnd = -1;
  const flush = (): void => {
    if (run < 0) return;
    comma();
    out.push(text.slice(run, runEnd));
    run = -1;
  };
  let at = skipSpace(text, from + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const raw = text.slice(at + 1, keyEnd - 1);
    const key = raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const change = left.get(key);
    let end: number;
    if (change === undefined) {
      end = skipValue(text, start);
      if (run < 0) run = at;
      runEnd = end;
    } else {
      left.delete(key);
      flush();
      if (change.set === undefined) {
        comma();
        out.push(text.slice(at, keyEnd), ":");
        end = copyPatched(text, start, change, out);
      } else {
        end = skipValue(text, start);
        if (change.set.value !== undefined) {
          comma();
          out.push(text.slice(at, keyEnd), ":", stringifyJson(change.set.value));
        }
      }
    }
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  flush();
  for (const [key, added] of left) {
    const value = valueOf(added);
    if (value === undefined) continue;
    comma();
    out.push(stringifyJson(key), ":", stringifyJson(value));
  }
  out.push(isFirst ? "{}" : "}");
  return at + 1;
}

/** What changes make where there is nothing. */
function valueOf(overlay: Overlay): Json | undefined {
  if (overlay.set !== undefined) return overlay.set.value;
  const made = bare();
  let isEmpty = true;
  for (const { path, value } of listed(overlay)) {
    if (value === undefined) continue;
    putIn(made, path, value);
    isEmpty = false;
  }
  return isEmpty ? undefined : made;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return at;
    at++;
  }
}

/** Gives the place after a string's closing quote. */
function skipString(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) throw new Error("the bundle's data end too soon");
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

function skipValue(text: string, from: number): number {
  let at = from;
  let open = 0;
  do {
    const c = text.charCodeAt(at);
    if (c === 0x22) at = skipString(text, at);
    else {
      if (c === 0x7b || c === 0x5b) open++;
      else if (c === 0x7d || c === 0x5d) open--;
      else if (Number.isNaN(c)) throw new Error("the bundle's data end too soon");
      else if (open === 0) return skipScalar(text, at);
      at++;
    }
  } while (open > 0);
  return at;
}

function skipScalar(text: string, from: number): number {
  let at = from;
  for (;;) {
    const c = text.charCodeAt(at);
    // a comma, a bracket, white space, or the end
    if (c === 0x2c || c === 0x7d || c === 0x5d || c <= 0x20 || Number.isNaN(c)) return at;
    at++;
  }
}
