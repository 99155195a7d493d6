/** What decisions on kept things may ask for beside: labels for the record, and that somebody is told. */
import type { Decision, Obligation } from "../../../sidecar/contract.js";
import type { Beside } from "../../enforce/beside.js";
import { answerObligations, takeBeside } from "../../enforce/beside.js";
import type { GatewayParts } from "../../exchange.js";
import { hooksOf, tell } from "../inspect.js";

export const keptObligations = answerObligations;

export interface Owed {
  readonly decision: Decision;
  readonly beside: Beside;
  /** What else there is to do. */
  readonly others: readonly Obligation[];
}

/** Reads it; undefined where one isn't understood, which denies. */
export function owed(
  parts: GatewayParts,
  decision: Decision,
  obligations: readonly Obligation[] = decision.obligations,
): Owed | undefined {
  const taken = takeBeside(obligations, { answer: undefined, scans: false, hasHook: hooksOf(parts) });
  return taken && { decision, ...taken };
}

/** Does it, last, so that nobody is told of what isn't done; false where somebody who must be told isn't. */
export async function pay(parts: GatewayParts, all: readonly Owed[]): Promise<boolean> {
  for (const { decision, beside } of all) if (!(await tell(parts, beside, decision, "request"))) return false;
  return true;
}

/** What the outcome says. */
export function labelsOf(decision: Decision, { beside }: Partial<Owed> = {}): { labels?: readonly string[] } {
  const labels = [...new Set([...decision.labels, ...(beside?.labels ?? [])])];
  return labels.length === 0 ? {} : { labels };
}
