import type { Decision, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange } from "../exchange.js";
import { decisionHeaders } from "../exchange.js";
import { asksForMore, challengeHeaders } from "../challenge.js";
import { send } from "../http.js";
import type { Era } from "./links/link.js";
import { supportedVersions } from "./mcp/methods.js";

/**
 * JSON-RPC codes: -32001 denied (COAZ profile), -32020 header mismatch and -32022 unsupported version (MCP 2026-07-28),
 * the rest JSON-RPC's own.
 */
const rpcCodes: Readonly<Record<string, number>> = {
  header_mismatch: -32020,
  unsupported_version: -32022,
  invalid_json: -32700,
  invalid_utf8: -32700,
  duplicate_key: -32600,
  too_deep: -32600,
  invalid_request: -32600,
  request_under_way: -32600,
  unknown_method: -32601,
  unknown_operation: -32601,
  invalid_params: -32602,
  invalid_arguments: -32602,
  unknown_tool: -32602,
  unknown_prompt: -32602,
  unknown_resource: -32602,
  unknown_request_state: -32602,
  internal_error: -32603,
  // as the language server protocol has it; MCP has none
  request_cancelled: -32800,
  upstream_unavailable: -32603,
  upstream_timeout: -32603,
  upstream_invalid: -32603,
};

/** What is wrong with a request that is otherwise understood: its answer is an answer (HTTP 200). */
const inBand: ReadonlySet<string> = new Set([
  ...["invalid_arguments", "unknown_tool", "unknown_prompt", "unknown_resource", "unknown_request_state"],
  ...["request_cancelled", "upstream_unavailable", "upstream_timeout", "upstream_invalid"],
]);

/** Gives a refusal as a JSON-RPC error. */
export function rpcErrorOf(refusal: Refusal, decision?: Decision, id: Json = null): JsonObject {
  const { code, message, fix } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  const versions = code === "unsupported_version" ? { supported: [...supportedVersions] } : {};
  return {
    jsonrpc: "2.0",
    id,
    error: {
      code: rpcCodes[code] ?? -32001,
      message: `${message}; ${fix}`,
      data: { code, ...versions, ...why } as unknown as Json,
    },
  };
}

/** Writes a refusal as a JSON-RPC error. */
export function rpcError(refusal: Refusal, decision?: Decision, id: Json = null): string {
  return stringifyJson(rpcErrorOf(refusal, decision, id));
}

/**
 * Refuses as a JSON-RPC error. That a request was decided and denied is an answer (200), so that clients
 * raise their McpError; who isn't identified, and what can't be decided, gets HTTP's own status.
 */
export function refuseTool(
  exchange: Exchange,
  refusal: Refusal,
  decision?: Decision,
  id?: Json,
  era: Era = "session",
): number {
  const asked = id !== undefined && id !== null;
  // a client that should come back with more looks at the status and at WWW-Authenticate
  const final = refusal.status === 403 && !asksForMore(refusal.code);
  // up to 2025-11-25, 404 means that the session is gone
  const noMethod = refusal.code === "unknown_method" && era === "session";
  const answered = asked && ((decision !== undefined && final) || inBand.has(refusal.code) || noMethod);
  const status = answered ? 200 : refusal.status;
  const error = rpcErrorOf(refusal, decision, id);
  if (refusal.code === "unsupported_version") addRequested(exchange, error);
  send(exchange.res, status, stringifyJson(error), {
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
  return status;
}

/** The revision that was asked for is repeated, as MCP wants, where it looks like one. */
function addRequested({ req }: Exchange, { error }: JsonObject): void {
  const requested = req.headers["mcp-protocol-version"];
  const data = isObject(error) ? error["data"] : undefined;
  if (isObject(data) && typeof requested === "string" && /^[\w.-]{1,32}$/.test(requested))
    data["requested"] = requested;
}
