/** Labels of tasks and of who holds them, in memory. */
import type { LabelOrigin } from "../../contract.js";
import type { Snapshot, TaskKeys } from "./engine.js";
import { mostLabels } from "./engine.js";
import { inTenant } from "./ledger.js";

/** Labels that lie with one task or one holder. */
export interface LabelSet {
  readonly labels: Map<string, { readonly origin: LabelOrigin; readonly until: number }>;
  version: number;
  /** Epoch milliseconds: forgotten then. */
  expires: number;
}

export function createLabelSet(): LabelSet {
  return { labels: new Map(), version: 0, expires: Infinity };
}

/** Drops what has ended, and gives what is left. */
export function currentLabels(set: LabelSet | undefined, now: number): LabelSet["labels"] {
  if (set === undefined) return new Map();
  for (const [name, { until }] of set.labels) if (until <= now) set.labels.delete(name);
  return set.labels;
}

/** Whether so many more would still be few enough. */
export function labelsFit(set: LabelSet | undefined, names: Iterable<string>, now: number): boolean {
  const all = new Set(currentLabels(set, now).keys());
  for (const name of names) all.add(name);
  return all.size <= mostLabels;
}

/**
 * Adds labels until a time. INVARIANT: one that is there keeps its origin and never ends sooner.
 * @returns whether a label came that wasn't there
 */
export function addLabels(
  set: LabelSet,
  labels: Readonly<Record<string, LabelOrigin>>,
  until: number,
): boolean {
  let changed = false;
  for (const [name, origin] of Object.entries(labels)) {
    const known = set.labels.get(name);
    if (known === undefined) changed = true;
    if (known === undefined || known.until < until) {
      set.labels.set(name, { origin: known?.origin ?? origin, until });
    }
  }
  return changed;
}

const noLabels = Object.freeze(Object.create(null)) as Snapshot["labels"];

/** An identity brings the same list again. */
const knownIds = new WeakMap<
  TaskKeys["holders"],
  { readonly tenant: string; readonly ids: readonly string[] }
>();

/** Names the labels of who holds a task. */
export function holderIds(keys: TaskKeys): readonly string[] {
  const { holders, tenant } = keys;
  const known = knownIds.get(holders);
  if (known?.tenant === tenant && known.ids.length === holders.length) return known.ids;
  const ids = holders.map((holder) => inTenant(keys, `holder:${holder}`));
  knownIds.set(holders, { tenant, ids });
  return ids;
}

/** Gives the labels of several: of those by one name, the first. */
export function joinLabels(sets: readonly (LabelSet | undefined)[], now: number): Snapshot["labels"] {
  let all: Record<string, LabelOrigin> | undefined;
  for (const set of sets) {
    for (const [name, { origin }] of currentLabels(set, now)) {
      all ??= Object.create(null) as Record<string, LabelOrigin>;
      all[name] ??= origin;
    }
  }
  return all ?? noLabels;
}
