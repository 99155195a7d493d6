/** Requests of a server that wait for an answer: by ids of our own, so that its ids mean nothing to anybody else. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { ServerMessage } from "./link.js";
import type { Message } from "./messages.js";

export interface ServerRequests {
  /**
   * Remembers a request, or takes back one that the server cancels, and gives what may be told of a message.
   * @returns `refused` where too many wait; undefined where there is nothing to tell
   */
  note(message: Exclude<Message, { kind: "reply" }>, group: object): ServerMessage | "refused" | undefined;
  /** Gives the server's id of a request that waits, once. */
  take(id: string): { readonly id: Json } | undefined;
  /** Forgets the requests that came in the course of something that is over. */
  forget(group: object): void;
}

/** The most requests of one server that wait. */
const most = 64;

export function createServerRequests(newId: () => string): ServerRequests {
  const waiting = new Map<string, { readonly id: Json; readonly group: object }>();
  const cancel = (params: JsonObject): ServerMessage | undefined => {
    const { requestId, reason } = params;
    if (requestId === undefined) return undefined;
    const text = stringifyJson(requestId);
    const found = [...waiting].find(([, one]) => stringifyJson(one.id) === text);
    if (found === undefined) return undefined;
    waiting.delete(found[0]);
    const told = typeof reason === "string" ? { reason } : {};
    return { method: "notifications/cancelled", params: { requestId: found[0], ...told } };
  };
  return {
    note(message, group) {
      const { method, params } = message;
      if (message.kind === "notification") {
        return method === "notifications/cancelled" ? cancel(params) : { method, params };
      }
      if (waiting.size >= most) return "refused";
      const id = newId();
      waiting.set(id, { id: message.id, group });
      return { method, params, id };
    },
    take(id) {
      const one = waiting.get(id);
      waiting.delete(id);
      return one && { id: one.id };
    },
    forget(group) {
      for (const [id, one] of waiting) if (one.group === group) waiting.delete(id);
    },
  };
}
