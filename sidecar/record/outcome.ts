/** Describes what became of a decided call, linked to its decision by `decision_id`. */
import type { Outcome } from "../contract.js";

export interface OutcomeRecord {
  readonly type: "outcome";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly outcome: Outcome;
  readonly requestedBy?: string;
}

/** Gives the fields of the outcome's event; only those of the contract are taken. */
export function outcomeFields({ at, outcome, requestedBy }: OutcomeRecord): Record<string, unknown> {
  const { decision_id, kind, status, duration_ms, upstream, credential, attempts, bytes, usage } = outcome;
  return {
    type: "outcome",
    decision_id,
    timestamp: new Date(at).toISOString(),
    requested_by: requestedBy,
    outcome: outcome.outcome,
    kind,
    status,
    duration_ms,
    upstream: upstream === undefined ? undefined : upstream.slice(0, 128),
    upstream_credential: credential === undefined ? undefined : credential.slice(0, 128),
    attempts,
    bytes,
    usage: usage && { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens },
  };
}
