/** What becomes of bundles in force when their time is over. */
import type { ActiveBundle } from "./active.js";

export interface ExpiryParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Ahead of time, and again: `left` is milliseconds. */
  readonly onSoon: (name: string, left: number) => void;
  /** Once for each bundle in force. */
  readonly onExpired: (name: string, at: number) => void;
}

export interface Expiry {
  /** Takes down until when what is in force of a name holds. */
  set(name: string, at: number | undefined): void;
  /** Tells of each that is over; cheap while none is. */
  check(): void;
  isExpired(name: string): boolean;
  close(): void;
}

const hour = 3_600_000;
/** When it is told ahead of time, milliseconds before. */
const ahead = [7 * 24 * hour, 24 * hour, hour];
/** Longest wait between two looks at the clock: it may be set. */
const longest = hour;

export function createExpiry({ now, onSoon, onExpired }: ExpiryParts): Expiry {
  const ends = new Map<string, { readonly at: number; told: number; over: boolean }>();
  /** The next moment at which there is something to tell. */
  let next = Infinity;
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    const at = now();
    for (const [name, end] of ends) {
      if (end.over) continue;
      const left = end.at - at;
      if (left <= 0) {
        end.over = true;
        onExpired(name, end.at);
        continue;
      }
      const due = ahead.filter((before) => left <= before).at(-1);
      if (due !== undefined && due < end.told) {
        end.told = due;
        onSoon(name, left);
      }
    }
    wind();
  };
  const wind = (): void => {
    clearTimeout(timer);
    next = Infinity;
    const from = now();
    for (const { at, told, over } of ends.values()) {
      if (over) continue;
      const before = ahead.find((one) => one < told && at - one > from) ?? 0;
      next = Math.min(next, at - before);
    }
    if (next === Infinity) return;
    timer = setTimeout(look, Math.min(longest, Math.max(0, next - from)));
    timer.unref();
  };

  return {
    set(name, at) {
      if (at === undefined) ends.delete(name);
      else ends.set(name, { at, told: Infinity, over: false });
      look();
    },
    check() {
      // INVARIANT: who asks after the time is answered by it, whether or not a timer came late
      if (next !== Infinity && now() >= next) look();
    },
    isExpired: (name) => ends.get(name)?.over === true,
    close: () => {
      clearTimeout(timer);
    },
  };
}

/** The same bundle, which answers nothing but failures: whoever asks it is denied. Nothing that was kept of it is found. */
export function seal(bundle: ActiveBundle): ActiveBundle {
  return {
    ...bundle,
    policy: {
      ...bundle.policy,
      evaluate: () => ({
        kind: "failed",
        code: "evaluation_error",
        detail: "bundle_expired",
        fault: { code: "bundle_expired", message: `the bundle ${bundle.name} has expired` },
      }),
    },
    entrypoints: new Map([...bundle.entrypoints].map(([path, { facts }]) => [path, { facts }])),
  };
}
