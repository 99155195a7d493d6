/** What is under way, so that who wants the same waits for it. */
export interface Flights<T> {
  get(key: string): Promise<T | undefined> | undefined;
  /** Adds what is under way until it settles. */
  begin(key: string, flight: Promise<T | undefined>): Promise<T | undefined>;
  /** Adds what gives nothing itself; who waits finds elsewhere what came of it. */
  join(key: string, settled: Promise<unknown>): void;
}

/** Flights at a time, at most: beyond it nobody waits for others. */
const most = 10_000;

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Promise<T | undefined>>();
  const begin = (key: string, flight: Promise<T | undefined>): Promise<T | undefined> => {
    if (flights.size >= most) return flight;
    const added = flight.finally(() => {
      if (flights.get(key) === added) flights.delete(key);
    });
    flights.set(key, added);
    return added;
  };
  return {
    get: (key) => flights.get(key),
    begin,
    join(key, settled) {
      const silent = settled.then(
        () => undefined,
        () => undefined,
      );
      void begin(key, silent);
    },
  };
}
