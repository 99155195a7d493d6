import type { ActiveBundle } from "../bundles/active.js";
import type { CacheLevel, ErrorCode, Json } from "../contract.js";
import { isObject, Scanned } from "../contract.js";
import type { Asker } from "./asker.js";
import type { Outcome } from "./cache/cache.js";
import type { DecisionCache, Found } from "./cache/layered.js";
import type { BypassReason } from "./cache/tally.js";
import type { Warm } from "./cache/warm.js";
import type { Answer, Fault } from "./answer.js";

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
      /** Epoch milliseconds: until when the result may be used; absent where nothing is known of it. */
      readonly expiresAt?: number;
      /** Result and rules as they are kept, for what a door prepares of them. */
      readonly outcome?: Outcome;
      readonly lookups: CacheLookups;
      readonly micros: EvaluateMicros;
    }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly detail: string;
      readonly fault?: Fault;
      readonly lookups: CacheLookups;
      readonly micros: EvaluateMicros;
    };

export interface EvaluateParts {
  readonly cache?: DecisionCache;
  /** Longest life of a cached result in seconds; a result's own `ttl` and METADATA shorten it. */
  readonly cacheTtl: number;
  /** Longest life of a denial, seconds. */
  readonly denyTtl: number;
  /** Keeps what is asked most, to be asked again by a new bundle. */
  readonly warm?: Warm;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

export type Evaluate = (
  bundle: ActiveBundle,
  entrypoint: string,
  /** As a value, or as bytes of which what the entrypoint's facts name was read. */
  input: Json | Scanned | undefined,
  asker: Asker,
) => Evaluated | Promise<Evaluated>;

/**
 * Answers an entrypoint through the cache or by evaluating it. Synchronous unless Redis or, by `http.send`, the network is asked.
 * Only successful results are stored: a failure or an undefined result is evaluated anew each time.
 */
export function createEvaluate({ cache, cacheTtl, denyTtl, warm, now, micros }: EvaluateParts): Evaluate {
  const evaluate = (
    question: Question,
    lookups: CacheLookups,
    asked?: Asked,
  ): Evaluated | Promise<Evaluated> => {
    const { bundle, entrypoint, input } = question;
    const from = micros();
    const outcome = bundle.policy.evaluate(entrypoint, input);
    if (outcome.kind !== "pending") return finished(question, lookups, asked, outcome, micros() - from);
    const settled = outcome.settled.then((answer) =>
      finished(question, lookups, asked, answer, micros() - from),
    );
    // who asks the same meanwhile waits for it
    asked?.cache.wait(asked.key, settled);
    return settled;
  };
  const finished = (
    { bundle, entrypoint }: Question,
    lookups: CacheLookups,
    asked: Asked | undefined,
    answer: Answer,
    spent: number,
  ): Evaluated => {
    const times = asked === undefined ? { evaluate: spent } : { cache: asked.micros, evaluate: spent };
    const past = (reason: BypassReason): void => {
      if (asked !== undefined) asked.cache.tally(entrypoint).bypass(reason);
    };
    if (answer.kind === "failed") {
      past("failed");
      const { code, detail, fault } = answer;
      return {
        kind: "failed",
        ...{ code, detail, lookups, micros: times },
        ...(fault === undefined ? {} : { fault }),
      };
    }
    const rules = answer.rules.map((index) => bundle.rules[index]?.id ?? `rule ${index}`);
    if (answer.kind === "undefined") {
      past("undefined");
      return { kind: "evaluated", rules, cache: "none", lookups, micros: times };
    }
    const { value, until } = answer;
    const at = now();
    const wish = bundle.entrypoints.get(entrypoint)?.facts.cache?.ttl ?? cacheTtl;
    const most = Math.min(cacheTtl, wish, allows(value) ? cacheTtl : denyTtl);
    const expiresAt = Math.min(at + lifetime(value, most) * 1000, until ?? Infinity);
    let outcome: Outcome | undefined;
    if (asked !== undefined) {
      asked.cache.noteEvaluation(entrypoint, spent);
      // INVARIANT: what stands under a key is made from the data that the key names
      const isCurrent = asked.dataVersion === bundle.dataVersion();
      if (isCurrent && expiresAt > at) {
        const kept = { result: value, rules, expiresAt };
        ({ outcome } = asked.cache.store(asked.key, kept, entrypoint, asked.tenant));
      } else past(isCurrent ? "result_ttl" : "changed");
    }
    return {
      kind: "evaluated",
      ...{ result: value, rules, cache: "none", lookups, micros: times },
      ...(outcome === undefined ? {} : { outcome }),
      ...(until === undefined ? {} : { expiresAt: until }),
    };
  };

  return (bundle, entrypoint, input, asker) => {
    const question = { bundle, entrypoint, input };
    const active = bundle.entrypoints.get(entrypoint);
    const keyOf = active?.key;
    if (cache === undefined || keyOf === undefined || input === undefined) {
      cache?.tally(entrypoint).bypass(keyOf === undefined ? unkept(bundle, entrypoint) : "no_input");
      return evaluate(question, { l1: "bypass" });
    }
    const from = micros();
    const dataVersion = bundle.dataVersion();
    const read = input instanceof Scanned ? input.read : input;
    const key = keyOf(read, asker);
    if (key === undefined) {
      cache.tally(entrypoint).bypass("scope");
      return evaluate(question, { l1: "bypass" });
    }
    const { tenant } = asker;
    const finish = (found: Found | undefined, lookups: CacheLookups): Evaluated | Promise<Evaluated> => {
      const spent = micros() - from;
      if (found === undefined) {
        cache.tally(entrypoint).splits.note(active?.facts.input ?? [], read);
        return evaluate(question, lookups, { cache, key, tenant, dataVersion, micros: spent });
      }
      warm?.note(key, bundle.name, entrypoint, input, asker);
      const { result, rules, expiresAt, outcome } = found.value;
      const { level } = found;
      const times = { cache: spent };
      return { kind: "evaluated", result, rules, cache: level, expiresAt, outcome, lookups, micros: times };
    };
    const found = cache.lookup(key, entrypoint, tenant);
    if (!(found instanceof Promise)) return finish(found, { l1: found === undefined ? "miss" : "hit" });
    return found.then((late) => finish(late, { l1: "miss", l2: late?.level === "l2" ? "hit" : "miss" }));
  };
}

/** A lookup that found nothing: where to store what the evaluation gives. */
interface Asked {
  readonly cache: DecisionCache;
  readonly key: string;
  /** On whose account it is kept. */
  readonly tenant: string;
  /** Of the data that the key names. */
  readonly dataVersion: number;
  readonly micros: number;
}

interface Question {
  readonly bundle: ActiveBundle;
  readonly entrypoint: string;
  readonly input: Json | Scanned | undefined;
}

/** Says why an entrypoint has no keys. */
function unkept(bundle: ActiveBundle, entrypoint: string): BypassReason {
  const facts = bundle.entrypoints.get(entrypoint)?.facts;
  if (facts?.cache?.ttl === 0) return "ttl";
  return (facts?.nondeterministic.length ?? 0) > 0 ? "nondeterministic" : "foreign";
}

/** Tells what allows, or decides nothing, from a denial: `false`, or an object whose `allow` is anything but true. */
function allows(value: Json): boolean {
  if (value === false) return false;
  return !isObject(value) || !Object.hasOwn(value, "allow") || value["allow"] === true;
}

/** A decision may shorten its own life by `ttl` (seconds); 0 means that it must not be reused. */
function lifetime(value: Json, most: number): number {
  if (!isObject(value) || !Object.hasOwn(value, "ttl")) return most;
  const { ttl } = value;
  return typeof ttl === "number" && ttl >= 0 ? Math.min(ttl, most) : 0;
}
