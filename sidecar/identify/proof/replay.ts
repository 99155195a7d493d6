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
const share = 4;
/** Proofs are forgotten by the bunch: this many of them to the time that they are kept. */
const bunches = 8;

/** Proofs that came about the same time. */
interface Bunch {
  readonly from: number;
  /** The exchange that each came with. */
  readonly exchanges: Map<string, string>;
  /** How many each key made. */
  readonly made: Map<string, number>;
}

/**
 * Creates the store of one process. A proof costs some 200 bytes; what one costs in time doesn't grow with their number,
 * as they are forgotten a bunch at a time.
 */
export function createMemoryReplay({ keepMs, maxEntries, now }: MemoryReplayParts): ReplayStore {
  const span = keepMs / bunches;
  const most = Math.max(1, Math.floor(maxEntries / share));
  let kept: Bunch[] = [];

  const sum = (count: (bunch: Bunch) => number): number =>
    kept.reduce((total, bunch) => total + count(bunch), 0);
  return {
    use({ proof, holder, exchange }) {
      const at = now();
      // INVARIANT: the youngest of a bunch came less than a span after its begin; a clock set back only keeps it longer
      if (kept[0] !== undefined && kept[0].from + span + keepMs <= at) {
        kept = kept.filter(({ from }) => from + span + keepMs > at);
      }
      for (const { exchanges } of kept) {
        const known = exchanges.get(proof);
        if (known !== undefined) return sameExchange(known, exchange) ? "again" : "replayed";
      }
      if (sum(({ exchanges }) => exchanges.size) >= maxEntries) return "unknown";
      if (sum(({ made }) => made.get(holder) ?? 0) >= most) return "unknown";
      let last = kept[kept.length - 1];
      if (last === undefined || last.from + span <= at) {
        last = { from: at, exchanges: new Map(), made: new Map() };
        kept.push(last);
      }
      last.exchanges.set(proof, exchange);
      last.made.set(holder, (last.made.get(holder) ?? 0) + 1);
      return "first";
    },
    close() {
      kept = [];
      return Promise.resolve();
    },
  };
}

/** Tells whether two questions are about the same request; without an id, nothing says so. */
export function sameExchange(first: string, second: string): boolean {
  return first !== "" && first === second;
}

/**
 * Asks what the fleet shares, then this process's memory: a Redis that forgets can't undo what is known here.
 * INVARIANT: the memory holds only what the fleet's store confirmed, with the exchange that was the first.
 */
export function createLayeredReplay(near: ReplayStore, far: ReplayStore): ReplayStore {
  return {
    async use(use) {
      const there = await far.use(use);
      if (there === "replayed" || there === "unknown") return there;
      const here = await near.use(use);
      return here === "first" ? there : here;
    },
    async close() {
      await Promise.all([near.close(), far.close()]);
    },
  };
}
