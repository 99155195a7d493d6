/** Makes bundles before they arrive: what is about to be pushed elsewhere is verified and compiled meanwhile. */
import { createHash } from "node:crypto";
import type { inLine } from "./in-line.js";
import type { Job, Made, Make } from "./make.js";

export interface Ahead {
  /** Makes a bundle, or takes what was made of the very same job. */
  readonly make: Make;
  /**
   * Makes a bundle that may arrive soon, and keeps what it is made to for a while. Does nothing while others are made ahead.
   * Never rejects: what is wrong is told when it arrives.
   */
  foresee(name: string, job: Job): Promise<Made | undefined>;
}

/** Milliseconds that what was made waits for its arrival. */
export const keptMs = 30_000;
/** Bundles that wait. */
const mostKept = 4;
/** Jobs at once: who tells of more than that isn't heard. */
const mostAtOnce = 2;

interface Kept {
  readonly key: string;
  readonly made: Made;
  readonly timer: NodeJS.Timeout;
}

/** @param inTurn runs one job after the other: what arrives while the same is made ahead waits, and finds it */
export function createAhead(make: Make, inTurn: ReturnType<typeof inLine>): Ahead {
  const kept = new Map<string, Kept>();
  let running = 0;
  const drop = (name: string): void => {
    clearTimeout(kept.get(name)?.timer);
    kept.delete(name);
  };
  const keep = (name: string, key: string, made: Made): void => {
    drop(name);
    const [oldest] = kept.keys();
    if (kept.size >= mostKept && oldest !== undefined) drop(oldest);
    const timer = setTimeout(drop, keptMs, name).unref();
    kept.set(name, { key, made, timer });
  };
  const makeOrTake: Make = (job) => {
    const key = kept.size === 0 ? undefined : keyOf(job);
    const found = key === undefined ? undefined : [...kept].find(([, one]) => one.key === key);
    if (found === undefined) return make(job);
    const [name, { made }] = found;
    drop(name);
    return Promise.resolve(made);
  };
  return {
    make: (job) => inTurn(() => makeOrTake(job)),
    async foresee(name, job) {
      const key = keyOf(job);
      if (key === undefined || kept.get(name)?.key === key || running >= mostAtOnce) return undefined;
      running++;
      try {
        return await inTurn(async () => {
          const made = await make(job);
          if (made.kind !== "made") return undefined;
          keep(name, key, made);
          return made;
        });
      } finally {
        running--;
      }
    },
  };
}

/** INVARIANT: names all that what is made depends on: bytes, whose signature it must have, limits, and what is in force. */
function keyOf({ content, inForce, keys, tests, ...rest }: Job): string | undefined {
  // what its tests say is no older than its arrival; changes depend on what they are made to
  if (tests || !("bytes" in content) || content.deltas !== undefined) return undefined;
  const { contentDigest, archiveDigest, expires } = inForce ?? {};
  const about = JSON.stringify([[...keys], rest, contentDigest, archiveDigest, expires]);
  return createHash("sha256").update(content.bytes).update(about).digest("hex");
}
