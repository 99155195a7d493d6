/** What a proof turned out to be; `unknown`: it can't be told, which refuses it. */
export type Use = "first" | "again" | "replayed" | "unknown";

export interface ProofUse {
  /** Names the proof: a digest of its key and `jti`. */
  readonly proof: string;
  /** Names the key that made it. */
  readonly holder: string;
  /** The enforcement point's own id of the request that it came with; empty: it gave none. */
  readonly exchange: string;
}

/**
 * Remembers proofs, so that each serves one request. INVARIANT: `first` is said once for a proof, among all that share
 * the store, until it is too old to be accepted; `again` only within the exchange of the `first`.
 */
export interface ReplayStore {
  use(use: ProofUse): Use | Promise<Use>;
  close(): Promise<void>;
}

export interface MemoryReplayParts {
  /** How long proofs are kept: at least as long as they are accepted, milliseconds. */
  readonly keepMs: number;
  /** Most proofs; when it is full, further ones are refused. */
  readonly maxEntries: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The part of the store that proofs by one key may fill: its holder can't lock the others out. */
const share = 8;

/** Creates the store of one process. A proof costs some 250 bytes. */
export function createMemoryReplay({ keepMs, maxEntries, now }: MemoryReplayParts): ReplayStore {
  // in the order of their ends, as all are kept equally long
  const entries = new Map<string, { readonly use: ProofUse; readonly until: number }>();
  const held = new Map<string, number>();
  const most = Math.max(1, Math.floor(maxEntries / share));

  const forget = (proof: string, { holder }: ProofUse): void => {
    entries.delete(proof);
    const left = (held.get(holder) ?? 1) - 1;
    if (left === 0) held.delete(holder);
    else held.set(holder, left);
  };
  return {
    use(use) {
      const at = now();
      for (const [proof, entry] of entries) {
        if (entry.until > at) break;
        forget(proof, entry.use);
      }
      const known = entries.get(use.proof);
      if (known !== undefined) return sameExchange(known.use.exchange, use.exchange) ? "again" : "replayed";
      const count = held.get(use.holder) ?? 0;
      if (entries.size >= maxEntries || count >= most) return "unknown";
      entries.set(use.proof, { use, until: at + keepMs });
      held.set(use.holder, count + 1);
      return "first";
    },
    close() {
      entries.clear();
      held.clear();
      return Promise.resolve();
    },
  };
}

/** Tells whether two questions are about the same request; without an id, nothing says so. */
export function sameExchange(first: string, second: string): boolean {
  return first !== "" && first === second;
}

/** Asks this process's memory first, then what the fleet shares: a Redis that forgets can't undo what is known here. */
export function createLayeredReplay(near: ReplayStore, far: ReplayStore): ReplayStore {
  return {
    async use(use) {
      const here = await near.use(use);
      return here === "replayed" || here === "unknown" ? here : far.use(use);
    },
    async close() {
      await Promise.all([near.close(), far.close()]);
    },
  };
}
