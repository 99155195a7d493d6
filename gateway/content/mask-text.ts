/** Replaces what patterns find in text. */
import { injection, pii, secrets } from "./create-detectors.js";
import type { Detector } from "./detector.js";
import { hiddenPatterns, phrasePatterns } from "./injection.js";
import type { Pattern } from "./pattern.js";
import { findAll } from "./pattern.js";
import { piiPatterns } from "./pii.js";
import { secretPatterns } from "./secrets.js";

const groups: readonly (readonly [Detector, readonly Pattern[]])[] = [
  [pii, piiPatterns],
  [secrets, secretPatterns],
  [injection, [...hiddenPatterns, ...phrasePatterns]],
];

/** Gives the patterns of kinds; a detector's name stands for all of its kinds. Undefined where one isn't known. */
export function patternsOf(names: readonly string[]): readonly Pattern[] | undefined {
  const all = new Set<Pattern>();
  for (const name of names) {
    const group = groups.find(([detector]) => detector.name === name)?.[1];
    const some = group ?? groups.flatMap(([, patterns]) => patterns).filter(({ kind }) => kind === name);
    if (some.length === 0) return undefined;
    for (const pattern of some) all.add(pattern);
  }
  return [...all];
}

export interface Masking {
  readonly patterns: readonly Pattern[];
  /** Instead of what was found; `[kind]` where absent. */
  readonly replacement?: string;
}

/** Replaces all that the patterns find; the same text where they find nothing. */
export function maskText(text: string, { patterns, replacement }: Masking): string {
  let out = "";
  let at = 0;
  for (const { kind, start, end } of findAll(text, patterns, 0, text.length)) {
    out += text.slice(at, start) + (replacement ?? `[${kind}]`);
    at = end;
  }
  return at === 0 ? text : out + text.slice(at);
}
