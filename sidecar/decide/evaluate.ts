import type { ActiveBundle } from "../bundles/active.js";
import type { CacheLevel, ErrorCode, Json } from "../contract.js";
import type { DecisionCache, Found } from "./cache/layered.js";
import type { Answer } from "./answer.js";

/** What each cache level answered; a level that wasn't asked is left out. */
export interface CacheLookups {
  readonly l1?: "hit" | "miss" | "bypass";
  readonly l2?: "hit" | "miss";
}

/** Microseconds per step; a step that did not run is left out. */
export interface EvaluateMicros {
  readonly cache?: number;
  readonly evaluate?: number;
}

/** What an entrypoint gave, and where from. `result` is absent where the entrypoint is undefined. */
export type Evaluated =
  | {
      readonly kind: "evaluated";
      readonly result?: Json;
      /** Ids of the annotated rules that held. */
      readonly rules: readonly string[];
      readonly cache: CacheLevel;
      readonly lookups: CacheLookups;
      readonly micros: EvaluateMicros;
    }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly lookups: CacheLookups;
      readonly micros: EvaluateMicros;
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
 * Answers an entrypoint through the cache or by evaluating it. Synchronous unless Redis or, by `http.send`, the network is asked.
 * Only successful results are stored: a failure or an undefined result is evaluated anew each time.
 */
export function createEvaluate({ cache, cacheTtl, now, micros }: EvaluateParts): Evaluate {
  const evaluate = (
    question: Question,
    lookups: CacheLookups,
    asked?: Asked,
  ): Evaluated | Promise<Evaluated> => {
    const { bundle, entrypoint, input } = question;
    const from = micros();
    const outcome = bundle.policy.evaluate(entrypoint, input);
    return outcome.kind === "pending"
      ? outcome.settled.then((answer) => finished(question, lookups, asked, answer, micros() - from))
      : finished(question, lookups, asked, outcome, micros() - from);
  };
  const finished = (
    { bundle, entrypoint }: Question,
    lookups: CacheLookups,
    asked: Asked | undefined,
    answer: Answer,
    spent: number,
  ): Evaluated => {
    const times = asked === undefined ? { evaluate: spent } : { cache: asked.micros, evaluate: spent };
    if (answer.kind === "failed") {
      return { kind: "failed", code: answer.code, detail: answer.detail, lookups, micros: times };
    }
    const rules = answer.rules.map((index) => bundle.rules[index]?.id ?? `rule ${index}`);
    if (answer.kind === "undefined")
      return { kind: "evaluated", rules, cache: "none", lookups, micros: times };
    const { value } = answer;
    if (asked !== undefined) {
      asked.cache.noteEvaluation(entrypoint, spent);
      const ttl = lifetime(value, cacheTtl);
      if (ttl > 0) {
        asked.cache.store(asked.key, { result: value, rules, expiresAt: now() + ttl * 1000 }, entrypoint);
      }
    }
    return { kind: "evaluated", result: value, rules, cache: "none", lookups, micros: times };
  };

  return (bundle, entrypoint, input, tenant) => {
    const question = { bundle, entrypoint, input };
    const keyOf = bundle.entrypoints.get(entrypoint)?.key;
    if (cache === undefined || keyOf === undefined || input === undefined) {
      return evaluate(question, { l1: "bypass" });
    }
    const from = micros();
    const key = keyOf(input, tenant);
    const finish = (found: Found | undefined, lookups: CacheLookups): Evaluated | Promise<Evaluated> => {
      const spent = micros() - from;
      if (found === undefined) return evaluate(question, lookups, { cache, key, micros: spent });
      const { result, rules } = found.value;
      return { kind: "evaluated", result, rules, cache: found.level, lookups, micros: { cache: spent } };
    };
    const found = cache.lookup(key, entrypoint);
    if (!(found instanceof Promise)) return finish(found, { l1: found === undefined ? "miss" : "hit" });
    return found.then((late) => finish(late, { l1: "miss", l2: late?.level === "l2" ? "hit" : "miss" }));
  };
}

/** A lookup that found nothing: where to store what the evaluation gives. */
interface Asked {
  readonly cache: DecisionCache;
  readonly key: string;
  readonly micros: number;
}

interface Question {
  readonly bundle: ActiveBundle;
  readonly entrypoint: string;
  readonly input: Json | undefined;
}

/** A decision may shorten its own life by `ttl` (seconds); 0 means that it must not be reused. */
function lifetime(value: unknown, most: number): number {
  if (typeof value === "object" && value !== null && "ttl" in value) {
    return typeof value.ttl === "number" && value.ttl >= 0 ? Math.min(value.ttl, most) : 0;
  }
  return most;
}
