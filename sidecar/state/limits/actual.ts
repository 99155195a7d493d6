/** What an outcome says that a call used. */
import type { LimitUnit, Outcome } from "../../contract.js";
import type { Actual } from "../engine/engine.js";
import { readNanos } from "./nanos.js";

/**
 * Reads an outcome. What came counts, also where it ended badly; what was held beyond comes back. Where a call was carried
 * out and nobody says what it used, it counts as what was held.
 */
export function actualOf(outcome: Outcome): Actual {
  const { usage, cost, retrieval } = outcome;
  const done = wasDone(outcome) ? 1 : 0;
  const known = !mayHaveUsed(outcome);
  // a batch is as many requests as it held
  const asHeld = outcome.kind === "model" && usage === undefined && !known;
  const units: Partial<Record<LimitUnit, number>> = {
    ...(asHeld ? {} : { requests: done, tool_calls: done, iterations: done, distinct_tools: done }),
    concurrent: 0,
  };
  if (usage !== undefined) {
    units.input_tokens = usage.input_tokens;
    units.output_tokens = usage.output_tokens;
    units.tokens = Math.min(Number.MAX_SAFE_INTEGER, usage.input_tokens + usage.output_tokens);
  }
  const nanos = cost === undefined ? undefined : readNanos(cost.amount);
  if (nanos !== undefined) units.cost = nanos;
  const given = retrieval?.["given"];
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= 0) units.chunks = given;
  const currency = nanos === undefined ? undefined : cost?.currency;
  return { units, ...(currency === undefined ? {} : { currency }), known };
}

/** A request that nobody could serve isn't held against who made it; one that was wrong is. */
function wasDone({ outcome, kind, status, upstream, usage }: Outcome): boolean {
  if (usage !== undefined) return true;
  switch (outcome) {
    case "forwarded":
    case "client_disconnected":
      // of a model's calls, one that another decision took the place of asked nobody
      return kind !== "model" || upstream !== undefined;
    case "upstream_error":
      return status >= 400 && status < 500;
    case "upstream_timeout":
      return false;
    case "denied":
    case "obligation_unsatisfiable":
      // a tool, or an agent, that was asked did what it does, whoever may see its answer
      return (kind === "tool" || kind === "agent") && upstream !== undefined;
  }
}

/** Whether an upstream may have worked for it without our knowing how much. */
function mayHaveUsed({ outcome, kind, upstream }: Outcome): boolean {
  if (outcome !== "forwarded" && outcome !== "client_disconnected") return false;
  return kind !== "model" || upstream !== undefined;
}
