import type { Decision, Refusal } from "../sidecar/contract.js";
import { challengeHeaders } from "./challenge.js";
import type { Exchange } from "./exchange.js";
import { decisionHeaders } from "./exchange.js";
import { send } from "./http.js";

/** Refuses in the gateway's own form, `{code, message, fix, decision_id, reasons}`: where no protocol has another. */
export function refusePlainly(exchange: Exchange, refusal: Refusal, decision?: Decision): void {
  const { code, message, fix, status } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  send(exchange.res, status, JSON.stringify({ code, message, fix, ...why }), {
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
}
