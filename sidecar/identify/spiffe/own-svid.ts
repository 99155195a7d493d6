import type { WorkloadApiParts } from "./workload-api.js";
import { within, type Follow } from "./follow.js";
import { readSvid, type Svid } from "./svid.js";
import type { X509SvidMessage } from "./workload-proto.js";

export interface SvidSource {
  /** Undefined before the first one, and after the last one's end. */
  current(): Svid | undefined;
  /** Waits for the first one, no longer than a start may take. */
  ready(): Promise<void>;
  onChange(listener: () => void): void;
}

/** Follows our own SVID as the agent renews it. */
export function followSvid(follow: Follow, { spiffeId, now, onEvent, limits }: WorkloadApiParts): SvidSource {
  const listeners: (() => void)[] = [];
  let svid: Svid | undefined;
  const { first } = follow("FetchX509SVID", (message) => {
    const next = readSvid(message as X509SvidMessage, spiffeId);
    if (next === undefined || next.version === svid?.version) return;
    svid = next;
    const expires_at = new Date(next.expiresAt).toISOString();
    onEvent({ kind: "svid_changed", spiffe_id: next.spiffeId, expires_at });
    for (const listener of listeners) listener();
  });
  return {
    current: () => (svid === undefined || now() > svid.expiresAt ? undefined : svid),
    ready: () => within(first, limits.firstWaitMs),
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
