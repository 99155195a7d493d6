import type { Decision, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { challengeHeaders } from "../../challenge.js";
import type { GatewayConfig } from "../../config.js";
import type { Exchange } from "../../exchange.js";
import { decisionHeaders } from "../../exchange.js";
import { send } from "../../http.js";
import { sayRefusal } from "../../models/refuse.js";
import type { Adapter } from "../adapter.js";
import { adapters } from "../stores/registry.js";
import { matchStore } from "./match.js";

/** Refuses in a store's own words; where the store isn't known, as `{code, message, fix, decision_id, reasons}`. */
export function refuseStore(config: Pick<GatewayConfig, "stores">) {
  return (exchange: Exchange, refusal: Refusal, decision?: Decision): void => {
    const { name = "" } = matchStore(exchange.path) ?? {};
    const kind = config.stores.get(name)?.kind;
    refuseAs(kind === undefined ? undefined : adapters[kind], exchange, refusal, decision);
  };
}

export function refuseAs(
  adapter: Adapter | undefined,
  exchange: Exchange,
  refusal: Refusal,
  decision?: Decision,
): void {
  const { code, message, fix, status } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  const about = { code, fix, ...why } as unknown as JsonObject;
  const said = { ...refusal, message: sayRefusal(refusal, decision) };
  const body = adapter?.refuse(said, about) ?? { ...about, message };
  send(exchange.res, status, stringifyJson(body), {
    ...adapter?.headers,
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
    "cache-control": "private, no-store",
  });
}
