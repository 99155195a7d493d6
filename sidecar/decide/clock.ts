import { randomBytes } from "node:crypto";

/** The time that the process goes by. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /**
   * Names the time since the clock was last set back; "" until that happens. Results that the clock was read for are kept under
   * it: they were made for a time that came later than the one it is now, and say nothing of that.
   */
  turn(): string;
}

/** Watches a clock, the system's unless given, for being set back: as far as anybody looked. */
export function watchClock(read: () => number = Date.now): Clock {
  let latest = -Infinity;
  let name = "";
  const now = (): number => {
    const at = read();
    // INVARIANT: another process, and this one after its next start, never has the same name
    if (at < latest) name = `set back ${randomBytes(12).toString("base64url")} `;
    latest = at;
    return at;
  };
  return {
    now,
    turn() {
      now();
      return name;
    },
  };
}
