/** JSON-RPC messages of a server, read strictly: what isn't exactly one message is none. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { LinkAnswer } from "./link.js";

/** The largest message of a server that is read, bytes. */
export const maxMessage = 8 * 2 ** 20;

export type Message =
  | { readonly kind: "reply"; readonly id: Json; readonly answer: Reply }
  /** INVARIANT: the id is the server's own, and goes back to nobody but the server. */
  | { readonly kind: "request"; readonly id: Json; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject };

export type Reply = Extract<LinkAnswer, { kind: "result" | "error" }>;

/** The longest method and id, characters. */
const longest = 256;

/**
 * Reads one message; undefined for anything else, batches among it.
 * @param quotesKey tells whether a text holds what proves who we are; written with escapes it is seen here only
 */
export function readMessage(
  source: Uint8Array | string,
  quotesKey?: (text: string) => boolean,
): Message | undefined {
  let value: Json;
  try {
    value = parseJson(source);
  } catch {
    return undefined;
  }
  if (quotesKey !== undefined && hasEscapes(source) && quotesKey(stringifyJson(value))) return undefined;
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  return "method" in value ? readCall(value) : readReply(value);
}

function hasEscapes(source: Uint8Array | string): boolean {
  return typeof source === "string" ? source.includes("\\") : source.includes(0x5c);
}

function readCall({ jsonrpc: _, id, method, params = {}, ...others }: JsonObject): Message | undefined {
  if (Object.keys(others).length > 0) return undefined;
  if (typeof method !== "string" || method.length > longest || !isObject(params)) return undefined;
  if (id === undefined) return { kind: "notification", method, params };
  return isId(id) ? { kind: "request", id, method, params } : undefined;
}

function readReply({ jsonrpc: _, id, result, error, ...others }: JsonObject): Message | undefined {
  if (Object.keys(others).length > 0 || (result === undefined) === (error === undefined)) return undefined;
  if (error === undefined) {
    if (id === undefined || !isId(id) || !isObject(result)) return undefined;
    return { kind: "reply", id, answer: { kind: "result", result } };
  }
  if (!isObject(error)) return undefined;
  const { code, message, data } = error;
  if (typeof code !== "number" || !Number.isInteger(code) || typeof message !== "string") return undefined;
  const answer: Reply = { kind: "error", code, message, ...(data === undefined ? {} : { data }) };
  // a server that couldn't read the request doesn't know its id
  return id === undefined || isId(id) || id === null ? { kind: "reply", id: id ?? null, answer } : undefined;
}

function isId(id: Json): boolean {
  if (typeof id === "string") return id.length <= longest;
  return typeof id === "number" || (id instanceof JsonNumber && id.text.length <= longest);
}
