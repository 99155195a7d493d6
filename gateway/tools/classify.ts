import type { IncomingHttpHeaders } from "node:http";
import type { Call, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../sidecar/contract.js";
import type { MethodKind } from "./methods.js";
import { methods, protocolVersions } from "./methods.js";

export interface McpCall {
  readonly kind: "mcp";
  readonly method: string;
  readonly how: MethodKind;
  /** Absent on notifications. */
  readonly id?: Json;
  readonly message: JsonObject;
  readonly call: Call;
}

/** Tells what a JSON-RPC message to a tool server attempts. */
export function classifyMcp(value: Json, server: string, headers: IncomingHttpHeaders): McpCall | Refusal {
  if (!isObject(value))
    return refuse("invalid_request", "one JSON-RPC request at a time; batches left MCP in 2025-06-18");
  const { jsonrpc, id, method, params, ...others } = value;
  if (jsonrpc !== "2.0" || Object.keys(others).length > 0)
    return refuse("invalid_request", "not a JSON-RPC 2.0 request");
  if (typeof method !== "string")
    return refuse("unknown_operation", "only requests and notifications are taken");
  if (id !== undefined && typeof id !== "string" && typeof id !== "number" && !(id instanceof JsonNumber)) {
    return refuse("invalid_request", "the id must be text or a number");
  }
  if (params !== undefined && !isObject(params)) return refuse("invalid_request", "params must be an object");
  const how = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (how === undefined) return refuse("unknown_operation");
  if (how !== "plumbing" && id === undefined) return refuse("invalid_request", "the method needs an id");
  const name = params?.["name"];
  const clash = headerClash(headers, method, how === "call" ? name : undefined);
  if (clash !== undefined) return clash;
  const base = { kind: "mcp" as const, method, how, message: value, ...(id === undefined ? {} : { id }) };
  if (how !== "call")
    return { ...base, call: listCall({ type: "server", id: server, properties: { server } }) };

  const args = params?.["arguments"] ?? {};
  if (typeof name !== "string" || name === "") return refuse("invalid_request", "params.name is required");
  if (!isObject(args)) return refuse("invalid_request", "params.arguments must be an object");
  return {
    ...base,
    call: {
      kind: "tool",
      action: { name: "tool.call", properties: { phase: "request" } },
      resource: {
        type: "tool",
        id: `${server}/${name}`,
        properties: { server, tool: name, arguments: args },
      },
    },
  };
}

/** A `tool.list` on a server, or on one of its tools. */
export function listCall(resource: Call["resource"]): Call {
  return { kind: "tool", action: { name: "tool.list", properties: { phase: "request" } }, resource };
}

/** Since 2026-07-28 headers repeat method and name; who routes by them must not see something else than we do. */
function headerClash(
  headers: IncomingHttpHeaders,
  method: string,
  name: Json | undefined,
): Refusal | undefined {
  const version = headers["mcp-protocol-version"];
  if (version !== undefined && (typeof version !== "string" || !protocolVersions.has(version))) {
    return refuse("invalid_request", "the MCP-Protocol-Version is not known");
  }
  const said = decodeHeader(headers["mcp-method"]);
  if (said !== undefined && said !== method) return refuse("header_mismatch", "Mcp-Method");
  const saidName = decodeHeader(headers["mcp-name"]);
  if (saidName !== undefined && saidName !== name) return refuse("header_mismatch", "Mcp-Name");
  return undefined;
}

function decodeHeader(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") return "";
  const [, encoded] = /^=\?base64\?([A-Za-z0-9+/=]*)\?=$/.exec(value) ?? [];
  return encoded === undefined ? value : Buffer.from(encoded, "base64").toString();
}
