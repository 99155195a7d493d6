/** Why a call is over a limit, and when it may come again. */
import type { LimitState, LimitUnit } from "../../contract.js";
import type { Window } from "../engine/engine.js";

/** Tells a budget, which is used up, from a rate, which time brings back. */
export function codeOf(unit: LimitUnit, { kind }: Pick<Window, "kind">): "rate_limited" | "budget_exceeded" {
  return kind === "calendar" || kind === "lifetime" || unit === "cost" ? "budget_exceeded" : "rate_limited";
}

/** Seconds after which somebody else's call may have ended. */
const concurrentRetry = 1;

/** Undefined where time doesn't help: nothing comes back, or the call is larger than all that there ever is. */
export function retryAfterOf(
  { window, take, amount }: { readonly window: Window; readonly take: number; readonly amount: number },
  state: LimitState | undefined,
): number | undefined {
  if (take > amount || window.kind === "lifetime") return undefined;
  if (window.kind === "concurrent") return concurrentRetry;
  return state?.reset === undefined ? undefined : Math.max(1, Math.ceil(state.reset));
}
