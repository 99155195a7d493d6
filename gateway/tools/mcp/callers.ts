import type { Subject } from "../links/link.js";

/** Whom credentials belonged to lately, by a digest of them. INVARIANT: finds links; it never says who somebody is. */
export interface Callers {
  get(key: string): Subject | undefined;
  set(key: string, subject: Subject): void;
  delete(key: string): void;
}

const most = 10_000;

export function createCallers(): Callers {
  const known = new Map<string, Subject>();
  return {
    get: (key) => known.get(key),
    set(key, subject) {
      if (known.size >= most) {
        const [oldest] = known.keys();
        if (oldest !== undefined) known.delete(oldest);
      }
      known.set(key, subject);
    },
    delete: (key) => known.delete(key),
  };
}
