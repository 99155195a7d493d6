/** What an upstream says of its rate limits, in the words of the client's protocol. */
import type { IncomingHttpHeaders } from "node:http";

type Form = "count" | "reset";
type Row = readonly [openai: string, anthropic: string, form: Form];

/** Sources: OpenAI API reference, "Rate limits in headers"; Anthropic API reference, "Rate limits, response headers". */
const table: readonly Row[] = [
  ...(["requests", "tokens"] as const).flatMap((what): Row[] => [
    [`x-ratelimit-limit-${what}`, `anthropic-ratelimit-${what}-limit`, "count"],
    [`x-ratelimit-remaining-${what}`, `anthropic-ratelimit-${what}-remaining`, "count"],
    [`x-ratelimit-reset-${what}`, `anthropic-ratelimit-${what}-reset`, "reset"],
  ]),
];
/** Those that have no counterpart. */
const anthropicOnly: readonly Row[] = (["input-tokens", "output-tokens"] as const).flatMap((what): Row[] => [
  ["", `anthropic-ratelimit-${what}-limit`, "count"],
  ["", `anthropic-ratelimit-${what}-remaining`, "count"],
  ["", `anthropic-ratelimit-${what}-reset`, "reset"],
]);
const anthropicRows = [...table, ...anthropicOnly];

const count = /^\d{1,15}$/;
/** As `6m0s`, `1.5s`, `20ms`. */
const span =
  /^(?=\d)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{1,9})?)s)?(?:(\d{1,6}(?:\.\d{1,6})?)ms)?$/;
const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

type Speaker = "openai" | "anthropic";

/**
 * Translates headers; what isn't of a known name and form isn't passed on.
 * @param now epoch milliseconds
 */
export function rateLimits(
  headers: IncomingHttpHeaders,
  server: string,
  client: Speaker,
  now: () => number,
): Readonly<Record<string, string>> | undefined {
  let out: Record<string, string> | undefined;
  const from = server === "anthropic" ? 1 : 0;
  for (const row of from === 1 ? anthropicRows : table) {
    const value = headers[row[from]];
    if (typeof value !== "string") continue;
    const name = client === "anthropic" ? row[1] : row[0];
    const said = row[2] === "count" ? (count.test(value) ? value : undefined) : reset(value, client, now);
    if (name === "" || said === undefined) continue;
    out ??= {};
    out[name] = said;
  }
  return out;
}

/** OpenAI says how long, Anthropic until when. */
function reset(value: string, client: Speaker, now: () => number): string | undefined {
  const match = span.exec(value);
  if (match !== null) {
    if (client === "openai") return value;
    const [days = 0, hours = 0, minutes = 0, seconds = 0, ms = 0] = match
      .slice(1)
      .map((part) => Number(part ?? 0));
    const at = now() + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + ms;
    return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  }
  if (!moment.test(value) || Number.isNaN(Date.parse(value))) return undefined;
  if (client === "anthropic") return value;
  return `${Math.max(0, Math.ceil((Date.parse(value) - now()) / 1000))}s`;
}
