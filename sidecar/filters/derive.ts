/**
 * Turns the obligation `filter` `{include}`, which names a rule, into `{condition}`: what that rule asks of a document
 * for this caller. The rule's twin, made when the bundle was built, is evaluated as any other entrypoint, through the same cache.
 */
import type { ActiveBundle } from "../bundles/active.js";
import { filterRoot } from "../bundles/active.js";
import type { Condition, ErrorCode, Json, Obligation } from "../contract.js";
import type { Asker } from "../decide/asker.js";
import type { Evaluate, Evaluated } from "../decide/evaluate.js";
import { conditionOf } from "./condition-of.js";
import type { Derived } from "./condition-of.js";

export type Filtered =
  | {
      readonly kind: "filtered";
      readonly obligations: readonly Obligation[];
      /** Epoch milliseconds: until when what was derived may be used; absent where nothing is known of it. */
      readonly expiresAt?: number;
    }
  | { readonly kind: "refused"; readonly code: ErrorCode };

/** Derives one rule's condition. INVARIANT: each failure is a refusal, never a wider condition. */
export type Derive = (
  bundle: ActiveBundle,
  include: string,
  input: Json,
  asker: Asker,
) => Derivation | Promise<Derivation>;

export type Derivation =
  | {
      readonly kind: "derived";
      readonly condition: Condition;
      /** As of {@link Filtered}. */
      readonly expiresAt?: number;
    }
  | { readonly kind: "refused"; readonly code: ErrorCode };

export function createDerive(evaluate: Evaluate): Derive {
  /** A cached result is the same object again. */
  const known = new WeakMap<object, Derived>();
  const read = (value: Json | undefined): Derived => {
    if (typeof value !== "object" || value === null) return conditionOf(value);
    let derived = known.get(value);
    if (derived === undefined) known.set(value, (derived = conditionOf(value)));
    return derived;
  };
  const finish = (evaluated: Evaluated): Derivation => {
    if (evaluated.kind === "failed") return { kind: "refused", code: "filter_failed" };
    const derived = read(evaluated.result);
    const { expiresAt } = evaluated;
    switch (derived.kind) {
      case "derived":
        return expiresAt === undefined ? derived : { ...derived, expiresAt };
      case "too_large":
        return { kind: "refused", code: "filter_too_large" };
      case "unsupported":
        return { kind: "refused", code: "filter_failed" };
    }
  };
  return (bundle, include, input, asker) => {
    const entrypoint = `${filterRoot}/${include}`;
    if (!bundle.entrypoints.has(entrypoint)) return { kind: "refused", code: "filter_unknown" };
    const evaluated = evaluate(bundle, entrypoint, input, asker);
    return evaluated instanceof Promise ? evaluated.then(finish) : finish(evaluated);
  };
}

/** Replaces what names rules in a decision's obligations; the others stay as they are. */
export function deriveFilters(
  derive: Derive,
  obligations: readonly Obligation[],
  asked: { readonly bundle: ActiveBundle; readonly input: Json; readonly asker: Asker },
): Filtered | Promise<Filtered> {
  if (!obligations.some(namesRule)) return { kind: "filtered", obligations };
  const found = obligations.map((one): Obligation | Made | Promise<Made> => {
    if (!namesRule(one)) return one;
    const { include, ...others } = one.properties;
    // what isn't understood isn't done
    if (typeof include !== "string" || Object.keys(others).length > 0)
      return { made: { kind: "refused", code: "obligation_unsatisfiable" }, of: one };
    const made = derive(asked.bundle, include, asked.input, asked.asker);
    return made instanceof Promise ? made.then((late) => ({ made: late, of: one })) : { made, of: one };
  });
  return found.some((one) => one instanceof Promise)
    ? Promise.all(found).then(gather)
    : gather(found as (Obligation | Made)[]);
}

interface Made {
  readonly made: Derivation;
  readonly of: Obligation;
}

function gather(found: readonly (Obligation | Made)[]): Filtered {
  const obligations: Obligation[] = [];
  let expiresAt = Infinity;
  for (const one of found) {
    if (!("made" in one)) obligations.push(one);
    else if (one.made.kind === "refused") return one.made;
    else {
      const condition = one.made.condition as unknown as Json;
      expiresAt = Math.min(expiresAt, one.made.expiresAt ?? Infinity);
      obligations.push({ ...one.of, properties: { condition } });
    }
  }
  return { kind: "filtered", obligations, ...(expiresAt === Infinity ? {} : { expiresAt }) };
}

function namesRule({ type, properties }: Obligation): boolean {
  return type === "filter" && Object.hasOwn(properties, "include");
}
