/** Counts decisions, the rules that held, what the cache answered, and how long steps took. */
import type { CacheLevel } from "../contract.js";
import type { CounterCell, HistogramCell } from "./cell.js";
import type { CacheLookups, CacheResult, Door, StepMicros, steps } from "./metrics.js";

/** What the decisions at one path have in common. */
export interface Common {
  readonly door: Door;
  /** {@link CallKind}; anything else (raw OPA queries) counts as "other". */
  readonly kind: string;
  readonly action: string;
  /** The entrypoint; one that no active bundle has counts as "other". */
  readonly policy: string;
}

export interface Varying {
  readonly allow: boolean;
  /** Code of the first reason; "" for none. */
  readonly reason: string;
  readonly rules: readonly string[];
  /** A level stands for the usual lookups that end there (`none`: not counted). */
  readonly cache: CacheLevel | CacheLookups;
  readonly micros: StepMicros;
}

export type Decided = Common & Varying;

export interface CountParts {
  readonly decisionsOf: (facts: Common & Pick<Varying, "allow" | "reason">) => CounterCell;
  readonly heldOf: (rule: string) => CounterCell;
  readonly lookupsOf: (level: string, result: string) => CounterCell;
  readonly step: Readonly<Record<(typeof steps)[number], HistogramCell>>;
}

const levels: Readonly<Record<CacheLevel, CacheLookups>> = {
  none: {},
  l1: { l1: "hit" },
  l2: { l1: "miss", l2: "hit" },
};

/** Creates what counts; cells are read at scrape, so that counting is adding to a number. */
export function createDecidedCounter({ decisionsOf, heldOf, lookupsOf, step }: CountParts) {
  const cells = { l1: new Map<CacheResult, CounterCell>(), l2: new Map<CacheResult, CounterCell>() };
  const looked = (level: "l1" | "l2", result: CacheResult): void => {
    let cell = cells[level].get(result);
    if (cell === undefined) cells[level].set(result, (cell = lookupsOf(level, result)));
    cell.add();
  };
  const rest = ({ rules, cache, micros }: Varying): void => {
    for (const rule of rules) heldOf(rule).add();
    const { l1, l2 } = typeof cache === "string" ? levels[cache] : cache;
    if (l1 !== undefined) looked("l1", l1);
    if (l2 !== undefined) looked("l2", l2);
    if (micros.identify !== undefined) step.identify.observe(micros.identify);
    if (micros.describe !== undefined) step.describe.observe(micros.describe);
    if (micros.cache !== undefined) step.cache.observe(micros.cache);
    if (micros.evaluate !== undefined) step.evaluate.observe(micros.evaluate);
    if (micros.state !== undefined) step.state.observe(micros.state);
    if (micros.record !== undefined) step.record.observe(micros.record);
    if (micros.total !== undefined) step.total.observe(micros.total);
  };
  return {
    decided(facts: Decided): void {
      decisionsOf(facts).add();
      rest(facts);
    },
    countingFor(common: Common): (facts: Varying) => void {
      let allowed: CounterCell | undefined;
      let denied: CounterCell | undefined;
      return (facts) => {
        const { allow, reason } = facts;
        if (reason !== "") decisionsOf({ ...common, allow, reason }).add();
        else if (allow) (allowed ??= decisionsOf({ ...common, allow, reason })).add();
        else (denied ??= decisionsOf({ ...common, allow, reason })).add();
        rest(facts);
      };
    },
  };
}
