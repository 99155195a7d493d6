/** Calls many things at their own pace from one timer: five hundred timers would drift apart from what they are set to. */

export interface Clockwork {
  /** Calls every so many milliseconds, so many times, or until false comes back; first at once. */
  add(everyMs: number, times: number, tick: (at: number) => boolean): void;
}

interface Ticking {
  due: number;
  at: number;
  readonly everyMs: number;
  readonly times: number;
  readonly tick: (at: number) => boolean;
}

/** Creates a clockwork that looks each millisecond for what is due. */
export function createClockwork(clock: () => number = () => performance.now()): Clockwork {
  let ticking: Ticking[] = [];
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const now = clock();
    let ended = false;
    for (const one of ticking) {
      if (one.due > now) continue;
      const goesOn = one.tick(one.at++) && one.at < one.times;
      // from when it was due, not from now: a late tick doesn't make all that follow late
      one.due = goesOn ? one.due + one.everyMs : Infinity;
      ended ||= !goesOn;
    }
    if (ended) ticking = ticking.filter(({ due }) => due !== Infinity);
    if (ticking.length === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
  return {
    add(everyMs, times, tick) {
      ticking.push({ due: clock(), at: 0, everyMs, times, tick });
      timer ??= setInterval(look, 1);
    },
  };
}
