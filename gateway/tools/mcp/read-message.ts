/** Reads one JSON-RPC message of a client, strictly: what isn't understood is refused by name. */
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../../sidecar/contract.js";
import type { Method } from "./methods.js";
import { clientNotifications, deniedMethods, methods } from "./methods.js";

export interface RpcRequest {
  readonly kind: "request";
  readonly id: Json;
  readonly method: string;
  readonly row: Method;
  readonly params: JsonObject;
}

export interface RpcNotification {
  readonly kind: "notification";
  readonly method: string;
  readonly does: "nothing" | "cancels" | "tells";
  readonly params: JsonObject;
}

/** An answer to a request of the server's. */
export interface RpcAnswer {
  readonly kind: "answer";
  readonly id: Json;
  readonly answer: { readonly result: JsonObject } | { readonly error: { code: number; message: string } };
}

export type Incoming = RpcRequest | RpcNotification | RpcAnswer;

/** Longest id, characters: it is sent back, and kept while the request is under way. */
const longestId = 128;

/** Gives the id that an answer must carry, also to a message that is refused; null where there is none that is bearable. */
export function idOf(value: Json): Json {
  const id = isObject(value) ? value["id"] : undefined;
  if (typeof id === "string") return id.length <= longestId ? id : null;
  if (id instanceof JsonNumber) return id.text.length <= longestId ? id : null;
  return typeof id === "number" ? id : null;
}

/** Reads a message; what can't be decided on is a refusal. */
export function readMessage(value: Json): Incoming | Refusal {
  if (!isObject(value))
    return refuse("invalid_request", "one JSON-RPC message at a time; batches left MCP in 2025-06-18");
  const { jsonrpc, id, method, params = {}, result, error, ...others } = value;
  if (jsonrpc !== "2.0" || Object.keys(others).length > 0)
    return refuse("invalid_request", "not a JSON-RPC 2.0 message");
  if (id !== undefined && idOf(value) === null)
    return refuse("invalid_request", `the id must be a text or number of at most ${longestId} characters`);
  if (method === undefined) return readAnswer(id, result, error, value["params"]);
  if (result !== undefined || error !== undefined)
    return refuse("invalid_request", "a request has neither result nor error");
  if (typeof method !== "string") return refuse("invalid_request", "the method must be text");
  if (!isObject(params)) return refuse("invalid_request", "params must be an object");
  if (params["_meta"] !== undefined && !isObject(params["_meta"]))
    return refuse("invalid_params", "params._meta must be an object");
  return id === undefined ? readNotification(method, params) : readRequest(id, method, params);
}

function readRequest(id: Json, method: string, params: JsonObject): RpcRequest | Refusal {
  const row = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (row === undefined) {
    const why = Object.hasOwn(deniedMethods, method) ? deniedMethods[method] : undefined;
    if (Object.hasOwn(clientNotifications, method))
      return refuse("invalid_request", "a notification has no id");
    return refuse("unknown_method", why);
  }
  const input = row.mayNeedInput === true ? ["inputResponses", "requestState"] : [];
  const odd = strayField(params, [...row.params, ...input]);
  return odd ?? { kind: "request", id, method, row, params };
}

function readNotification(method: string, params: JsonObject): RpcNotification | Refusal {
  const row = Object.hasOwn(clientNotifications, method) ? clientNotifications[method] : undefined;
  if (row === undefined) {
    return Object.hasOwn(methods, method)
      ? refuse("invalid_request", "the method needs an id")
      : refuse("unknown_method");
  }
  return strayField(params, row.params) ?? { kind: "notification", method, does: row.does, params };
}

function readAnswer(
  id: Json | undefined,
  result: Json | undefined,
  error: Json | undefined,
  params: Json | undefined,
): RpcAnswer | Refusal {
  if (id === undefined || params !== undefined)
    return refuse("invalid_request", "neither request nor answer");
  if (isObject(result) && error === undefined) return { kind: "answer", id, answer: { result } };
  if (!isObject(error) || result !== undefined) return refuse("invalid_request", "neither result nor error");
  const { code } = error;
  const known = typeof code === "number" && Number.isSafeInteger(code) ? code : -32603;
  // the words of an error are nobody's to decide on; the server gets the code
  return { kind: "answer", id, answer: { error: { code: known, message: "the client refused" } } };
}

function strayField(params: JsonObject, known: readonly string[]): Refusal | undefined {
  const stray = Object.keys(params).some((field) => field !== "_meta" && !known.includes(field));
  return stray ? refuse("invalid_params", "a field of params is not known for the method") : undefined;
}
