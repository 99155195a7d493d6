/** Requests that wait at a server for input, while their client of the stateless era gathers it. */
import { randomBytes } from "node:crypto";
import type { Input } from "./inputs.js";
import type { Run, Wanted } from "./run.js";

export interface Parked {
  readonly run: Run;
  /** Names whose it is. */
  readonly owner: string;
  /** What the client was asked, by the key that it answers under. */
  readonly asked: ReadonlyMap<string, { readonly wanted: Wanted; readonly input: Input }>;
}

export interface ParkedRuns {
  /** Keeps a run for so long; gives its name, or undefined where there are too many, of all or of its owner's. */
  park(parked: Parked, longestMs: number): string | undefined;
  /** Gives a run back, once. */
  take(name: string): Parked | undefined;
  close(): void;
}

const most = 1_000;
/** Of one caller, so that none takes the room of all. */
const mostOfOne = 100;

/** Creates the place where they wait. */
export function createParkedRuns(): ParkedRuns {
  const waiting = new Map<string, { readonly parked: Parked; readonly timer: NodeJS.Timeout }>();
  return {
    park(parked, longestMs) {
      if (waiting.size >= most) return undefined;
      const own = [...waiting.values()].filter((one) => one.parked.owner === parked.owner);
      if (own.length >= mostOfOne) return undefined;
      const name = randomBytes(18).toString("base64url");
      const timer = setTimeout(() => {
        waiting.delete(name);
        parked.run.abort();
      }, longestMs);
      timer.unref();
      waiting.set(name, { parked, timer });
      return name;
    },
    take(name) {
      const found = waiting.get(name);
      if (found === undefined) return undefined;
      waiting.delete(name);
      clearTimeout(found.timer);
      return found.parked;
    },
    close() {
      for (const { parked, timer } of waiting.values()) {
        clearTimeout(timer);
        parked.run.abort();
      }
      waiting.clear();
    },
  };
}
