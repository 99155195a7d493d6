import { maskRequest } from "../content/mask-request.js";
import { patternsOf } from "../content/mask-text.js";
import type { Duty, Words } from "./duty.js";
import { take, textsOf } from "./duty.js";

const longest = 64;

/**
 * `{patterns, phase: "request", replacement?}`: replaces what detectors find in all texts of the request; `patterns`
 * are kinds, or names of detectors for all of theirs. Answers aren't masked yet: with the phase `response` it can't be done.
 */
export const mask: Duty<Words> = (body, properties) => {
  const { patterns, phase, replacement } = take(properties, "patterns", "phase", "replacement") ?? {};
  const names = textsOf(patterns);
  const known = names === undefined ? undefined : patternsOf(names);
  if (known === undefined || phase !== "request") return undefined;
  if (replacement === undefined) return maskRequest(body, { patterns: known });
  if (typeof replacement !== "string" || replacement.length > longest) return undefined;
  return maskRequest(body, { patterns: known, replacement });
};
