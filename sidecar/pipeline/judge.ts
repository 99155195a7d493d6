import type { Assurance, Decision, ErrorCode, Json, Obligation } from "../contract.js";
import { assurances } from "../contract.js";
import type { Evaluated } from "../decide/evaluate.js";
import type { PolicyDecision } from "../decide/parse-decision.js";
import { parseDecision } from "../decide/parse-decision.js";

/** What an evaluation comes to: a policy's decision that can be carried out, or why there is none. */
export type Judged =
  | {
      readonly kind: "judged";
      readonly policy: PolicyDecision;
      /** What only the sidecar can carry out, and has still to. */
      readonly own: readonly Obligation[];
      readonly rules: readonly string[];
      readonly cache: Decision["cache"];
    }
  | { readonly kind: "refused"; readonly code: ErrorCode };

/** The obligations that the sidecar carries out itself; of a denial, `fence` only. */
const ownTypes: ReadonlySet<string> = new Set(["require_assurance", "limit", "remove_labels", "fence"]);

const none: readonly never[] = Object.freeze([]);

/** INVARIANT: deny is the fall-through; only a well-formed result whose obligations can be met gets out. */
export function judge(evaluated: Evaluated, capabilities: readonly string[], assurance: Assurance): Judged {
  // evaluation error or budget
  if (evaluated.kind === "failed") return { kind: "refused", code: evaluated.code };
  // no rule gave a decision
  if (evaluated.result === undefined) return { kind: "refused", code: "undefined_decision" };
  const policy = readDecision(evaluated.result);
  // the policy's answer isn't a decision
  if (policy === undefined) return { kind: "refused", code: "invalid_decision" };
  const { rules, cache } = evaluated;
  const { obligations } = policy;
  // most decisions have none at all
  if (obligations.length === 0) return { kind: "judged", policy, own: none, rules, cache };
  const mine = obligations.some(({ type }) => ownTypes.has(type));
  const duties = mine ? obligations.filter(({ type }) => !ownTypes.has(type)) : obligations;
  const own = mine ? obligations.filter(({ type }) => ownTypes.has(type)) : [];
  if (!policy.allow) {
    const fences = own.filter(({ type }) => type === "fence");
    return { kind: "judged", policy: { ...policy, obligations: duties }, own: fences, rules, cache };
  }
  // the caller must have proved itself more strongly
  const unmet = unmetAssurance(own, assurance);
  if (unmet !== undefined) return { kind: "refused", code: unmet };
  // a duty that this enforcement point can't carry out
  if (duties.some(({ type }) => !capabilities.includes(type))) {
    return { kind: "refused", code: "obligation_unsatisfiable" };
  }
  const others = mine ? own.filter(({ type }) => type !== "require_assurance") : own;
  return { kind: "judged", policy: { ...policy, obligations: duties }, own: others, rules, cache };
}

/** What is kept in memory is frozen all through, and comes again. */
const read = new WeakMap<object, PolicyDecision>();

function readDecision(result: Json): PolicyDecision | undefined {
  if (typeof result !== "object" || result === null || !Object.isFrozen(result)) return parseDecision(result);
  const known = read.get(result);
  if (known !== undefined) return known;
  const policy = parseDecision(result);
  if (policy !== undefined) read.set(result, Object.freeze(policy));
  return policy;
}

/**
 * Carries out `require_assurance` `{assurance}`, how strongly the caller must have proved itself. It applies to each
 * request, also where the decision comes from the cache.
 */
function unmetAssurance(own: readonly Obligation[], assurance: Assurance): ErrorCode | undefined {
  for (const { type, properties } of own) {
    if (type !== "require_assurance") continue;
    const { assurance: wanted, ...others } = properties;
    const least = assurances.findIndex((one) => one === wanted);
    // a duty that isn't understood isn't done
    if (least < 0 || Object.keys(others).length > 0) return "obligation_unsatisfiable";
    if (assurances.indexOf(assurance) < least) return "insufficient_assurance";
  }
  return undefined;
}
