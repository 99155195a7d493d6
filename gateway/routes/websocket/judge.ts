/** Decides single messages of a connection: JSON text only, and what was decided is what is sent. */
import type { Call, Decision, Json } from "../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import type { Judge } from "./relay.js";

export interface JudgeParts {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly resource: Call["resource"];
}

/** Says why in a close frame: our code and the decision's id. */
export function reasonOf(decision: Decision | undefined): string {
  return decision === undefined ? "pdp_unavailable" : `${refusalOf(decision).code} ${decision.decision_id}`;
}

/** @param phase `request` for a message of the client, `response` for one of the upstream */
export function createJudge({ parts, exchange, resource }: JudgeParts, phase: "request" | "response"): Judge {
  return async (data, binary) => {
    if (binary) return { code: 1003, reason: "invalid_request" };
    let json: Json;
    try {
      json = parseJson(data);
    } catch {
      return { code: 1008, reason: "invalid_json" };
    }
    const call: Call = {
      kind: "route",
      action: { name: "websocket.message", properties: { phase, bytes: data.byteLength, json } },
      resource,
    };
    const [decision] = await askAbout(parts, exchange, [call], []);
    if (decision?.allow === true) return Buffer.from(stringifyJson(json));
    if (decision !== undefined)
      conclude(parts, exchange, decision, { kind: "route", outcome: "denied", status: 101 });
    return { code: 1008, reason: reasonOf(decision) };
  };
}
