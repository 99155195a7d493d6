/** Leaves a faulty thing alone for a while, then lets a single try find out whether it is well again. */
export interface Circuit {
  /** Tells whether a try is allowed at this time, epoch milliseconds. */
  allows(now: number): boolean;
  /** Notes that a try begins; while the circuit isn't closed this is the only one. */
  begin(): void;
  succeeded(): void;
  /** Notes that a try which began at `begun` failed now. */
  failed(begun: number, now: number): void;
}

export interface CircuitLimits {
  /** Failures in a row after which tries stop. */
  readonly failures: number;
  /** Milliseconds without tries. */
  readonly pauseMs: number;
}

/** Creates a closed circuit. */
export function createCircuit({ failures: most, pauseMs }: CircuitLimits): Circuit {
  let failures = 0;
  let failedAt = 0;
  let trying = false;
  return {
    allows(now) {
      if (failures < most) return true;
      // a clock that was set back must not prolong the pause
      const paused = now >= failedAt && now < failedAt + pauseMs;
      return !paused && !trying;
    },
    begin() {
      trying = failures >= most;
    },
    succeeded() {
      failures = 0;
      trying = false;
    },
    failed(begun, now) {
      trying = false;
      // what was under way together fails together: one hiccup is one failure (unless the clock was set back)
      if (begun < failedAt && failedAt <= now) return;
      failures++;
      failedAt = now;
    },
  };
}
