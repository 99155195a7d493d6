/** Keeps a credential and, for a while after a change, the one before it. */
import type { Secret } from "./secret.js";

export interface Rotation extends Secret {
  /** Takes a new value; false where it is the one in use. The one that worked until now stays usable for the overlap. */
  change(value: string): boolean;
  /** The newest. */
  current(): string;
}

export interface RotationParts {
  readonly id: string;
  readonly first: string;
  /** Milliseconds. */
  readonly overlapMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Told when an upstream takes another one than it was given first. */
  readonly onTook: (which: "current" | "previous", value: string) => void;
}

export function createRotation({ id, first, overlapMs, clock, onTook }: RotationParts): Rotation {
  let current = first;
  let both: readonly [string, string] | undefined;
  let only: readonly [string] = [first];
  let until = 0;
  const values = (): readonly [string, ...string[]] => {
    if (both === undefined) return only;
    if (clock() < until) return both;
    // forgotten, and not only unused
    both = undefined;
    return only;
  };
  return {
    id,
    values,
    current: () => current,
    change(value) {
      if (value === current) return false;
      // the one that upstreams took last, which need not be the newest
      const [working] = values();
      current = value;
      only = [value];
      both = overlapMs > 0 && working !== value ? [value, working] : undefined;
      until = clock() + overlapMs;
      return true;
    },
    took(value) {
      // it may have changed again since it was given out
      if (both === undefined || value !== both[1]) return;
      both = [both[1], both[0]];
      onTook(value === current ? "current" : "previous", value);
    },
  };
}
