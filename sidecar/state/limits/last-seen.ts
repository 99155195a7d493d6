/** Remembers how limits stood when they were last seen here; bounded: what is forgotten counts as not seen. */
import type { LimitState } from "../../contract.js";

export interface LastSeen {
  note(key: string, state: LimitState): void;
  /** As it stands by now, as far as time tells. */
  get(key: string): LimitState | undefined;
}

/** @param now epoch milliseconds */
export function createLastSeen(most: number, now: () => number): LastSeen {
  const states = new Map<string, { readonly state: LimitState; readonly at: number }>();
  return {
    note(key, state) {
      // the latest stand last
      states.delete(key);
      states.set(key, { state, at: now() });
      if (states.size <= most) return;
      const [oldest] = states.keys();
      if (oldest !== undefined) states.delete(oldest);
    },
    get(key) {
      const seen = states.get(key);
      if (seen === undefined) return undefined;
      const { state, at } = seen;
      const { reset } = state;
      if (reset === undefined) return state;
      const left = reset - (now() - at) / 1000;
      if (left > 0) return { ...state, reset: Math.ceil(left) };
      states.delete(key);
      return undefined;
    },
  };
}
