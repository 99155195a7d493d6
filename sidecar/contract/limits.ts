/** Limits: what is counted, over which time, and what is told of it. */

export const limitUnits = [
  "requests",
  "input_tokens",
  "output_tokens",
  /** Both together. */
  "tokens",
  /** Billionths of the currency. */
  "cost",
  "tool_calls",
  "distinct_tools",
  /** Documents that were given. */
  "chunks",
  /** Calls of models. */
  "iterations",
  /** Calls under way. */
  "concurrent",
  "denials",
] as const;
export type LimitUnit = (typeof limitUnits)[number];

/** How a limit stands after a decision. */
export interface LimitState {
  /** Its name, in configuration or policy. */
  readonly name: string;
  readonly unit: LimitUnit;
  readonly limit: number;
  /** What is left, after what this call holds; never below 0. */
  readonly remaining: number;
  /** Seconds until there is more; absent where time doesn't bring more. */
  readonly reset?: number;
  /** ISO 4217, of `cost`. */
  readonly currency?: string;
  /** It is passed, but only warns. */
  readonly exceeded?: true;
  /** It is nearly used up: beyond its `warn_at`. */
  readonly warns?: true;
}

/**
 * The most that a call may use before it must ask for more (`extend`); a unit that isn't named isn't bounded.
 * `cost` in billionths.
 */
export type Allowance = Partial<
  Readonly<Record<"input_tokens" | "output_tokens" | "tokens" | "cost", number>>
>;

/** Asks for more than a call's allowance, in mid-stream. */
export interface Extension {
  readonly decision_id: string;
  /** What it holds by now: its decision's allowance, or what was given since. */
  readonly held: Allowance;
  /** What it has used, and will before it asks again; of the units that it holds. */
  readonly need: Allowance;
}

/** Answers an {@link Extension}: absent `allowance`, the call is over. */
export interface Extended {
  readonly allowance?: Allowance;
  /** Why not: a code of the error table. */
  readonly code?: "rate_limited" | "budget_exceeded" | "fenced" | "limits_unavailable";
}

/** What a PEP expects a call to use, in `action.properties.estimate`. */
export interface Estimate {
  readonly input_tokens: number;
  /** The most that may come, where the request says; else what is usual. */
  readonly output_tokens: number;
  /** Billionths, by the price of the dearest that it may go to. */
  readonly cost?: { readonly nanos: number; readonly currency: string };
  /** Of retrieval: the most documents that may be given. */
  readonly chunks?: number;
}
