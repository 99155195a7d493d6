/** Serves what an upstream keeps of a response: reading, deleting, cancelling; by who made it alone. */
import type { ActionName } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody } from "../../http.js";
import { modelProperties } from "../classify.js";
import { refuseIn } from "../refuse.js";
import { isOwn, readId } from "./bind.js";
import { responses } from "./responses.js";
import { decideOn, passThrough } from "./serve.js";

export const storedActions = {
  read: { action: "response.read", method: "GET", behind: "" },
  delete: { action: "response.delete", method: "DELETE", behind: "" },
  cancel: { action: "response.cancel", method: "POST", behind: "/cancel" },
} as const satisfies Record<string, { action: ActionName; method: string; behind: string }>;
export type StoredAction = keyof typeof storedActions;

/** Serves `GET` and `DELETE /v1/responses/{id}`, `POST /v1/responses/{id}/cancel`. */
export async function serveStored(
  parts: GatewayParts,
  exchange: Exchange,
  what: StoredAction,
  sealed: string,
): Promise<void> {
  const refuseHere = refuseIn(responses.speaker);
  const { action, method, behind } = storedActions[what];
  if (bringsBody(exchange.req)) return refuseHere(exchange, refuse("invalid_request", "it takes no body"));
  const named = readId(sealed);
  if (named === undefined) return refuseHere(exchange, refuse("unknown_response"));
  const properties = modelProperties(parts.config.models.get(named.model));
  const attempt = await decideOn(
    parts,
    exchange,
    { ...responses, duties: {} },
    {
      model: named.model,
      call: {
        kind: "model",
        action: { name: action, properties: { phase: "request" } },
        resource: { type: "model", id: named.model, properties },
      },
    },
  );
  if (attempt === undefined) return;
  const { decision, bound, upstream } = attempt;
  if (decision.obligations.length > 0)
    return attempt.refuse(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  if (bound === undefined || !isOwn(named, bound))
    return attempt.refuse(refuse("unknown_response"), "denied");
  return passThrough(parts, exchange, responses, attempt, {
    method,
    path: `${responses.path(upstream.url, named.model, false)}/${encodeURIComponent(named.id)}${behind}`,
    stream: false,
    offered: responses.offered,
  });
}
