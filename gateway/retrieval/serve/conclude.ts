import type { Outcome } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { conclude, used } from "../../exchange.js";
import type { StoreConfig } from "../config.js";
import type { Ran } from "./turn.js";

/** Tells what became of each decision of a request, and counts documents. */
export function concludeAll(
  parts: GatewayParts,
  exchange: Exchange,
  store: StoreConfig,
  ran: Ran,
  { status, bytes }: { readonly status: number; readonly bytes?: number },
): void {
  const outcome = outcomeOf(ran);
  const asked = ran.kind === "refused" && outcome === "denied" ? {} : used(store.name, store.upstream);
  const told: Partial<Outcome> =
    ran.kind === "given"
      ? { retrieval: ran.facts, ...(ran.labels.length === 0 ? {} : { labels: ran.labels }) }
      : refusedAs(ran);
  for (const decision of ran.decisions) {
    const size = bytes === undefined ? {} : { bytes };
    conclude(parts, exchange, decision, { kind: "retrieval", outcome, status, ...size }, asked, told);
  }
  if (ran.kind !== "given") return;
  for (const result of ["given", "masked", "removed", "filtered"] as const) {
    const count = ran.facts[result];
    if (typeof count === "number" && count > 0) parts.metrics.gatewayDocuments(store.name, result, count);
  }
}

/** Why what policy allowed was refused: the decision doesn't say it. */
function refusedAs(ran: Ran): Partial<Outcome> {
  if (ran.kind !== "refused" || ran.refusal.code === "denied") return {};
  return { retrieval: { refused: ran.refusal.code } };
}

function outcomeOf(ran: Ran): Outcome["outcome"] {
  if (ran.kind === "given") return "forwarded";
  return ran.kind === "aborted" ? "client_disconnected" : ran.outcome;
}
