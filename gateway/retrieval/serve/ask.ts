import type { Decision } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import { describeAsk } from "./describe.js";
import { readRequestDuties, requestObligations } from "./duties.js";
import type { Prepared } from "./prepare.js";
import { prepare } from "./prepare.js";
import type { Allowed, Refused, Turn } from "./turn.js";
import { refusedBy } from "./turn.js";

/** The most things that one request may do, each a decision. */
const mostAsks = 64;

/** Asks for one decision for each thing that a request does: all must be allowed, and what they oblige to be possible. */
export async function askStore(
  { parts, exchange, store, operation, caller }: Turn,
  mostFetched: number,
): Promise<Allowed | Refused> {
  const { asks, route } = operation;
  if (asks.length === 0 || asks.length > mostAsks)
    return refusedBy([], refuse("retrieval_limit", `queries in one request: at most ${mostAsks}`));
  const calls = asks.map((ask) => describeAsk(store, route, ask));
  const { upstream } = store;
  const decisions: Decision[] =
    calls.length === 1 || upstream.assertion === undefined
      ? await askAbout(parts, exchange, calls, requestObligations, { upstream })
      : // what the upstream is told of the caller comes with one call alone
        (
          await Promise.all(
            calls.map((call) => askAbout(parts, exchange, [call], requestObligations, { upstream })),
          )
        ).flat();
  if (decisions.length !== asks.length) return refusedBy([], refuse("pdp_unavailable"));
  const denial = decisions.find(({ allow }) => !allow);
  if (denial !== undefined) return refusedBy(decisions, refusalOf(denial), "denied", denial);
  const prepared: Prepared[] = [];
  for (const [i, ask] of asks.entries()) {
    const decision = decisions[i];
    const duties = decision && readRequestDuties(decision.obligations);
    const one =
      duties === undefined
        ? refuse("obligation_unsatisfiable")
        : prepare(ask, duties, { caller, mostFetched });
    if (one.kind === "refusal") {
      const unmet = one.code === "obligation_unsatisfiable" ? one.code : "denied";
      return refusedBy(decisions, one, unmet, decision);
    }
    prepared.push(one);
  }
  return { kind: "allowed", decisions, prepared };
}
