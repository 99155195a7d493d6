/** Gives whether a file's place fits; `undefined`: the pattern is malformed. */
export type Glob = (place: string) => boolean;

/**
 * Reads a pattern of `exclude_files`. As in OPA: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are classes, `\` takes
 * the next sign as it is, and the whole place must fit. Source: Go, path/filepath, Match.
 */
export function readGlob(pattern: string): Glob | undefined {
  const signs = [...pattern];
  let source = "";
  let at = 0;
  const literal = (): string | undefined => {
    if (signs[at] === "\\") at++;
    const sign = signs[at++];
    return sign === undefined ? undefined : quoted(sign);
  };
  while (at < signs.length) {
    if (signs[at] === "*") {
      while (signs[at] === "*") at++;
      source += "[^/]*";
    } else if (signs[at] === "?") {
      at++;
      source += "[^/]";
    } else if (signs[at] === "[") {
      at++;
      const negated = signs[at] === "^";
      if (negated) at++;
      let ranges = "";
      let count = 0;
      while (signs[at] !== "]" || count === 0) {
        const ends: string[] = [];
        do {
          if (ends.length > 0) at++;
          const bad = signs[at] === "-" || signs[at] === "]";
          const sign = bad ? undefined : literal();
          if (sign === undefined) return undefined;
          ends.push(sign);
        } while (ends.length < 2 && signs[at] === "-");
        ranges += rangeOf(ends);
        count++;
      }
      at++;
      source += `[${negated ? "^" : ""}${ranges}]`;
    } else {
      const sign = literal();
      if (sign === undefined) return undefined;
      source += sign;
    }
  }
  const form = new RegExp(`^${source}$`, "su");
  return (place) => form.test(place);
}

function quoted(sign: string): string {
  return `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`;
}

/** One sign, or two that are the ends of a range; one whose ends are the wrong way round holds none. */
function rangeOf([low = "", high = low]: readonly string[]): string {
  const code = (sign: string): number => Number.parseInt(sign.slice(3, -1), 16);
  return code(low) <= code(high) ? `${low}-${high}` : "";
}
