/** Shows definitions to people: what changed, and every character that could deceive them. */
import type { Json } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import { latinOf } from "./names/name.js";

export interface Change {
  /** Names of members, with points between. */
  readonly place: string;
  readonly before?: string;
  readonly after?: string;
}

/** Lists what differs between two definitions, by place; all of the second where there is no first. */
export function changesOf(before: Json | undefined, after: Json): readonly Change[] {
  const old = before === undefined ? new Map<string, string>() : flatten(before);
  const now = flatten(after);
  const changed = [...now]
    .filter(([place, value]) => old.get(place) !== value)
    .map(([place, value]): Change => {
      const was = old.get(place);
      return { place, ...(was === undefined ? {} : { before: was }), after: value };
    });
  const gone = [...old]
    .filter(([place]) => !now.has(place))
    .map(([place, value]): Change => ({ place, before: value }));
  return [...changed, ...gone];
}

/** INVARIANT: two values never have one place, nor two values one text, so that nothing is hidden behind anything else. */
function flatten(value: Json): Map<string, string> {
  const out = new Map<string, string>();
  const walk = (one: Json, place: string): void => {
    if (Array.isArray(one) && one.length > 0) one.forEach((item, i) => walk(item, `${place}[${i}]`));
    else if (isObject(one) && Object.keys(one).length > 0) {
      for (const [name, member] of Object.entries(one)) walk(member, placeOf(place, name));
    } else out.set(place, typeof one === "string" ? textOf(one) : stringifyJson(one));
  };
  walk(value, "");
  return out;
}

function placeOf(place: string, name: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${place}[${JSON.stringify(name)}]`;
  return place === "" ? name : `${place}.${name}`;
}

/** A text as it is, but one that could be taken for another value: in quotes. */
function textOf(text: string): string {
  return /^\s*(?:["{[\d-]|true|false|null)/.test(text) ? JSON.stringify(text) : text;
}

/** What no terminal shows, or what changes what it shows. */
const deceptive =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034F\u115F\u1160\u3164\uFFA0\uFE00-\uFE0F\u{E0100}-\u{E01EF}]|(?! )\p{Zs}/gu;

/** Writes a text so that all of it is seen: `<U+200B>` for what isn't, and after a letter that looks like a Latin one. */
export function visible(text: string): string {
  const latin = /\p{Script=Latin}/u.test(text);
  return text
    .replace(deceptive, (sign) => (sign === "\n" ? sign : code(sign)))
    .replace(/[\p{Script=Cyrillic}\p{Script=Greek}]/gu, (letter) =>
      latin && latinOf(letter) !== undefined ? `${letter}${code(letter)}` : letter,
    );
}

function code(sign: string): string {
  return `<U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}

const around = 60;
const long = 240;

/** Draws changes as lines that begin with `+` and `-`. */
export function drawChanges(changes: readonly Change[]): string {
  return changes
    .map(({ place, before, after }) => {
      const [was, is] = before !== undefined && after !== undefined ? cut(before, after) : [before, after];
      const lines = [
        ...(was === undefined ? [] : [line("-", place, was)]),
        ...(is === undefined ? [] : [line("+", place, is)]),
      ];
      return lines.join("");
    })
    .join("");
}

function line(sign: string, place: string, text: string): string {
  return `${sign} ${visible(place)}: ${visible(text).replaceAll("\n", `\n${sign}     `)}\n`;
}

/** Leaves of two long texts what differs, and some of what is around it. */
function cut(before: string, after: string): [string, string] {
  if (Math.max(before.length, after.length) < long) return [before, after];
  const a = [...before];
  const b = [...after];
  const least = Math.min(a.length, b.length);
  let from = 0;
  while (from < least && a[from] === b[from]) from++;
  let end = 0;
  while (end < least - from && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const start = Math.max(0, from - around);
  const piece = (all: readonly string[]): string => {
    const stop = Math.min(all.length, all.length - end + around);
    return `${start > 0 ? "…" : ""}${all.slice(start, stop).join("")}${stop < all.length ? "…" : ""}`;
  };
  return [piece(a), piece(b)];
}
