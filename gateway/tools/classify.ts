import type { IncomingHttpHeaders } from "node:http";
import type { Call, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../sidecar/contract.js";
import type { MethodKind } from "./methods.js";
import { headersRequired, methods, protocolVersions } from "./methods.js";

export interface McpCall {
  readonly kind: "mcp";
  readonly method: string;
  readonly how: MethodKind;
  /** Absent on notifications. */
  readonly id?: Json;
  readonly message: JsonObject;
  readonly call: Call;
}

/** A tool's name: visible ASCII, so that it reads the same in a header, a log and a policy. */
const toolName = /^[\x21-\x7e]{1,256}$/;

/** Gives the id that an answer must carry, also to a message that is refused; null where there is none. */
export function idOf(value: Json): Json {
  const id = isObject(value) ? value["id"] : undefined;
  return typeof id === "string" || typeof id === "number" || id instanceof JsonNumber ? id : null;
}

/** Tells what a JSON-RPC message to a tool server attempts. */
export function classifyMcp(value: Json, server: string, headers: IncomingHttpHeaders): McpCall | Refusal {
  if (!isObject(value))
    return refuse("invalid_request", "one JSON-RPC request at a time; batches left MCP in 2025-06-18");
  const { jsonrpc, id, method, params = {}, ...others } = value;
  // also refuses answers to a server's own requests, which are not carried
  if (jsonrpc !== "2.0" || Object.keys(others).length > 0)
    return refuse("invalid_request", "not a JSON-RPC 2.0 request");
  if (typeof method !== "string") return refuse("invalid_request", "the method must be text");
  if (id !== undefined && idOf(value) === null)
    return refuse("invalid_request", "the id must be text or a number");
  if (!isObject(params)) return refuse("invalid_request", "params must be an object");
  const known = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (known === undefined) return refuse("unknown_operation");
  const { how, notification = false } = known;
  if (notification !== (id === undefined)) {
    return refuse("invalid_request", notification ? "a notification has no id" : "the method needs an id");
  }
  if (Object.keys(params).some((field) => field !== "_meta" && !known.params.includes(field))) {
    return refuse("invalid_request", "a field of params is not known for the method");
  }
  const name = params["name"];
  const clash = headerClash(headers, method, how === "call" ? name : undefined);
  if (clash !== undefined) return clash;
  const base = { kind: "mcp" as const, method, how, message: value, ...(id === undefined ? {} : { id }) };
  if (how !== "call")
    return { ...base, call: listCall({ type: "server", id: server, properties: { server } }) };

  const args = params["arguments"] ?? {};
  if (typeof name !== "string" || !toolName.test(name))
    return refuse("invalid_request", "params.name must be the name of a tool");
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
  // without the tool's schema they can't be compared with the arguments that they repeat
  if (Object.keys(headers).some((header) => header.startsWith("mcp-param-"))) {
    return refuse("header_mismatch", "Mcp-Param headers are not taken");
  }
  const required = version !== undefined && headersRequired.has(version);
  const said = decodeHeader(headers["mcp-method"]);
  if (said === undefined ? required : said !== method) return refuse("header_mismatch", "Mcp-Method");
  const saidName = decodeHeader(headers["mcp-name"]);
  const clash = saidName === undefined ? required && name !== undefined : saidName !== name;
  return clash ? refuse("header_mismatch", "Mcp-Name") : undefined;
}

function decodeHeader(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") return "";
  const [, encoded] = /^=\?base64\?([A-Za-z0-9+/=]*)\?=$/.exec(value) ?? [];
  return encoded === undefined ? value : Buffer.from(encoded, "base64").toString();
}
