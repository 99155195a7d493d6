/** How an agent is asked, and how its answers are read: in its own binding and version. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { ForwardRequest } from "../forward/forward.js";
import type { ProtocolHeaders } from "../forward/headers.js";
import type { Asked } from "./asked.js";
import type { AgentConfig } from "./config.js";
import type { Fault } from "./errors.js";
import { agentFault } from "./errors.js";
import { methodName } from "./methods.js";
import type { How } from "./wire/read.js";
import * as v1 from "./wire/v1.js";
import { made } from "./wire/v1.js";
import * as v03 from "./wire/v03.js";

export type Outgoing = Pick<ForwardRequest, "method" | "path" | "headers"> & { readonly body?: string };

/** What came back: in the form of 1.0, the members of lists and events rebuilt. */
export type Got =
  | { readonly kind: "event"; readonly event: JsonObject }
  | { readonly kind: "tasks"; readonly tasks: JsonObject }
  | { readonly kind: "card"; readonly card: JsonObject }
  | { readonly kind: "fault"; readonly fault: Fault }
  | { readonly kind: "invalid" };

/** Writes a request; `params` have the agent's own ids. @throws Untranslatable */
export function writeRequest(agent: AgentConfig, asked: Asked, params: JsonObject, id: string): Outgoing {
  const streams = asked.operation === "stream" || asked.operation === "subscribe";
  const headers: ProtocolHeaders = {
    accept: streams ? "text/event-stream" : "application/json",
    ...(agent.version === "0.3" ? {} : { "a2a-version": agent.version }),
    ...(asked.extensions.length === 0 ? {} : { "a2a-extensions": asked.extensions.join(", ") }),
  };
  const own = agent.tenant === undefined ? params : made({ ...params, tenant: agent.tenant });
  if (agent.binding === "http+json") return { ...restRequest(asked, own), headers };
  const method = methodName(agent.version, asked.operation);
  if (method === undefined) throw new v03.Untranslatable("the agent has no such method");
  const form = asked.operation === "stream" ? "send" : asked.operation;
  const said = agent.version === "0.3" ? v03.writeParams(form, own) : own;
  const message = { jsonrpc: "2.0", id, method, params: said };
  return { method: "POST", path: "", headers, body: stringifyJson(message) };
}

function restRequest({ operation }: Asked, all: JsonObject): Omit<Outgoing, "headers"> {
  const { tenant, id, ...rest } = all;
  const under = tenant === undefined ? "" : `/${encodeURIComponent(String(tenant))}`;
  const task = `${under}/tasks/${encodeURIComponent(String(id))}`;
  const post = (path: string): Omit<Outgoing, "headers"> => ({
    ...{ method: "POST", path, body: stringifyJson(rest) },
  });
  switch (operation) {
    case "send":
      return post(`${under}/message:send`);
    case "stream":
      return post(`${under}/message:stream`);
    case "get":
      return { method: "GET", path: task + queryOf(rest) };
    case "list":
      return { method: "GET", path: `${under}/tasks${queryOf(rest)}` };
    case "cancel":
      return post(`${task}:cancel`);
    case "subscribe":
      return post(`${task}:subscribe`);
    case "card":
      return { method: "GET", path: `${under}/extendedAgentCard` };
  }
}

function queryOf(params: JsonObject): string {
  const pairs = Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]);
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

/** Reads a whole answer. INVARIANT: of an error nothing but its code is read. */
export function readWhole(
  agent: AgentConfig,
  operation: Asked["operation"],
  bytes: string | Buffer,
  id: string,
): Got {
  try {
    const value = parseJson(bytes);
    if (!isObject(value)) return { kind: "invalid" };
    const { error } = value;
    if (error !== undefined && error !== null) return readFault(error);
    if (agent.binding === "http+json") return readResult(agent, operation, value);
    const { jsonrpc, id: of, result } = value;
    if (jsonrpc !== "2.0" || of !== id || result === undefined) return { kind: "invalid" };
    return readResult(agent, operation, result);
  } catch {
    return { kind: "invalid" };
  }
}

function readFault(error: Json): Got {
  if (!isObject(error)) return { kind: "invalid" };
  const details = Array.isArray(error["details"]) ? error["details"].find(isObject) : undefined;
  const found = agentFault(isObject(details) ? { reason: details["reason"] } : { code: error["code"] });
  return found === undefined ? { kind: "invalid" } : { kind: "fault", fault: found };
}

/** @throws ShapeRefused */
function readResult(agent: AgentConfig, operation: Asked["operation"], result: Json): Got {
  const how: How = { strict: false, mostItems: agent.mostItems };
  const old = agent.version === "0.3";
  switch (operation) {
    case "card":
      return isObject(result) ? { kind: "card", card: result } : { kind: "invalid" };
    case "list":
      return { kind: "tasks", tasks: v1.tasks(result, "result", how) as JsonObject };
    case "get":
    case "cancel": {
      const event = old ? v03.readEvent(result, how) : made({ task: v1.task(result, "result", how) });
      return event["task"] === undefined ? { kind: "invalid" } : { kind: "event", event };
    }
    case "send": {
      const event = old ? v03.readEvent(result, how) : (v1.sent(result, "result", how) as JsonObject);
      const whole = event["task"] ?? event["message"];
      return whole === undefined ? { kind: "invalid" } : { kind: "event", event };
    }
    case "stream":
    case "subscribe": {
      const event = old ? v03.readEvent(result, how) : (v1.event(result, "result", how) as JsonObject);
      return { kind: "event", event };
    }
  }
}
