/** Lets so many decisions a second through. Source: OPA, `max_decisions_per_second`, a bucket of tokens. */
export type Allow = () => boolean;

/** @param clock milliseconds of a monotonic clock */
export function createRate(perSecond: number, clock: () => number = () => performance.now()): Allow {
  const most = Math.max(1, perSecond);
  let tokens = most;
  let last = clock();
  return () => {
    const now = clock();
    tokens = Math.min(most, tokens + ((now - last) / 1_000) * perSecond);
    last = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}
