import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Forwarded } from "../forward/forward.js";
import { collect, discard, mediaType } from "../forward/forward.js";
import { readEvents } from "../events.js";

/** Reads the response to a request, out of JSON or a stream; whatever else the stream holds is dropped. */
export async function readReply(
  { headers, body }: Extract<Forwarded, { kind: "answered" }>,
  id: Json,
  limit: number,
): Promise<JsonObject | undefined> {
  switch (mediaType(headers)) {
    case "application/json": {
      const bytes = await collect(body, limit);
      return bytes === undefined ? undefined : asReply(parseOrNull(bytes), id);
    }
    case "text/event-stream":
      try {
        for await (const { data } of readEvents(body, limit)) {
          const message = data === undefined ? undefined : asReply(parseOrNull(data), id);
          if (message !== undefined) return message;
        }
      } catch {
        // cut, aborted, or no stream of events: there is no response
      }
      return undefined;
    default:
      discard(body);
      return undefined;
  }
}

/** Recognizes the response to an id: a result or an error, with nothing beside. */
export function asReply(value: Json, id: Json): JsonObject | undefined {
  if (!isObject(value) || value["jsonrpc"] !== "2.0" || value["id"] === undefined) return undefined;
  const { result, error, method } = value;
  const one = isObject(result) ? error === undefined : isObject(error) && result === undefined;
  // 1 and "1" are two ids
  if (!one || method !== undefined || stringifyJson(value["id"]) !== stringifyJson(id)) return undefined;
  return isObject(result) ? { jsonrpc: "2.0", id, result } : { jsonrpc: "2.0", id, error: error ?? null };
}

/** Parses JSON strictly; null, which is no message, for what isn't. */
export function parseOrNull(text: string | Buffer): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
