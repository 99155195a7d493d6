/** Describes what became of a decided call, linked to its decision by `decision_id`. */
import type { Outcome } from "../contract.js";
import { contentFacts } from "./content-facts.js";
import { retrievalFacts } from "./retrieval-facts.js";

export interface OutcomeRecord {
  readonly type: "outcome";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly outcome: Outcome;
  readonly requestedBy?: string;
}

/** Gives the fields of the outcome's event; only those of the contract are taken. */
export function outcomeFields({ at, outcome, requestedBy }: OutcomeRecord): Record<string, unknown> {
  const { decision_id, kind, status, duration_ms, upstream, credential, attempts, bytes } = outcome;
  const { usage, cost, stream, content, retrieval, labels } = outcome;
  return {
    type: "outcome",
    decision_id,
    reused: outcome.reused?.slice(0, 128),
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
    usage: usage && {
      input_tokens: usage.input_tokens,
      output_tokens: usage.output_tokens,
      cached_tokens: usage.cached_tokens,
      cache_write_tokens: usage.cache_write_tokens,
      reasoning_tokens: usage.reasoning_tokens,
      estimated: usage.estimated,
      asked: usage.asked,
    },
    cost: cost && {
      amount: cost.amount,
      currency: cost.currency,
      as_of: cost.as_of,
      source: cost.source,
      estimated: cost.estimated,
    },
    stream: stream && {
      first_token_ms: stream.first_token_ms,
      longest_wait_ms: stream.longest_wait_ms,
      tokens_per_second: stream.tokens_per_second,
    },
    content: content && contentFacts(content),
    retrieval: retrieval && retrievalFacts(retrieval),
    call_labels: labels && labels.slice(0, 64).map((label) => label.slice(0, 64)),
  };
}
