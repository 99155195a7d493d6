import { longestPrefix, prefixForm } from "../sidecar/identify/api-keys/format.js";
import { isPlain } from "../sidecar/identify/api-keys/key-list.js";
import { UsageError } from "./main.js";

/** Gives a flag that must be there. @throws UsageError */
export function needed(value: string | undefined, flag: string): string {
  if (value === undefined || !isPlain(value)) throw new UsageError(`--${flag}: is needed`);
  return value;
}

/** Gives what a flag was given for, each once. @throws UsageError */
export function names(values: readonly string[] | undefined, flag: string): string[] {
  const all = [...new Set(values ?? [])];
  if (!all.every(isPlain)) throw new UsageError(`--${flag}: 1 to 512 characters`);
  return all;
}

/** Gives the prefix of new keys. @throws UsageError */
export function prefixOf({ prefix = "cs_live" }: { readonly prefix?: string | undefined }): string {
  if (prefixForm.test(prefix) && prefix.length <= longestPrefix) return prefix;
  throw new UsageError(`--prefix: lower-case words joined by _, at most ${longestPrefix} characters`);
}

/** Adds a span such as 12h or 90d, of `least` hours to 366 days. @throws UsageError */
export function later(now: Date, span: string, flag: string, least: number): Date {
  const [, count = "", unit = ""] = /^(\d{1,5})(h|d)$/.exec(span) ?? [];
  const hours = Number(count) * (unit === "d" ? 24 : 1);
  if (count === "" || hours < least || hours > 366 * 24)
    throw new UsageError(`--${flag}: hours or days, e.g. 12h or 90d`);
  return new Date(now.getTime() + hours * 3_600_000);
}
