/** Replaces what patterns find in text, or all of it. */
import { injection, pii, secrets } from "./create-detectors.js";
import type { Detector } from "./detector.js";
import { hiddenPatterns, phrasePatterns } from "./injection.js";
import type { Pattern } from "./pattern.js";
import { findAll } from "./pattern.js";
import { piiPatterns } from "./pii.js";
import type { Pointer } from "./pointer.js";
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
  /** Absent: all of the texts that the pointers lead to. */
  readonly patterns?: readonly Pattern[];
  /** Where; absent: everywhere. */
  readonly pointers?: readonly Pointer[];
  /** Instead of what was found; `[kind]`, or `[masked]`, where absent. */
  readonly replacement?: string;
}

export type PatternMasking = Masking & Required<Pick<Masking, "patterns">>;

/** What stands for a text that isn't shown. */
export const hidden = ({ replacement }: Masking): string => replacement ?? "[masked]";

/** Replaces all that the patterns find; the same text where they find nothing. */
export function maskText(text: string, masking: Masking): string {
  const { patterns, replacement } = masking;
  if (patterns === undefined) return text === "" ? text : hidden(masking);
  let out = "";
  let at = 0;
  for (const { kind, start, end } of findAll(text, patterns, 0, text.length)) {
    out += text.slice(at, start) + (replacement ?? `[${kind}]`);
    at = end;
  }
  return at === 0 ? text : out + text.slice(at);
}

/** Masks a text that isn't in any place that pointers know, such as an upstream's error. */
export function maskError(text: string, masks: readonly Masking[]): string {
  return masks.filter(({ patterns }) => patterns !== undefined).reduce(maskText, text);
}
