import type { Call, Decision, ErrorCode, Json, Obligation, PolicyInput } from "../contract.js";
import { labelsOf } from "./labels.js";
import type { ActiveBundle } from "../bundles/active.js";
import type { Asker } from "../decide/asker.js";
import type { CacheLookups, Evaluate, Evaluated } from "../decide/evaluate.js";
import type { PolicyDecision } from "../decide/parse-decision.js";
import type { Describer, Remembered } from "../describe/describe.js";
import { deriveFilters } from "../filters/derive.js";
import type { Derive, Filtered } from "../filters/derive.js";
import type { Identity } from "../contract.js";
import { judge } from "./judge.js";
import { after } from "./later.js";
import type { Question, StepMicros } from "./refusal.js";

export interface DraftParts {
  readonly describer: Describer;
  readonly evaluate: Evaluate;
  readonly derive: Derive;
  readonly entrypoint: string;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

/** What policy says of one call, before it is held against limits and what has changed meanwhile. */
export interface Draft {
  readonly call: Call;
  readonly input: PolicyInput;
  /** Absent where {@link refused} says why there is no decision. */
  readonly policy?: PolicyDecision;
  readonly refused?: ErrorCode;
  /** Duties that the sidecar has still to carry out. */
  readonly own: readonly Obligation[];
  /** What the task picks up. */
  readonly labels: readonly string[];
  readonly rules: readonly string[];
  readonly cache: Decision["cache"];
  readonly lookups?: CacheLookups;
  /** Epoch milliseconds: until when what was evaluated may be used; absent where nothing is known of it. */
  readonly expiresAt?: number | undefined;
}

/** Has one call evaluated, and its filters derived; at once where neither has to be waited for. */
export function draft(
  parts: DraftParts,
  { request, call }: Question,
  identity: Identity,
  asker: Asker,
  bundle: ActiveBundle,
  steps: StepMicros,
  remembered?: Remembered,
): Draft | Promise<Draft> {
  const { describer, evaluate, derive, entrypoint, micros } = parts;
  const from = micros();
  const input = describer.describe(identity, call, request.context, remembered);
  steps.describe = (steps.describe ?? 0) + micros() - from;
  const judged = (evaluated: Evaluated): Draft | Promise<Draft> => {
    noteTimes(steps, evaluated);
    const { lookups } = evaluated;
    const found = judge(evaluated, request.obligations, identity.assurance);
    if (found.kind === "refused") return nothing(call, input, lookups, found.code);
    const { policy, own, rules, cache } = found;
    const known = evaluated.kind === "evaluated" ? evaluated.expiresAt : undefined;
    const finished = (filtered: Filtered): Draft => {
      if (filtered.kind === "refused") return nothing(call, input, lookups, filtered.code);
      const labels = labelsOf(policy);
      if (labels === undefined) return nothing(call, input, lookups, "invalid_decision");
      const { obligations } = filtered;
      const expiresAt = soonest(known, filtered.expiresAt);
      const made = obligations === policy.obligations ? policy : { ...policy, obligations };
      return { call, input, policy: made, own, labels, rules, cache, lookups, expiresAt };
    };
    const { obligations } = policy;
    if (obligations.length === 0) return finished({ kind: "filtered", obligations });
    // a denial's duties are nobody's
    if (!policy.allow) return finished({ kind: "filtered", obligations: [] });
    return after(deriveFilters(derive, obligations, { bundle, input: asJson(input), asker }), finished);
  };
  return after(evaluate(bundle, entrypoint, asJson(input), asker), judged);
}

/** INVARIANT: a decision doesn't outlive the conditions that it brings. */
function soonest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : Math.min(one, other ?? Infinity);
}

function asJson(input: PolicyInput): Json {
  return input as unknown as Json;
}

function noteTimes(steps: StepMicros, { micros: { cache, evaluate } }: Evaluated): void {
  if (cache !== undefined) steps.cache = cache;
  if (evaluate !== undefined) steps.evaluate = evaluate;
}

function nothing(call: Call, input: PolicyInput, lookups: CacheLookups, refused: ErrorCode): Draft {
  return { call, input, own: [], labels: [], rules: [], cache: "none", lookups, refused };
}
