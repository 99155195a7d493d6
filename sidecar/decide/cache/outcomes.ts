import type { Json } from "../../contract.js";
import { parseJson, stringifyJson } from "../../contract.js";
import type { Outcome, Prepared } from "./cache.js";
import type { HashText } from "./hash.js";
import { weighText, weighValue } from "./weigh.js";

/** Who pays for what is kept. */
export interface Payer {
  bytes: number;
  /** By their text's hash; what has another's is shared with nobody. */
  readonly outcomes: Map<number, SharedOutcome>;
}

/**
 * What entries of one payer came to, once for all that are equal.
 *
 * INVARIANT: it answers many requests, so that result and rules are frozen all through: no request can change another's.
 */
export class SharedOutcome implements Outcome {
  /** Entries that came to this; 0: it is in no memory's account. */
  refs = 0;
  /** What doors prepared, by the number of the preparation. */
  prepared: unknown[] | undefined;
  constructor(
    readonly result: Json,
    readonly rules: readonly string[],
    readonly payer: Payer,
    readonly text: string,
    readonly hash: number,
    public bytes: number,
  ) {}
}

/** What the object, its place in the payer's map and its list of prepared things take. */
const overhead = 176;

/** Gives the one object for all outcomes of a payer that are equal; nobody pays for a new one yet. */
export function outcomeOf(payer: Payer, { result, rules }: Outcome, hashOf: HashText): SharedOutcome {
  const text = stringifyJson([result, rules as Json[]]);
  const hash = hashOf(text);
  const known = payer.outcomes.get(hash);
  if (known?.text === text) return known;
  const [ownResult = null, ownRules] = copyOf(text) ?? [result, rules];
  const bytes = overhead + weighText(text) + weighValue(ownResult) + weighValue(ownRules as Json[]);
  return new SharedOutcome(freeze(ownResult), freeze(ownRules), payer, text, hash, bytes);
}

/** Reads the text again: objects that a parser made take half of what those do that an evaluation gives. */
function copyOf(text: string): [Json, readonly string[]] | undefined {
  try {
    // written just now, from a result and the ids of rules
    return parseJson(text, { depth: 10_000 }) as [Json, string[]];
  } catch {
    // not JSON: not what an evaluation gives
    return undefined;
  }
}

/** Counts one more entry that came to this; the first one lets the payer pay. Gives what it added. */
export function hold(outcome: SharedOutcome): number {
  if (outcome.refs++ > 0) return 0;
  const { payer, hash } = outcome;
  if (!payer.outcomes.has(hash)) payer.outcomes.set(hash, outcome);
  return outcome.bytes;
}

/** Counts one less; the last one gives back what was paid. */
export function release(outcome: SharedOutcome): number {
  if (--outcome.refs > 0) return 0;
  const { payer, hash } = outcome;
  if (payer.outcomes.get(hash) === outcome) payer.outcomes.delete(hash);
  return outcome.bytes;
}

/** Keeps what a door prepared with its outcome. */
export function attach(outcome: SharedOutcome, slot: number, { value, bytes }: Prepared<unknown>): void {
  outcome.prepared ??= [];
  while (outcome.prepared.length <= slot) outcome.prepared.push(undefined);
  outcome.prepared[slot] = value;
  outcome.bytes += bytes;
}

/** Freezes a value all through. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
