/** A link by streamable HTTP without a session (2026-07-28): each request says all that the server need know. */
import type { JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import { discard, mediaType } from "../../../forward/forward.js";
import type { ProtocolHeaders } from "../../../forward/headers.js";
import { carry } from "../carry.js";
import { createDeadline } from "../deadline.js";
import type { Hello, Holder, Link, LinkCaller, LinkRequest, ListenFilter } from "../link.js";
import type { Message } from "../messages.js";
import type { LinkParts } from "../parts.js";
import { metaNames, modernErrors, stateless } from "../revisions.js";
import { wasAskedFor } from "../subscription.js";
import { encodeHeader } from "./encode-header.js";
import { keepListening } from "./listen.js";
import { requestReply } from "./request.js";
import type { Send } from "./send.js";
import type { Verdict } from "./stream.js";

export interface StatelessParts extends LinkParts {
  readonly send: Send;
  readonly holder: Holder;
  /** The longest that a request may take, milliseconds. */
  readonly requestMs: number;
  /** Told that the server speaks another revision by now. */
  readonly onChanged: () => void;
}

/** What of a request stands in `Mcp-Name`. */
const named: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

/** Gives the headers that repeat what a request says. */
export function repeat(method: string, params: JsonObject): ProtocolHeaders {
  const name = params[named[method] ?? ""];
  return {
    "mcp-protocol-version": stateless,
    "mcp-method": method,
    ...(typeof name === "string" ? { "mcp-name": encodeHeader(name) } : {}),
  };
}

export function createStatelessLink(parts: StatelessParts, hello: Hello): Link {
  const { holder, requestMs } = parts;
  const life = new AbortController();
  let lastId = 1;
  let listening: AbortController | undefined;
  return {
    era: "stateless",
    hello,
    async request({ method, params, onMessage, signal, caller, paramHeaders }: LinkRequest) {
      if (life.signal.aborted) return { kind: "failed", code: "upstream_unavailable" };
      const deadline = createDeadline([signal, life.signal], requestMs);
      const beside = (message: Exclude<Message, { kind: "reply" }>): boolean => {
        // INVARIANT: a server of this era asks nothing but by its results
        if (message.kind === "request") return false;
        onMessage({ method: message.method, params: message.params });
        return true;
      };
      const replied = await requestReply(
        { ...parts, headers: repeat(method, params), deadline },
        { id: ++lastId, method, params: carry(holder, params) },
        { caller, beside, paramHeaders, resumes: false },
      );
      const why = deadline.why();
      deadline.settle();
      if (why === "timeout") return { kind: "failed", code: "upstream_timeout" };
      if (why === "aborted")
        return signal.aborted ? { kind: "aborted" } : { kind: "failed", code: "upstream_unavailable" };
      if (replied.kind === "error" && replied.code === modernErrors.version) {
        // it speaks another revision by now: whoever comes next finds out which
        if (!life.signal.aborted) holder.onLost();
        life.abort();
        listening?.abort();
        parts.onChanged();
        return { kind: "failed", code: "upstream_unavailable" };
      }
      return replied.kind === "status" ? { kind: "failed", code: "upstream_invalid" } : replied;
    },
    // this revision knows none of a client's over HTTP: closing a stream is what cancels
    notify: () => Promise.resolve(false),
    respond: () => Promise.resolve(false),
    listen(filter, caller) {
      listening?.abort();
      const mine = new AbortController();
      listening = mine;
      if (life.signal.aborted) mine.abort();
      void listenTo(parts, filter, caller, mine.signal, () => ++lastId);
    },
    close() {
      life.abort();
      listening?.abort();
      return Promise.resolve();
    },
  };
}

/** Subscribes, and again whenever the subscription ends. */
async function listenTo(
  parts: StatelessParts,
  filter: ListenFilter,
  caller: LinkCaller,
  signal: AbortSignal,
  nextId: () => number,
): Promise<void> {
  const { send, holder } = parts;
  let id = 0;
  let acknowledged = false;
  let refused = false;
  const take = (message: Message): Verdict => {
    if (message.kind === "request") return "invalid";
    if (message.kind === "reply") {
      refused = message.answer.kind === "error";
      return message.id === id ? "done" : "invalid";
    }
    const { method, params } = message;
    const { _meta, ...others } = params;
    if (!isObject(_meta) || _meta[metaNames.subscriptionId] !== id) return "invalid";
    if (method === "notifications/subscriptions/acknowledged") acknowledged = true;
    else if (!acknowledged) return "invalid";
    else if (method === "notifications/cancelled") return "done";
    else if (!wasAskedFor(filter, method, params)) return "invalid";
    else holder.onMessage({ method, params: others });
    return "on";
  };
  const method = "subscriptions/listen";
  const { resourceSubscriptions: uris, ...changes } = filter;
  const notifications: JsonObject = {
    ...changes,
    ...(uris === undefined ? {} : { resourceSubscriptions: [...uris] }),
  };
  await keepListening(parts, {
    signal,
    async open(one) {
      if (refused) return "over";
      id = nextId();
      acknowledged = false;
      const params = carry(holder, { notifications });
      const sending = { headers: repeat(method, params), caller, signal: one, endless: true };
      const answer = await send.post({ jsonrpc: "2.0", id, method, params }, sending);
      if (answer.kind !== "answered") return answer.kind === "aborted" ? "over" : "failed";
      if (answer.status === 200 && mediaType(answer.headers) === "text/event-stream") return answer;
      discard(answer.body);
      return answer.status === 408 || answer.status === 429 ? "failed" : "over";
    },
    take,
  });
}
