/** What a holder listens to over a channel of the stateless era. */
import type { JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import { carry } from "../carry.js";
import type { Holder, LinkCaller, ListenFilter } from "../link.js";
import { metaNames } from "../revisions.js";
import { wasAskedFor } from "../subscription.js";
import type { Peer } from "./peer.js";

export interface Subscriptions {
  /** Listens to this instead of what was listened to before. */
  listen(filter: ListenFilter, caller: LinkCaller): void;
  /** Gives the holder what it subscribed to; `false` for what belongs to no subscription of the holder's. */
  take(method: string, params: JsonObject): boolean;
  close(): void;
}

export function createSubscriptions(peer: Peer, holder: Holder): Subscriptions {
  let current:
    { readonly aborts: AbortController; id?: number; filter: ListenFilter; ready: boolean } | undefined;
  return {
    listen(filter, caller) {
      current?.aborts.abort();
      const mine: NonNullable<typeof current> = { aborts: new AbortController(), filter, ready: false };
      current = mine;
      const { resourceSubscriptions: uris, ...changes } = filter;
      const notifications: JsonObject = {
        ...changes,
        ...(uris === undefined ? {} : { resourceSubscriptions: [...uris] }),
      };
      // where the server ends it, or has none, there is nothing to hear until somebody listens again
      void peer.request({
        ...{ method: "subscriptions/listen", params: carry(holder, { notifications }), caller },
        ...{ signal: mine.aborts.signal, endless: true, onMessage: () => undefined },
        onId: (id) => (mine.id = id),
      });
    },
    take(method, params) {
      const { _meta, ...others } = params;
      const id = isObject(_meta) ? _meta[metaNames.subscriptionId] : undefined;
      if (current === undefined || id !== current.id) return id !== undefined;
      if (method === "notifications/subscriptions/acknowledged") current.ready = true;
      else if (current.ready && wasAskedFor(current.filter, method, params)) {
        holder.onMessage({ method, params: others });
      }
      return true;
    },
    close() {
      current?.aborts.abort();
      current = undefined;
    },
  };
}
