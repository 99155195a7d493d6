import { RE2JS } from "re2js";

/** A pattern of a schema: whether a text holds what it describes. */
export interface SchemaPattern {
  test(text: string): boolean;
  /** INVARIANT: the pattern's own text: ajv takes two of the same name for one. */
  toString(): string;
  /** Takes time linear in the text; the others are for {@link guarded} only. */
  readonly linear: boolean;
}

export const longestPattern = 2_048;

/**
 * Makes a pattern (ECMA 262, with `u`). What RE2 knows is matched by RE2, in linear time; the rest (looking around, back
 * references) by the engine's own.
 * @throws Error where it is none
 */
export function compilePattern(pattern: string): SchemaPattern {
  if (pattern.length > longestPattern) throw new Error("a pattern is too long");
  // INVARIANT: what isn't ECMA's isn't taken, even where RE2 would
  const own = new RegExp(pattern, "u");
  const linear = re2(pattern);
  return {
    linear: linear !== undefined,
    test: (text) => (linear === undefined ? own.test(text) : linear.matcher(text).find()),
    toString: () => pattern,
  };
}

/** White space is more to ECMA than to RE2, and `.` is less; what says either is left to ECMA's engine unless written out. */
function re2(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(inRe2(pattern)));
  } catch {
    return undefined;
  }
}

const space =
  "\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";

/** What follows a backslash and is the same to both. */
const shared = /[dDwWbBnrtvf0xucpP^$\\.*+?()[\]{}|/-]/;

/** Writes `\s`, `\S` and `.` so that they mean to RE2 what they mean to ECMA. @throws Error where it can't */
function inRe2(pattern: string): string {
  let out = "";
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    if (c === "\\") {
      const next = pattern.charAt(++i);
      if (next === "s") out += inClass ? space : `[${space}]`;
      else if (next === "S") {
        if (inClass) throw new Error("not to be written otherwise");
        out += `[^${space}]`;
      } else if (shared.test(next)) out += c + next;
      // references back, and what else may come
      else throw new Error("not to be written otherwise");
    } else if (inClass) {
      if (c === "]") inClass = false;
      // to RE2 the beginning of a named class
      out += c === "[" ? "\\[" : c;
    } else if (c === "[") {
      inClass = true;
      out += c;
    } else out += c === "." ? "[^\\n\\r\\x{2028}\\x{2029}]" : c;
  }
  return out;
}
