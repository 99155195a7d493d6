import type { Retries } from "./deployment.js";

/** Bounds retries by the traffic, so that they can't multiply the load on what is failing. */
export interface RetryBudget {
  /** Counts a request that isn't a retry. */
  earn(): void;
  /** Takes one retry; false where none is left. */
  spend(): boolean;
}

/** Starts full: with its reserve. */
export function createRetryBudget({
  budgetPercent,
  reserve,
}: Pick<Retries, "budgetPercent" | "reserve">): RetryBudget {
  // hundredths, so that the sum of many stays exact
  const most = Math.max(reserve * 100, budgetPercent);
  let left = reserve * 100;
  return {
    earn() {
      left = Math.min(most, left + budgetPercent);
    },
    spend() {
      if (left < 100) return false;
      left -= 100;
      return true;
    },
  };
}
