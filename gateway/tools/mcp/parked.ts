/** Requests that wait at a server for input, while their client of the stateless era gathers it. */
import { randomBytes } from "node:crypto";
import type { Decision, Handle } from "../../../sidecar/contract.js";
import type { Alive, Live } from "../../live/live.js";
import type { Input } from "./inputs.js";
import type { Run, Wanted } from "./run.js";

export interface Parked {
  readonly run: Run;
  /** The decision that it goes on by, and what fences know it by. */
  readonly decision: Decision;
  readonly handles: ReadonlySet<Handle>;
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
export function createParkedRuns(live: Live): ParkedRuns {
  interface Waiting {
    readonly parked: Parked;
    readonly timer: NodeJS.Timeout;
    readonly alive: Alive;
  }
  const waiting = new Map<string, Waiting>();
  const takeOut = (name: string): Parked | undefined => {
    const found = waiting.get(name);
    if (found === undefined) return undefined;
    waiting.delete(name);
    clearTimeout(found.timer);
    found.alive.release();
    return found.parked;
  };
  return {
    park(parked, longestMs) {
      if (waiting.size >= most) return undefined;
      const own = [...waiting.values()].filter((one) => one.parked.owner === parked.owner);
      if (own.length >= mostOfOne) return undefined;
      const name = randomBytes(18).toString("base64url");
      const drop = (): void => {
        takeOut(name)?.run.abort();
      };
      const timer = setTimeout(drop, longestMs).unref();
      const alive = live.begin({ kind: "parked", cut: drop });
      waiting.set(name, { parked, timer, alive });
      // who asks may wait no longer; its run ends as if it had been too many
      if (alive.under(parked.decision, parked.handles) !== undefined) {
        drop();
        return undefined;
      }
      return name;
    },
    take: takeOut,
    close() {
      for (const name of [...waiting.keys()]) takeOut(name)?.run.abort();
    },
  };
}
