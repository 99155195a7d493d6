/** A link over a channel of its holder's own: a child for one session, or a stream of the transport before HTTP's. */
import type { ErrorCode } from "../../../../sidecar/contract.js";
import { carry } from "../carry.js";
import type { Holder, Link, LinkCaller } from "../link.js";
import type { Message } from "../messages.js";
import { createServerRequests } from "../server-requests.js";
import type { Greeted } from "./greet.js";
import type { Peer, PeerParts } from "./peer.js";
import { createPeer } from "./peer.js";
import type { Subscriptions } from "./subscriptions.js";
import { createSubscriptions } from "./subscriptions.js";

export interface ExclusiveParts extends Pick<PeerParts, "send" | "requestMs" | "violated"> {
  readonly newId: () => string;
  readonly holder: Holder;
  /** Who opened it: in whose name a ping is answered. */
  readonly opener: LinkCaller;
  /** Told of what comes beside replies and progress; `true`: it's too much. */
  readonly unasked: () => boolean;
  /** Ends the channel. */
  readonly stop: () => Promise<void>;
}

export interface Exclusive {
  readonly peer: Peer;
  /** Called once, after the server was greeted. */
  link(greeted: Greeted): Link;
  /** Called when the channel is gone. */
  end(code: ErrorCode): void;
}

/** What says that something of the server's own changed: it belongs to no request. */
const changes = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/;

export function createExclusive(parts: ExclusiveParts): Exclusive {
  const { holder, opener, send, newId } = parts;
  const asked = createServerRequests(newId);
  let greeted: Greeted | undefined;
  let listening = false;
  let over = false;
  let subscriptions: Subscriptions | undefined;
  const hear = (message: Exclude<Message, { kind: "reply" }>): void => {
    const { method, params } = message;
    if (parts.unasked()) return;
    if (message.kind === "request" && method === "ping" && greeted?.era !== "stateless") {
      void peer.tell({ id: message.id, result: {} }, opener);
    } else if (greeted?.era === "stateless") {
      // a server of this era asks nothing but by its results
      if (message.kind === "request") parts.violated();
      else if (subscriptions?.take(method, params) !== true) peer.latest()?.onMessage({ method, params });
    } else {
      const during = changes.test(method) ? undefined : peer.latest();
      const onMessage = during?.onMessage ?? (listening ? holder.onMessage : undefined);
      const told = onMessage === undefined ? "refused" : asked.note(message, onMessage);
      if (told === "refused") {
        // INVARIANT: what nobody can be asked is answered, so that the server doesn't wait for ever
        if (message.kind === "request") void peer.tell({ id: message.id, error: nobodyThere }, opener);
      } else if (told !== undefined) onMessage?.(told);
    }
  };
  const peer = createPeer({ send, requestMs: parts.requestMs, violated: parts.violated, hear });
  return {
    peer,
    link(known) {
      greeted = known;
      const { era, hello } = known;
      subscriptions = createSubscriptions(peer, holder);
      const listens = subscriptions;
      return {
        ...{ era, hello },
        async request({ method, params, ...asking }) {
          const carried = era === "stateless" ? carry(holder, params) : params;
          const answer = await peer.request({ ...asking, method, params: carried });
          // what the server asked in its course is over, too
          asked.forget(asking.onMessage);
          return answer;
        },
        notify: async (method, params, caller) =>
          era === "session" && (await peer.tell({ method, params }, caller)),
        async respond(id, answer, caller) {
          const waiting = asked.take(id);
          return waiting !== undefined && (await peer.tell({ id: waiting.id, ...answer }, caller));
        },
        listen(filter, caller) {
          listening = true;
          if (era === "stateless") listens.listen(filter, caller);
        },
        async close() {
          over = true;
          listens.close();
          peer.end("upstream_unavailable");
          await parts.stop();
        },
      };
    },
    end(code) {
      peer.end(code);
      if (over) return;
      over = true;
      subscriptions?.close();
      if (greeted !== undefined) holder.onLost();
    },
  };
}

const nobodyThere = { code: -32_601, message: "nobody is there to be asked" };
