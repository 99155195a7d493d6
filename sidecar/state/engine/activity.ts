/** What a task did: how it adds up. */
import type { Actual, Activity, CallChange, Reservation, Snapshot, Step } from "./engine.js";
import { mostRecent, mostTools } from "./engine.js";

/** What nothing was done in. */
export const noActivity: Activity = {
  requests: 0,
  denials: 0,
  actions: {},
  servers: {},
  tools: {},
  tokens: { input: 0, output: 0 },
  spend: {},
  recent: [],
};

/** The version of what isn't there. */
export const noVersion = "0";

/** What is assumed of a task that nothing is known of. */
export function emptySnapshot(holders: number): Snapshot {
  return {
    labels: {},
    activity: noActivity,
    seen: { labels: noVersions(holders + 1), activity: noVersion },
  };
}

export const versionSeparator = "|";
const none: string[] = [];

/** Joins as many versions of what isn't there. */
export function noVersions(count: number): string {
  return (none[count] ??= joinVersions(new Array<string>(count).fill(noVersion)));
}

/** Joins the versions of the labels of a task's root and of its holders, in this order. */
export function joinVersions(versions: readonly string[]): string {
  return versions.join(versionSeparator);
}

/** Characters of a name that something is counted by. */
const mostName = 256;

/** Counts one more under a name; beyond {@link mostTools} names, under `*`. */
export function countName(
  counts: Readonly<Record<string, number>>,
  name: string | undefined,
): Readonly<Record<string, number>> {
  if (name === undefined) return counts;
  const short = name.slice(0, mostName);
  const known = Object.hasOwn(counts, short);
  const key = known || Object.keys(counts).length < mostTools ? short : "*";
  const next: Record<string, number> = { ...counts };
  const value = (Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0) + 1;
  // defined, so that `__proto__` is a name like any other
  if (key === "__proto__")
    Object.defineProperty(next, key, { value, enumerable: true, configurable: true, writable: true });
  else next[key] = value;
  return next;
}

/** What is remembered of a call. */
export function stepOf(call: CallChange, allow: boolean): Step {
  return {
    decision_id: call.told ?? call.decisionId,
    action: call.action.slice(0, mostName),
    resource: call.resource.slice(0, mostName),
    allow,
    at: call.at,
  };
}

/** Adds a decided call. */
export function addCall(activity: Activity, call: CallChange, allow: boolean): Activity {
  return {
    ...activity,
    startedAt: activity.startedAt ?? call.at,
    requests: activity.requests + 1,
    denials: activity.denials + (allow ? 0 : 1),
    actions: countName(activity.actions, call.action),
    servers: allow ? countName(activity.servers, call.server) : activity.servers,
    tools: allow ? countName(activity.tools, call.tool) : activity.tools,
    recent: [...activity.recent.slice(1 - mostRecent), stepOf(call, allow)],
  };
}

/** What a call used of what tasks add up. */
export interface Used {
  readonly input: number;
  readonly output: number;
  readonly cost: number;
  readonly currency?: string;
}

/** Adds what a call used. */
export function addUsed(activity: Activity, { input, output, cost, currency }: Used): Activity {
  const { tokens, spend } = activity;
  return {
    ...activity,
    tokens: { input: tokens.input + input, output: tokens.output + output },
    spend:
      cost > 0 && currency !== undefined ? { ...spend, [currency]: (spend[currency] ?? 0) + cost } : spend,
  };
}

/** A whole number that can be counted with; undefined for what a garbled outcome may say. */
export function countable(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value >= 0
    ? Math.min(Math.ceil(value), mostUnits)
    : undefined;
}

/** The most that one call can be said to have used: sums stay exact. */
export const mostUnits = 2 ** 46;

/** Gives what a call used of what it held of one limit. */
export function usedOf(
  { unit, currency }: Pick<Reservation, "unit" | "currency">,
  held: number,
  { units, known, currency: paid }: Actual,
): number {
  if (unit === "concurrent") return 0;
  // other money than what is counted: what was held stays taken
  if (unit === "cost" && currency !== undefined && paid !== undefined && paid !== currency) return held;
  const told = countable(units[unit]);
  if (told !== undefined) return told;
  const [input, output] = [countable(units.input_tokens), countable(units.output_tokens)];
  if (unit === "tokens" && input !== undefined && output !== undefined) return input + output;
  if (unit === "tokens" && known) return (input ?? 0) + (output ?? 0);
  return known ? 0 : held;
}

/** Gives what tasks add up of a settled call; what wasn't told counts as the most that was held. */
export function usedByTask(
  held: readonly { readonly reservation: Pick<Reservation, "unit" | "currency">; readonly held: number }[],
  actual: Actual,
): Used {
  const most = (unit: Reservation["unit"]): number =>
    held.reduce((most, one) => (one.reservation.unit === unit ? Math.max(most, one.held) : most), 0);
  const of = (unit: "input_tokens" | "output_tokens" | "cost"): number =>
    countable(actual.units[unit]) ?? (actual.known ? 0 : most(unit));
  const currency =
    actual.currency ?? held.find(({ reservation }) => reservation.unit === "cost")?.reservation.currency;
  return {
    input: of("input_tokens"),
    output: of("output_tokens"),
    cost: of("cost"),
    ...(currency === undefined ? {} : { currency: currency.slice(0, 8) }),
  };
}
