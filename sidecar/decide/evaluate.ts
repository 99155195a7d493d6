import type { ActiveBundle } from "../bundles/active.js";
import type { CacheLevel, ErrorCode, Json } from "../contract.js";
import type { DecisionCache } from "./cache/layered.js";

/** What an entrypoint gave, and where from. `result` is absent where the entrypoint is undefined. */
export type Evaluated =
  | {
      readonly kind: "evaluated";
      readonly result?: unknown;
      /** Ids of the annotated rules that held. */
      readonly rules: readonly string[];
      readonly cache: CacheLevel;
      readonly micros: { readonly cache: number; readonly evaluate: number };
    }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly micros: { readonly cache: number; readonly evaluate: number };
    };

export interface EvaluateParts {
  readonly cache?: DecisionCache;
  /** Longest life of a cached result in seconds; a result's own `ttl` shortens it. */
  readonly cacheTtl: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

export type Evaluate = (
  bundle: ActiveBundle,
  entrypoint: string,
  input: Json | undefined,
  tenant: string,
) => Evaluated | Promise<Evaluated>;

/**
 * Answers an entrypoint through the cache or by evaluating it. Synchronous unless Redis is asked.
 * Only successful results are stored: a failure or an undefined result is evaluated anew each time.
 */
export function createEvaluate({ cache, cacheTtl, now, micros }: EvaluateParts): Evaluate {
  const evaluate = (
    bundle: ActiveBundle,
    entrypoint: string,
    input: Json | undefined,
    spent: number,
    key?: string,
  ): Evaluated => {
    const from = micros();
    const answer = bundle.policy.evaluate(entrypoint, input);
    const times = { cache: spent, evaluate: micros() - from };
    if (answer.kind === "failed")
      return { kind: "failed", code: answer.code, detail: answer.detail, micros: times };
    const rules = answer.rules.map((index) => bundle.rules[index]?.id ?? `rule ${index}`);
    if (answer.kind === "undefined") return { kind: "evaluated", rules, cache: "none", micros: times };
    const { value } = answer;
    if (cache !== undefined && key !== undefined) {
      cache.noteEvaluation(entrypoint, times.evaluate);
      const ttl = lifetime(value, cacheTtl);
      if (ttl > 0) cache.store(key, { result: value, rules, expiresAt: now() + ttl * 1000 }, entrypoint);
    }
    return { kind: "evaluated", result: value, rules, cache: "none", micros: times };
  };

  return (bundle, entrypoint, input, tenant) => {
    const keyOf = bundle.entrypoints.get(entrypoint)?.key;
    if (cache === undefined || keyOf === undefined || input === undefined) {
      return evaluate(bundle, entrypoint, input, 0);
    }
    const from = micros();
    const key = keyOf(input, tenant);
    const found = cache.lookup(key, entrypoint);
    if (!(found instanceof Promise)) {
      const spent = micros() - from;
      return found === undefined
        ? evaluate(bundle, entrypoint, input, spent, key)
        : {
            kind: "evaluated",
            result: found.value.result,
            rules: found.value.rules,
            cache: found.level,
            micros: { cache: spent, evaluate: 0 },
          };
    }
    return found.then((late) => {
      const spent = micros() - from;
      if (late === undefined) return evaluate(bundle, entrypoint, input, spent, key);
      const { result, rules } = late.value;
      return { kind: "evaluated", result, rules, cache: late.level, micros: { cache: spent, evaluate: 0 } };
    });
  };
}

/** A decision may shorten its own life by `ttl` (seconds); 0 means that it must not be reused. */
function lifetime(value: unknown, most: number): number {
  if (typeof value === "object" && value !== null && "ttl" in value) {
    return typeof value.ttl === "number" && value.ttl >= 0 ? Math.min(value.ttl, most) : 0;
  }
  return most;
}
