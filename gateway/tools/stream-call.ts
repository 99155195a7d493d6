import type { ServerResponse } from "node:http";
import type { Json } from "../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../sidecar/contract.js";
import { passOn } from "../forward/forward.js";
import { readEvents } from "../events.js";
import { serverNotifications } from "./methods.js";
import { asReply, parseOrNull } from "./read-reply.js";

/**
 * Passes on the stream of one call, event by event, up to its response: progress, log messages, the
 * response. A request of the server's own (sampling, elicitation) isn't decided here, so it cuts the stream.
 * @returns how it ended, and the bytes sent
 */
export async function streamCall(
  body: AsyncIterable<Buffer>,
  res: ServerResponse,
  id: Json,
  limit: number,
  signal: AbortSignal,
): Promise<{ readonly ended: "whole" | "cut" | "aborted"; readonly bytes: number }> {
  return passOn(chooseEvents(body, id, limit), res, signal);
}

async function* chooseEvents(body: AsyncIterable<Buffer>, id: Json, limit: number): AsyncGenerator<Buffer> {
  for await (const { data } of readEvents(body, limit)) {
    if (data === undefined) {
      yield Buffer.from(":\n\n");
      continue;
    }
    // an event that only names a place to resume at
    if (data === "") continue;
    const value = parseOrNull(data);
    const reply = asReply(value, id);
    if (reply !== undefined) {
      yield write(reply);
      return;
    }
    const method = isObject(value) ? value["method"] : undefined;
    if (!isObject(value) || typeof method !== "string" || value["id"] !== undefined) {
      throw new Error("neither the response nor a notification");
    }
    if (serverNotifications.has(method)) yield write(value);
  }
  throw new Error("the stream ended before the response");
}

const write = (value: Json): Buffer => Buffer.from(`event: message\ndata: ${stringifyJson(value)}\n\n`);
