/** Says what a request attempts, as policy sees it: what it sees of any tool, and what the document says beside. */
import type { Call, JsonObject } from "../../../sidecar/contract.js";
import { toolCall } from "../mcp/describe-call.js";
import type { Operation } from "./operation.js";

/** Describes an operation as the tool that it is. */
export function describeOperation(
  action: "tool.list" | "tool.call" | "tool.approve",
  server: string,
  { tool, id, method, template }: Operation,
  about: JsonObject,
  phase: "request" | "response" = "request",
): Call {
  const told = { ...about, operation_id: id, method, path: template.text };
  return toolCall(action, server, tool, told, phase);
}
