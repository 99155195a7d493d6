/** Reads words of a shell line that say the same to every POSIX shell. */

/** Characters of which each alone may make a word mean something else: expansions, patterns, comments. */
const special = new Set("$`*?[]{}()~#<>&|;!^ \t\n\r\v\f");
/** What no line needs, and readers don't agree on: controls, blanks and invisible signs beyond ASCII. */
const strange =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u3000\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/u;

/** Tells whether there are characters in a line that shells, and people, read differently. */
export const isStrange = (source: string): boolean => strange.test(source);

/**
 * Gives what a word stands for where that is certain: letters, quotes and simple escapes only.
 * @param raw the word as it is written
 */
export function readWord(raw: string): string | undefined {
  // `{}` alone is no expansion; `=name` is one in zsh
  if (raw === "{}") return raw;
  if (raw.startsWith("=")) return undefined;
  let out = "";
  for (let i = 0; i < raw.length; i++) {
    const char = raw[i] ?? "";
    if (char === "'") {
      const end = raw.indexOf("'", i + 1);
      if (end < 0) return undefined;
      out += raw.slice(i + 1, end);
      i = end;
    } else if (char === '"') {
      const read = readQuoted(raw, i + 1);
      if (read === undefined) return undefined;
      out += read.text;
      i = read.end;
    } else if (char === "\\") {
      const next = raw[++i];
      if (next === undefined || next === "\n") return undefined;
      out += next;
    } else if (special.has(char)) return undefined;
    else out += char;
  }
  return out;
}

function readQuoted(raw: string, from: number): { readonly text: string; readonly end: number } | undefined {
  let text = "";
  for (let i = from; i < raw.length; i++) {
    const char = raw[i] ?? "";
    if (char === '"') return { text, end: i };
    if (char === "$" || char === "`") return undefined;
    if (char !== "\\") {
      text += char;
      continue;
    }
    const next = raw[++i];
    if (next === undefined || next === "\n") return undefined;
    text += next === '"' || next === "\\" || next === "$" || next === "`" ? next : `\\${next}`;
  }
  return undefined;
}
