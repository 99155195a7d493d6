/** Tells when more happens within a minute than may. */
export function createRate(clock: () => number, most: number): () => boolean {
  let count = 0;
  let from = clock();
  return () => {
    const now = clock();
    if (now - from > minuteMs) {
      from = now;
      count = 0;
    }
    return ++count > most;
  };
}

const minuteMs = 60_000;

/** What a server may say of its own accord in a minute; more is a flood. */
export const mostUnasked = 10_000;
