/** Errors in A2A's words. Sources: A2A 1.0, sections 5.4, 9.5 and 11.6. */
import type { Decision, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import type { Version } from "./methods.js";
import { made } from "./wire/v1.js";

/** What is told of a fault: nothing of an agent's own words. */
export interface Fault {
  /** JSON-RPC's code. */
  readonly code: number;
  readonly reason: string;
  readonly status: number;
  readonly message: string;
}

const fault = (code: number, reason: string, status: number, message: string): Fault => ({
  ...{ code, reason, status, message },
});

/** What an agent may answer instead of a result, by its code; any other is no answer. */
const known: readonly Fault[] = [
  fault(-32001, "TASK_NOT_FOUND", 404, "Task not found"),
  fault(-32002, "TASK_NOT_CANCELABLE", 400, "Task cannot be canceled"),
  fault(-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400, "Push Notification is not supported"),
  fault(-32004, "UNSUPPORTED_OPERATION", 400, "This operation is not supported"),
  fault(-32005, "CONTENT_TYPE_NOT_SUPPORTED", 400, "Incompatible content types"),
  fault(-32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED", 400, "Extended Agent Card is not configured"),
  fault(-32008, "EXTENSION_SUPPORT_REQUIRED", 400, "An extension is required"),
  fault(-32009, "VERSION_NOT_SUPPORTED", 400, "This version of the protocol is not supported"),
  fault(-32601, "METHOD_NOT_FOUND", 404, "Method not found"),
  fault(-32602, "INVALID_PARAMS", 400, "Invalid parameters"),
];

/** Finds what an agent's error means; undefined where it is none of A2A's. */
export function agentFault(by: { readonly code: Json | undefined } | { readonly reason: Json | undefined }) {
  return known.find((one) => ("code" in by ? one.code === by.code : one.reason === by.reason));
}

/** JSON-RPC's code of a refusal; what isn't here is denied: -32000, since A2A has none of its own. */
const codes: Readonly<Record<string, number>> = {
  invalid_json: -32700,
  invalid_utf8: -32700,
  duplicate_key: -32600,
  too_deep: -32600,
  invalid_request: -32600,
  invalid_params: -32602,
  untranslatable: -32602,
  part_refused: -32602,
  unknown_skill: -32602,
  unknown_operation: -32601,
  unsupported_version: -32009,
  unknown_agent_task: -32001,
  push_refused: -32003,
  list_refused: -32004,
  upstream_invalid: -32006,
  upstream_unavailable: -32603,
  upstream_timeout: -32603,
  internal_error: -32603,
};

/** The words of google.rpc.Code. */
const statuses: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  502: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** A refusal of the gateway's own as a JSON-RPC error object. */
export function refusalError(version: Version, refusal: Refusal, decision?: Decision): JsonObject {
  const { code, message, fix } = refusal;
  return {
    code: codes[code] ?? -32000,
    message: `${message}; ${fix}`,
    data: version === "1.0" ? detailsOf(refusal, decision) : ownOf(refusal, decision),
  };
}

/** An agent's error, as a JSON-RPC error object of standard words. */
export function faultError(version: Version, { code, reason, message }: Fault): JsonObject {
  return made({
    code,
    message,
    data: version === "1.0" ? [info(reason, "a2a-protocol.org", {})] : undefined,
  });
}

/** A refusal as google.rpc.Status. */
export function refusalStatus(refusal: Refusal, decision?: Decision): JsonObject {
  const { status, message, fix } = refusal;
  return statusOf(status, `${message}; ${fix}`, detailsOf(refusal, decision));
}

export function faultStatus({ status, reason, message }: Fault): JsonObject {
  return statusOf(status, message, [info(reason, "a2a-protocol.org", {})]);
}

function statusOf(code: number, message: string, details: Json[]): JsonObject {
  return { error: { code, status: statuses[code] ?? "UNKNOWN", message, details } };
}

function ownOf({ code }: Refusal, decision?: Decision): JsonObject {
  if (decision === undefined) return { code };
  return { code, decision_id: decision.decision_id, reasons: decision.reasons as unknown as Json };
}

function detailsOf(refusal: Refusal, decision?: Decision): Json[] {
  const standard = known.find((one) => one.code === codes[refusal.code]);
  const reasons = (decision?.reasons ?? []).map(({ code }) => code).join(", ");
  const own = info(refusal.code.toUpperCase(), "countersign", {
    ...(decision === undefined ? {} : { decision_id: decision.decision_id }),
    ...(reasons === "" ? {} : { reasons }),
  });
  return standard === undefined ? [own] : [info(standard.reason, "a2a-protocol.org", {}), own];
}

function info(reason: string, domain: string, metadata: JsonObject): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata };
}
