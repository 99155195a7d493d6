/** Says where a path leads, however it is written. */
import type { JsonObject } from "../../../sidecar/contract.js";

export interface PathFacts {
  /** Normalised: one kind of slash, no `.`; `..` only where they lead above the beginning. Cut at 512 characters. */
  readonly path: string;
  readonly absolute: boolean;
  /** It has steps upwards, written in any way; where `absolute`, they are resolved in `path`. */
  readonly traversal: boolean;
  /** It leads above where it began. */
  readonly escapes: boolean;
  /** It begins with a home directory: `~`, `$HOME`. */
  readonly home: boolean;
  /** It is written so that programs may read it differently: escapes, backslashes, NUL, drives, UNC, look-alikes, blanks at ends. */
  readonly odd: boolean;
  /** The first step of an absolute path: `/etc`, `C:`, or a host's name of UNC as `//host`. */
  readonly root?: string;
}

const most = 512;

/** Tells whether a text without further knowledge looks like a path. */
export function looksLikePath(text: string): boolean {
  if (text.length > 4_096 || text.includes("\n")) return false;
  const first = text.charCodeAt(0);
  // / \ . ~ %
  if (first === 0x2f || first === 0x5c || first === 0x2e || first === 0x7e || first === 0x25) {
    return /^(?:[/\\](?![/\\]?$)|\.{1,2}(?:[/\\]|%2f|%5c|$)|~[\w-]{0,32}(?:[/\\]|$)|%2[ef]|%5c)/i.test(text);
  }
  if (/^[a-z]:[/\\]|^file:/i.test(text)) return true;
  return upwards.test(text) && !/\s/.test(text);
}

const upwards = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\]|%2f|%5c|$|\u0000)/i;

/** Describes one path. */
export function readPath(text: string): PathFacts {
  const { path: decoded, odd: encoded } = decode(text);
  const file = /^file:(?:[/\\]{2}(?:localhost)?(?=[/\\]|$))?/i.exec(decoded);
  let path = (file === null ? decoded : decoded.slice(file[0].length)).replaceAll("\\", "/");
  if (file !== null && /^\/[a-z][:|]/i.test(path)) path = path.slice(1);
  const cut = path.indexOf("\u0000");
  if (cut >= 0) path = path.slice(0, cut);
  const odd =
    encoded ||
    cut >= 0 ||
    /^[a-z]:|\\|[\u0000-\u001f\u007f]|^\s|[\s.]$|:[^/]*$/i.test(decoded.replace(/(^|[/\\])\.{1,2}$/, "$1"));
  const home = /^(?:~[\w-]{0,32}|\$HOME|\$\{HOME\}|%USERPROFILE%|%HOME%)(?:\/|$)/i.test(path);
  const unc = /^\/\/[^/]/.test(path) && (/^[/\\]*\\/.test(decoded) || file !== null);
  const drive = /^[a-z]:/i.exec(path)?.[0].toUpperCase();
  const absolute = path.startsWith("/") || drive !== undefined;
  const steps: string[] = [];
  let traversal = false;
  let above = 0;
  const body = drive === undefined ? path : path.slice(2);
  for (const step of body.split("/")) {
    // Windows drops dots and blanks at the end of a name
    const plain = step.replace(/[. ]+$/, "") === "" && step.includes("..") ? ".." : step;
    if (plain === "" || plain === ".") continue;
    if (plain !== "..") steps.push(step);
    else {
      traversal = true;
      if (steps.pop() === undefined) above++;
    }
  }
  const prefix = drive === undefined ? (absolute ? (unc ? "//" : "/") : "../".repeat(above)) : `${drive}/`;
  const [first] = steps;
  const root = drive ?? (absolute ? (unc ? `//${first ?? ""}` : `/${first ?? ""}`) : undefined);
  return {
    path: `${prefix}${steps.join("/")}`.slice(0, most).replace(/(?<=\.)\/$/, "") || ".",
    absolute,
    traversal,
    escapes: above > 0,
    home,
    odd: odd || unc || drive !== undefined || (path.includes("//") && !unc),
    ...(root === undefined ? {} : { root: root.slice(0, 128) }),
  };
}

/** Undoes escapes, again where they were escaped, and letters that look like others. */
function decode(text: string): { readonly path: string; readonly odd: boolean } {
  let path = text.slice(0, 4_096);
  let odd = text.length > path.length;
  for (let i = 0; i < 4 && path.includes("%"); i++) {
    // overlong forms of `.` and `/` in UTF-8, which lenient decoders take
    const next = path
      .replace(/%c0%ae|%e0%80%ae|%u002e|%uff0e/gi, ".")
      .replace(/%c0%af|%e0%80%af|%u2215|%u2216|%u002f|%uff0f/gi, "/")
      .replace(/%c1%9c|%u005c/gi, "\\")
      .replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === path) break;
    path = next;
    odd = true;
  }
  if (/[^\u0000-\u007f]/.test(path)) {
    const plain = path
      .normalize("NFKC")
      .replace(/[\u2215\u2044\u29f8]/g, "/")
      .replace(/[\u2216\u29f5\ufe68]/g, "\\")
      .replace(/[\u200b-\u200f\u2060\ufeff\u00ad\u202a-\u202e]/g, "");
    if (plain !== path.normalize("NFC")) {
      path = plain;
      odd = true;
    }
  }
  return { path, odd };
}

export const pathJson = (path: PathFacts): JsonObject => ({ ...path });
