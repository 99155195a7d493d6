/** What tokens cost: a price in exact numbers, and the sum of a call. */
import type { Cost as CostRecord, TokenUsage } from "../../sidecar/contract.js";
import { writeNanos } from "./decimal.js";

/** Billionths of the currency for a million tokens. */
export interface Price {
  readonly input: bigint;
  readonly output: bigint;
  /** As {@link input} unless stated. */
  readonly cachedInput: bigint;
  /** As {@link input} unless stated. */
  readonly cacheWrite: bigint;
  /** As {@link output} unless stated. */
  readonly reasoning: bigint;
  /** ISO 4217. */
  readonly currency: string;
  /** RFC 3339 full-date. */
  readonly asOf: string;
  readonly source: string;
}

const million = 1_000_000n;

/** Sums up a call in billionths of the currency, rounded to the nearest. */
export function sumUp(usage: TokenUsage, price: Price): bigint {
  const { input_tokens: input, output_tokens: output } = usage;
  // INVARIANT: parts of a whole are never more than the whole, whatever an upstream says
  const cached = Math.min(usage.cached_tokens ?? 0, input);
  const written = Math.min(usage.cache_write_tokens ?? 0, input - cached);
  const thought = Math.min(usage.reasoning_tokens ?? 0, output);
  const sum =
    BigInt(input - cached - written) * price.input +
    BigInt(cached) * price.cachedInput +
    BigInt(written) * price.cacheWrite +
    BigInt(output - thought) * price.output +
    BigInt(thought) * price.reasoning;
  return (sum + million / 2n) / million;
}

/** Says what a call cost, for the record. */
export function costOf(
  usage: TokenUsage,
  price: Price,
): { readonly nanos: bigint; readonly cost: CostRecord } {
  const nanos = sumUp(usage, price);
  const { currency, asOf, source } = price;
  const estimated = usage.estimated === true ? { estimated: true as const } : {};
  return { nanos, cost: { amount: writeNanos(nanos), currency, as_of: asOf, source, ...estimated } };
}
