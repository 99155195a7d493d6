/** Finds things of known kinds in text, from left to right, none within another. */

/**
 * One kind's form. INVARIANT: `form` is sticky-free, global, and bounded: every repetition has an upper limit, so that one try at
 * one place takes constant time, and looks back no further than {@link reach}.
 */
export interface Pattern {
  readonly kind: string;
  /** With the flag `g`. */
  readonly form: RegExp;
  /** Texts of which one must be there for `form` to match, lower-case; spares most texts most patterns. */
  readonly hints?: readonly string[];
  /** Judges a match; gives the end of what counts, or undefined. */
  readonly check?: (text: string, start: number, end: number) => number | undefined;
}

export interface Match {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Finds what begins in `text` from `from` up to `to`: the leftmost counts, then the longest, then the first pattern's.
 * What is found at a place depends on the text near it only, so that pieces of a text give what the whole gives.
 */
export function findAll(text: string, patterns: readonly Pattern[], from: number, to: number): Match[] {
  const lower = text.toLowerCase();
  const found: Match[] = [];
  for (const pattern of patterns) {
    if (pattern.hints !== undefined && !pattern.hints.some((hint) => lower.includes(hint))) continue;
    findOne(text, pattern, from, to, found);
  }
  if (found.length < 2) return found;
  // sorting is stable: of equals, the first pattern's stays first
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const out: Match[] = [];
  let at = from;
  for (const match of found) {
    if (match.start < at) continue;
    out.push(match);
    at = match.end;
  }
  return out;
}

function findOne(
  text: string,
  { kind, form, check }: Pattern,
  from: number,
  to: number,
  found: Match[],
): void {
  form.lastIndex = from;
  for (let match = form.exec(text); match !== null && match.index < to; match = form.exec(text)) {
    const start = match.index;
    const end = check === undefined ? form.lastIndex : check(text, start, form.lastIndex);
    if (end !== undefined && end > start && start >= from) found.push({ kind, start, end });
    // what begins within it may yet be the one that counts, where another kind's match hides this one
    // INVARIANT: on, by a whole character: within one, a form with the flag `u` would go back to its beginning
    form.lastIndex = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
  }
}
