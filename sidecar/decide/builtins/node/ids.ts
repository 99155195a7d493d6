import type { RegoValue } from "../../engine/value.js";
import { compareValues } from "../../engine/value.js";

/** Numbers for values: equal ones have the same, and their order is that of the values. */
export interface Ids {
  readonly values: readonly RegoValue[];
  of(value: RegoValue): number;
}

/** Numbers values, so that comparing them again and again costs nothing, however large they are. */
export function numbered(all: readonly RegoValue[]): Ids {
  // each object once: the same one is met again by its identity
  const unique = [...new Set(all)].sort(compareValues);
  const ids = new Map<RegoValue, number>();
  const values: RegoValue[] = [];
  for (const value of unique) {
    const last = values.at(-1);
    if (last === undefined || compareValues(last, value) !== 0) values.push(value);
    ids.set(value, values.length - 1);
  }
  return { values, of: (value) => ids.get(value) ?? -1 };
}
