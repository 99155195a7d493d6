/** What a call of a model used, cost, and how its stream went: parts of an outcome. */
import type { Fields, Problems } from "./shape.js";
import type { Json } from "./json.js";

/** Tokens, as the provider counted them. */
export interface TokenUsage {
  /** All that went in: those that came from a cache, or went there, too. */
  readonly input_tokens: number;
  /** All that came out: what was thought, too. */
  readonly output_tokens: number;
  /** Of the input, what the provider's cache gave. */
  readonly cached_tokens?: number;
  /** Of the input, what the provider's cache took. */
  readonly cache_write_tokens?: number;
  /** Of the output, what was thought. */
  readonly reasoning_tokens?: number;
  /** Not all is the provider's figure: its last word didn't come, or it said nothing. */
  readonly estimated?: true;
  /** The gateway asked for the figure; the client hadn't. */
  readonly asked?: true;
}

/** What it cost, by a price and its date. */
export interface Cost {
  /** A decimal number with at most nine places. */
  readonly amount: string;
  /** ISO 4217. */
  readonly currency: string;
  /** RFC 3339 full-date of the price. */
  readonly as_of: string;
  /** Where the price comes from. */
  readonly source: string;
  /** As of the usage. */
  readonly estimated?: true;
}

/** How a streamed answer came from upstream. Times are the upstream's: those of a slow client don't count. */
export interface StreamTimes {
  /** From the request's arrival here to the first event with something of the answer in it. */
  readonly first_token_ms?: number;
  /** The longest wait between two events. */
  readonly longest_wait_ms: number;
  /** From the first token to the last. */
  readonly tokens_per_second?: number;
}

const most = Number.MAX_SAFE_INTEGER;
/** Longest text of where a price comes from, characters. */
export const longestSource = 256;

/** Parses `usage` of an outcome. */
export function parseUsage(fields: Fields): TokenUsage {
  const cached = fields.integer("cached_tokens", 0, most);
  const written = fields.integer("cache_write_tokens", 0, most);
  const reasoning = fields.integer("reasoning_tokens", 0, most);
  const estimated = fields.boolean("estimated");
  const asked = fields.boolean("asked");
  const usage: TokenUsage = {
    input_tokens: fields.integer("input_tokens", 0, most) ?? 0,
    output_tokens: fields.integer("output_tokens", 0, most) ?? 0,
    ...(cached === undefined ? {} : { cached_tokens: cached }),
    ...(written === undefined ? {} : { cache_write_tokens: written }),
    ...(reasoning === undefined ? {} : { reasoning_tokens: reasoning }),
    ...(estimated === true ? { estimated } : {}),
    ...(asked === true ? { asked } : {}),
  };
  fields.end();
  return usage;
}

/** Parses `cost` of an outcome. */
export function parseCost(fields: Fields, problems: Problems): Cost {
  const estimated = fields.boolean("estimated");
  const cost: Cost = {
    amount: fields.required("amount"),
    currency: fields.required("currency"),
    as_of: fields.required("as_of"),
    source: fields.required("source").slice(0, longestSource),
    ...(estimated === true ? { estimated } : {}),
  };
  if (!/^\d{1,15}(?:\.\d{1,9})?$/.test(cost.amount)) problems.add(fields.at("amount"), "must be a decimal");
  if (!/^[A-Z]{3}$/.test(cost.currency)) problems.add(fields.at("currency"), "must be three capital letters");
  if (!/^\d{4}-\d{2}-\d{2}$/.test(cost.as_of)) problems.add(fields.at("as_of"), "must be a date");
  fields.end();
  return cost;
}

/** Parses `stream` of an outcome. */
export function parseStreamTimes(fields: Fields): StreamTimes {
  const first = amount(fields.raw("first_token_ms"));
  const rate = amount(fields.raw("tokens_per_second"));
  const times: StreamTimes = {
    ...(first === undefined ? {} : { first_token_ms: first }),
    longest_wait_ms: amount(fields.raw("longest_wait_ms")) ?? 0,
    ...(rate === undefined ? {} : { tokens_per_second: rate }),
  };
  fields.end();
  return times;
}

function amount(value: Json | undefined): number | undefined {
  return typeof value === "number" && value >= 0 && value < most ? value : undefined;
}
