import type { Decision, Json, Refusal } from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import type { Exchange } from "../exchange.js";
import { decisionHeaders } from "../exchange.js";
import { asksForMore, challengeHeaders } from "../challenge.js";
import { send } from "../http.js";

/** JSON-RPC codes: -32001 denied (COAZ profile), -32020 header mismatch (MCP 2026-07-28), the rest JSON-RPC's own. */
const rpcCodes: Readonly<Record<string, number>> = {
  header_mismatch: -32020,
  invalid_json: -32700,
  invalid_utf8: -32700,
  duplicate_key: -32600,
  too_deep: -32600,
  invalid_request: -32600,
  unknown_operation: -32601,
  internal_error: -32603,
  upstream_unavailable: -32603,
  upstream_timeout: -32603,
  upstream_invalid: -32603,
};

/** Writes a refusal as a JSON-RPC error. */
export function rpcError(refusal: Refusal, decision?: Decision, id: Json = null): string {
  const { code, message, fix } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  return stringifyJson({
    jsonrpc: "2.0",
    id,
    error: {
      code: rpcCodes[code] ?? -32001,
      message: `${message}; ${fix}`,
      data: { code, ...why } as unknown as Json,
    },
  });
}

/**
 * Refuses as a JSON-RPC error. That a request was decided and denied is an answer (200), so that clients
 * raise their McpError; who isn't identified, and what can't be decided, gets HTTP's own status.
 */
export function refuseTool(exchange: Exchange, refusal: Refusal, decision?: Decision, id?: Json): number {
  // a client that should come back with more looks at the status and at WWW-Authenticate
  const final = refusal.status === 403 && !asksForMore(refusal.code);
  const answered = decision !== undefined && final && id !== undefined && id !== null;
  const status = answered ? 200 : refusal.status;
  send(exchange.res, status, rpcError(refusal, decision, id), {
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
  return status;
}
