/** One end of a channel that carries all messages of all requests: tells what belongs to what. */
import type { ErrorCode, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import { createDeadline } from "../deadline.js";
import type { LinkAnswer, LinkCaller, ServerMessage } from "../link.js";
import type { Message } from "../messages.js";

export interface PeerParts {
  /** Sends one message; `false` where it couldn't be. */
  readonly send: (message: JsonObject, caller: LinkCaller) => boolean | Promise<boolean>;
  /** The longest that a request may take, milliseconds. */
  readonly requestMs: number;
  /** Takes what no request of ours explains. INVARIANT: nothing of it is given to anybody by this file. */
  readonly hear: (message: Exclude<Message, { kind: "reply" }>) => void;
  /** Told of what a server may not send. */
  readonly violated: () => void;
}

export interface PeerRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly onMessage: (message: ServerMessage) => void;
  readonly signal: AbortSignal;
  readonly caller: LinkCaller;
  /** Shorter than what a request may take otherwise, milliseconds. */
  readonly requestMs?: number;
  /** What is begun lasts until it is aborted. */
  readonly endless?: boolean;
  /** Told the id that it is sent under. */
  readonly onId?: (id: number) => void;
}

export interface Peer {
  /** Never rejects. Progress comes under the client's own token. */
  request(request: PeerRequest): Promise<LinkAnswer>;
  /** Sends what has no reply. */
  tell(message: JsonObject, caller: LinkCaller): Promise<boolean>;
  /** Takes the next message of the server; undefined: what came was none. */
  receive(message: Message | undefined): void;
  /** Takes a message that may not be given on: what it replies to has failed. */
  withhold(message: Message | undefined): void;
  /** Gives the request that was sent last and is still under way. */
  latest(): Pick<PeerRequest, "onMessage" | "caller"> | undefined;
  /** Fails all that is under way, and all that is to come. */
  end(code: ErrorCode): void;
}

interface Pending extends PeerRequest {
  readonly token: JsonObject[string] | undefined;
  readonly settle: (answer: LinkAnswer) => void;
  messages: number;
}

/** The most messages that belong to one request. */
const mostMessages = 10_000;
/** How many requests that were given up are remembered: their replies may still come. */
const mostLate = 1_000;

export function createPeer({ send, requestMs, hear, violated }: PeerParts): Peer {
  const pending = new Map<number, Pending>();
  const late = new Set<number>();
  let ended: ErrorCode | undefined;
  let lastId = 0;
  const tell = async (message: JsonObject, caller: LinkCaller): Promise<boolean> =>
    ended === undefined && (await send({ jsonrpc: "2.0", ...message }, caller));
  const cancel = (id: number, reason: string, caller: LinkCaller): void => {
    late.add(id);
    for (const oldest of late) {
      if (late.size <= mostLate) break;
      late.delete(oldest);
    }
    void tell({ method: "notifications/cancelled", params: { requestId: id, reason } }, caller);
  };
  /** Gives progress to whose it is: a token is the id of a request of ours, and means nothing to anybody else. */
  const progress = ({ progressToken, ...params }: JsonObject): void => {
    const one = typeof progressToken === "number" ? pending.get(progressToken) : undefined;
    if (one?.token === undefined) return;
    if (++one.messages > mostMessages) {
      cancel(progressToken as number, "too many messages", one.caller);
      one.settle({ kind: "failed", code: "upstream_invalid" });
      return;
    }
    one.onMessage({ method: "notifications/progress", params: { progressToken: one.token, ...params } });
  };
  return {
    tell,
    async request(request) {
      if (ended !== undefined) return { kind: "failed", code: ended };
      const { method, signal, caller, endless } = request;
      const id = ++lastId;
      const { params, token } = withToken(request.params, id);
      const longest = Math.min(requestMs, request.requestMs ?? requestMs);
      const deadline = createDeadline([signal], endless === true ? undefined : longest);
      const answered = new Promise<LinkAnswer>((settle) => {
        pending.set(id, { ...request, token, settle, messages: 0 });
        request.onId?.(id);
        deadline.signal.addEventListener("abort", () => {
          if (!pending.has(id)) return;
          const timeout = deadline.why() === "timeout";
          // greeting can't be cancelled
          if (method === "initialize") late.add(id);
          else cancel(id, timeout ? "timeout" : "cancelled by the client", caller);
          settle(timeout ? { kind: "failed", code: "upstream_timeout" } : { kind: "aborted" });
        });
        if (signal.aborted) settle({ kind: "aborted" });
        else {
          void tell({ id, method, params }, caller).then((sent) => {
            if (!sent) settle({ kind: "failed", code: ended ?? "upstream_unavailable" });
          });
        }
      });
      const answer = await answered;
      pending.delete(id);
      deadline.settle();
      return answer;
    },
    receive(message) {
      if (message === undefined) violated();
      else if (message.kind !== "reply") {
        if (message.kind === "notification" && message.method === "notifications/progress") {
          progress(message.params);
        } else hear(message);
      } else {
        const { id, answer } = message;
        const one = typeof id === "number" ? pending.get(id) : undefined;
        if (one === undefined) {
          // INVARIANT: a reply to nothing, or a second one, is given to nobody
          if (!late.delete(id as number)) violated();
          return;
        }
        pending.delete(id as number);
        one.settle(answer);
      }
    },
    withhold(message) {
      const one = message?.kind === "reply" ? pending.get(message.id as number) : undefined;
      one?.settle({ kind: "failed", code: "upstream_invalid" });
    },
    latest: () => [...pending.values()].filter(({ endless }) => endless !== true).at(-1),
    end(code) {
      ended ??= code;
      for (const one of pending.values()) one.settle({ kind: "failed", code });
      pending.clear();
    },
  };
}

/** Puts a token of ours in the place of the client's. */
function withToken(
  params: JsonObject,
  id: number,
): { readonly params: JsonObject; readonly token: JsonObject[string] | undefined } {
  const { _meta } = params;
  const token = isObject(_meta) ? _meta["progressToken"] : undefined;
  if (token === undefined) return { params, token };
  return { params: { ...params, _meta: { ...(_meta as JsonObject), progressToken: id } }, token };
}
