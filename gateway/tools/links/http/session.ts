/** A link by streamable HTTP with a session (2025-03-26 to 2025-11-25). */
import type { JsonObject } from "../../../../sidecar/contract.js";
import { discard, mediaType } from "../../../forward/forward.js";
import { createDeadline } from "../deadline.js";
import type { Hello, Holder, Link, LinkAnswer, LinkCaller, LinkRequest } from "../link.js";
import type { LinkParts } from "../parts.js";
import type { ServerRequests } from "../server-requests.js";
import { createServerRequests } from "../server-requests.js";
import { keepListening } from "./listen.js";
import type { Beside } from "./reply.js";
import { requestReply } from "./request.js";
import type { Send } from "./send.js";

export interface Session {
  /** Undefined where the server has none. */
  readonly id: string | undefined;
  readonly version: string;
  readonly hello: Hello;
}

export interface SessionParts extends LinkParts {
  readonly send: Send;
  readonly holder: Holder;
  /** The longest that a request may take, milliseconds. */
  readonly requestMs: number;
}

/** How long what nobody waits for may take, milliseconds. */
const asideMs = 10_000;

export function createSessionLink(parts: SessionParts, session: Session): Link {
  const { send, holder, requestMs } = parts;
  const life = new AbortController();
  const asked: ServerRequests = createServerRequests(parts.newId);
  const headers = sessionHeaders(session);
  let lastId = 1;
  let listener: { caller: LinkCaller } | undefined;
  const lose = (): void => {
    if (life.signal.aborted) return;
    life.abort();
    holder.onLost();
  };
  const forgets = (status: number): boolean => status === 404 && session.id !== undefined;
  /** Posts what has no reply. */
  const tell = async (message: JsonObject, caller: LinkCaller, signals = [life.signal]): Promise<boolean> => {
    const deadline = createDeadline(signals, asideMs);
    const answer = await send.post(
      { jsonrpc: "2.0", ...message },
      { headers, caller, signal: deadline.signal },
    );
    deadline.settle();
    if (answer.kind !== "answered") return false;
    discard(answer.body);
    if (forgets(answer.status)) lose();
    return answer.status >= 200 && answer.status < 300;
  };
  /** Some servers say of a session that they forgot only that the request was bad: then any is. */
  const isForgotten = async (status: number, caller: LinkCaller): Promise<boolean> => {
    if (status !== 400 || session.id === undefined) return false;
    const deadline = createDeadline([life.signal], asideMs);
    const ping = { id: ++lastId, method: "ping", params: {} };
    const answer = await requestReply({ ...parts, headers, deadline }, ping, {
      caller,
      beside: () => true,
      resumes: false,
    });
    deadline.settle();
    return answer.kind === "status" && answer.status === 400;
  };
  /** Gives on what the server says; a ping is for nobody but us. */
  const hear =
    (group: object, caller: () => LinkCaller, onMessage: Holder["onMessage"]): Beside =>
    (message) => {
      if (message.kind === "request" && message.method === "ping") {
        void tell({ id: message.id, result: {} }, caller());
        return true;
      }
      const told = asked.note(message, group);
      if (told === "refused") return false;
      if (told !== undefined) onMessage(told);
      return true;
    };

  const request = async (asking: LinkRequest): Promise<LinkAnswer> => {
    const { method, params, onMessage, signal, caller } = asking;
    if (life.signal.aborted) return { kind: "failed", code: "unknown_server" };
    const id = ++lastId;
    const group = {};
    const deadline = createDeadline([signal, life.signal], requestMs);
    const beside = hear(group, () => caller, onMessage);
    const read = await requestReply(
      { ...parts, headers, deadline },
      { id, method, params },
      { caller, beside, resumes: true, final: forgets },
    );
    const why = deadline.why();
    deadline.settle();
    asked.forget(group);
    if (why !== undefined && !life.signal.aborted) {
      const reason = why === "timeout" ? "timeout" : "cancelled by the client";
      void tell({ method: "notifications/cancelled", params: { requestId: id, reason } }, caller);
    }
    if (why === "timeout") return { kind: "failed", code: "upstream_timeout" };
    if (why === "aborted")
      return signal.aborted ? { kind: "aborted" } : { kind: "failed", code: "unknown_server" };
    if (read.kind === "status") {
      if (!forgets(read.status) && !(await isForgotten(read.status, caller)))
        return { kind: "failed", code: "upstream_invalid" };
      lose();
      return { kind: "failed", code: "unknown_server" };
    }
    return read;
  };

  return {
    era: "session",
    hello: session.hello,
    request,
    notify: (method, params, caller) => tell({ method, params }, caller),
    async respond(id, answer, caller) {
      const waiting = asked.take(id);
      return waiting !== undefined && (await tell({ id: waiting.id, ...answer }, caller));
    },
    listen(_filter, caller) {
      // whoever listens already goes on with the newer proof of who asks
      if (listener !== undefined) {
        listener.caller = caller;
        return;
      }
      const mine = { caller };
      listener = mine;
      const beside = hear({}, () => mine.caller, holder.onMessage);
      void keepListening(parts, {
        signal: life.signal,
        async open(signal, lastId) {
          const more = lastId === undefined ? {} : { "last-event-id": lastId };
          const answer = await send.get({ headers: { ...headers, ...more }, caller: mine.caller, signal });
          if (answer.kind !== "answered") return answer.kind === "aborted" ? "over" : "failed";
          if (answer.status === 200 && mediaType(answer.headers) === "text/event-stream") return answer;
          discard(answer.body);
          if (forgets(answer.status)) lose();
          // a server need not have such a stream
          return answer.status >= 400 && answer.status !== 408 && answer.status !== 429 ? "over" : "failed";
        },
        // a reply belongs to a request's own stream
        take: (message) => (message.kind !== "reply" && beside(message) ? "on" : "invalid"),
      });
    },
    async close(caller = { assertion: undefined, credentials: {} }) {
      if (life.signal.aborted) return;
      life.abort();
      if (session.id === undefined) return;
      const deadline = createDeadline([], asideMs);
      const answer = await send.delete({ headers, caller, signal: deadline.signal });
      deadline.settle();
      if (answer.kind === "answered") discard(answer.body);
    },
  };
}

function sessionHeaders({
  id,
  version,
}: Session):
  Record<"mcp-protocol-version" | "mcp-session-id", string> | { readonly "mcp-protocol-version": string } {
  const headers = { "mcp-protocol-version": version };
  return id === undefined ? headers : { ...headers, "mcp-session-id": id };
}
