import type { Retries } from "./deployment.js";

/**
 * Gives a pause with full jitter: anything up to a most that doubles each time.
 * @param retry counted from 1
 * @param random in [0, 1)
 */
export function pauseBefore(
  retry: number,
  { pauseMs, longestPauseMs }: Pick<Retries, "pauseMs" | "longestPauseMs">,
  random: number,
): number {
  return random * Math.min(longestPauseMs, pauseMs * 2 ** (retry - 1));
}

/**
 * Reads `retry-after` (RFC 9110 section 10.2.3): seconds or a date.
 * @param now epoch milliseconds
 * @returns milliseconds; undefined where it is absent or isn't one
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? "";
  // some servers send fractions
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Math.ceil(Number(text) * 1000);
  if (!/^[A-Za-z]{3,9}, ?\d/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
