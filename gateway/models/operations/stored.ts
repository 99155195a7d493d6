/** Serves what an upstream keeps of a response: reading, deleting, cancelling; by who made it alone. */
import type { ActionName } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { besideObligations } from "../../enforce/beside.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody } from "../../http.js";
import { modelProperties } from "../classify.js";
import { refuseIn } from "../refuse.js";
import { isOwn, readId } from "./bind.js";
import { boundTo } from "./operation-manner.js";
import { passThrough } from "./pass-through.js";
import { responses } from "./responses.js";

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
  return passThrough(parts, exchange, {
    operation: responses,
    asks: {
      kind: "invoke",
      ...{ model: named.model, stream: false, body: {}, prompt: {} },
      call: {
        kind: "model",
        action: { name: action, properties: { phase: "request" } },
        resource: { type: "model", id: named.model, properties },
      },
    },
    manner: {
      // it is where it is: policy may forbid to go there, and can't have it done elsewhere
      obligations: ["restrict_regions", "restrict_providers", "mask", ...besideObligations],
      // what is read is an answer as any other
      ...{ duties: {}, words: responses.words, answers: "responses", fallsBack: false },
      named: (body) => body,
      speaks: () => false,
      speak(_body, { deployment, upstream, name, decision }) {
        if (upstream.protocol !== responses.protocol) return refuse("untranslatable", "the operation");
        const bound = boundTo(decision, deployment, name, parts.sessionSecret);
        if (bound === undefined || !isOwn(named, bound)) return refuse("unknown_response");
        const path = `${responses.path(upstream.url, named.model, false)}/${encodeURIComponent(named.id)}${behind}`;
        const headers = { accept: "application/json", ...responses.headers };
        return { kind: "spoken", method, path, headers, said: undefined };
      },
    },
    offered: (_body, answer = {}) => responses.offered(answer),
  });
}
