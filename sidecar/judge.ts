import type { Assurance, Decision, ErrorCode, Obligation } from "./contract.js";
import { assurances } from "./contract.js";
import type { Evaluated } from "./decide/evaluate.js";
import type { PolicyDecision } from "./decide/parse-decision.js";
import { parseDecision } from "./decide/parse-decision.js";

/** What an evaluation comes to: a policy's decision that can be carried out, or why there is none. */
export type Judged =
  | { kind: "judged"; policy: PolicyDecision; rules: readonly string[]; cache: Decision["cache"] }
  | { kind: "refused"; code: ErrorCode };

/** INVARIANT: deny is the fall-through; only a well-formed result whose obligations the PEP can meet gets out. */
export function judge(evaluated: Evaluated, capabilities: readonly string[], assurance: Assurance): Judged {
  // evaluation error or budget
  if (evaluated.kind === "failed") return { kind: "refused", code: evaluated.code };
  // no rule gave a decision
  if (evaluated.result === undefined) return { kind: "refused", code: "undefined_decision" };
  const policy = parseDecision(evaluated.result);
  // the policy's answer isn't a decision
  if (policy === undefined) return { kind: "refused", code: "invalid_decision" };
  // a duty that this enforcement point can't carry out
  const { duties, unmet } = ownDuties(policy.obligations, assurance);
  if (policy.allow && unmet !== undefined) return { kind: "refused", code: unmet };
  if (policy.allow && duties.some(({ type }) => !capabilities.includes(type))) {
    return { kind: "refused", code: "obligation_unsatisfiable" };
  }
  const { rules, cache } = evaluated;
  return { kind: "judged", policy: { ...policy, obligations: duties }, rules, cache };
}

/**
 * Carries out what only the sidecar can: `require_assurance` `{assurance}`, how strongly the caller must have proved
 * itself. It applies to each request, also where the decision comes from the cache.
 */
function ownDuties(
  obligations: readonly Obligation[],
  assurance: Assurance,
): { readonly duties: readonly Obligation[]; readonly unmet?: ErrorCode } {
  const own = obligations.filter(({ type }) => type === "require_assurance");
  if (own.length === 0) return { duties: obligations };
  const duties = obligations.filter((one) => !own.includes(one));
  for (const { properties } of own) {
    const { assurance: wanted, ...others } = properties;
    const least = assurances.findIndex((one) => one === wanted);
    // a duty that isn't understood isn't done
    if (least < 0 || Object.keys(others).length > 0) return { duties, unmet: "obligation_unsatisfiable" };
    if (assurances.indexOf(assurance) < least) return { duties, unmet: "insufficient_assurance" };
  }
  return { duties };
}
