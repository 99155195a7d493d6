/** What clients are told of limits, in headers that their SDKs know. */
import type { Decision, LimitState } from "../../sidecar/contract.js";

/** The units that headers have names for, and what counts as one. */
const families = {
  requests: ["requests"],
  tokens: ["tokens", "input_tokens", "output_tokens"],
} as const;
/** Anthropic tells input and output apart, too. */
const anthropicFamilies = {
  ...families,
  "input-tokens": ["input_tokens"],
  "output-tokens": ["output_tokens"],
} as const;

export type RateSpeaker = "openai" | "anthropic";

/**
 * Makes `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, or Anthropic's: the tightest limit of each; what an upstream
 * says stands where it is tighter.
 * @param upstream headers of the same names, as the upstream said them
 * @param now epoch milliseconds
 */
export function rateHeaders(
  limits: readonly LimitState[] | undefined,
  speaker: RateSpeaker,
  now: number,
  upstream: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const headers: Record<string, string> = { ...upstream };
  if (limits === undefined) return headers;
  const named = speaker === "anthropic" ? anthropicFamilies : families;
  for (const [family, units] of Object.entries(named)) {
    const own = tightest(limits, units);
    if (own === undefined) continue;
    const names = namesOf(family, speaker);
    const theirs = upstream[names.remaining];
    if (theirs !== undefined && Number(theirs) < own.remaining) continue;
    headers[names.limit] = String(own.limit);
    headers[names.remaining] = String(own.remaining);
    if (own.reset === undefined) delete headers[names.reset];
    else headers[names.reset] = resetIn(own.reset, speaker, now);
  }
  return headers;
}

function namesOf(family: string, speaker: RateSpeaker): Record<"limit" | "remaining" | "reset", string> {
  const name = (what: string): string =>
    speaker === "anthropic" ? `anthropic-ratelimit-${family}-${what}` : `x-ratelimit-${what}-${family}`;
  return { limit: name("limit"), remaining: name("remaining"), reset: name("reset") };
}

function tightest(limits: readonly LimitState[], units: readonly string[]): LimitState | undefined {
  let least: LimitState | undefined;
  for (const state of limits) {
    if (!units.includes(state.unit)) continue;
    if (least === undefined || state.remaining < least.remaining) least = state;
  }
  return least;
}

/** OpenAI says how long (`6m0s`), Anthropic until when. */
function resetIn(seconds: number, speaker: RateSpeaker, now: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (speaker === "anthropic") return new Date(now + whole * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  const rest = `${whole % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

const plainName = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;
/** Limits that one header names. */
const mostNamed = 16;

/** Says when to come again, whether to try at all, and which limits are nearly, or softly, passed. */
export function limitHeaders({
  allow,
  limits,
  retry_after: after,
  reasons,
}: Decision): Record<string, string> {
  const headers: Record<string, string> = {};
  if (after !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(after)));
  // what time doesn't bring back isn't tried again by SDKs that know the word
  else if (!allow && reasons.some(({ code, rule }) => rule === undefined && isOver(code)))
    headers["x-should-retry"] = "false";
  const warned = (limits ?? []).filter(
    ({ exceeded, warns, name }) => (exceeded ?? warns) && plainName.test(name),
  );
  if (warned.length > 0) {
    const words = warned
      .slice(0, mostNamed)
      .map(({ name, exceeded }) => `${name};${exceeded ? "exceeded" : "near"}`);
    headers["x-countersign-limit-warning"] = words.join(", ");
  }
  return headers;
}

/** Tells the codes of limits. */
export function isOver(code: string): code is "rate_limited" | "budget_exceeded" {
  return code === "rate_limited" || code === "budget_exceeded";
}
