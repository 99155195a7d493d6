/**
 * What a fleet remembers of tasks and limits: one step reads, one step changes, each atomic. In memory, or in Redis with one
 * round trip a step. INVARIANT: what can't be read or written is told as such, never taken for empty.
 */
import type { DecisionTask, LabelOrigin, LimitState, LimitUnit } from "../../contract.js";

export interface TaskKeys {
  /** All of a tenant lies together, so that one step can change it. */
  readonly tenant: string;
  /** {@link DecisionTask.lineage}: labels lie with the first; what is counted, with each. */
  readonly lineage: DecisionTask["lineage"];
  /** Digests of who holds the task, and in which session: labels stick to these, too. */
  readonly holders: readonly string[];
  /** Digests to which labels stick as well, but from which none come to this caller: versions don't depend on them. */
  readonly marks?: readonly string[];
  /** Milliseconds after its last use until the task may be forgotten. */
  readonly keepMs: number;
  /** Begun by a request without a token: where there is no room, it may be forgotten before; its holders aren't. */
  readonly fleeting?: boolean;
  /** Milliseconds for which a label sticks to a holder. */
  readonly stickMs: number;
}

/** What a task did so far, and all under it. */
export interface Activity {
  /** Epoch milliseconds of the first decision; absent before it. */
  readonly startedAt?: number;
  readonly requests: number;
  readonly denials: number;
  readonly actions: Readonly<Record<string, number>>;
  readonly servers: Readonly<Record<string, number>>;
  /** At most {@link mostTools}; what is beyond is counted under `*`. */
  readonly tools: Readonly<Record<string, number>>;
  readonly tokens: { readonly input: number; readonly output: number };
  /** By currency, in billionths. */
  readonly spend: Readonly<Record<string, number>>;
  /** The last, at most {@link mostRecent}; the newest is the last. */
  readonly recent: readonly Step[];
}

export const mostTools = 256;
export const mostRecent = 16;
/** Labels of one task, or sticking to one holder. One more is refused as `task_labels_full`. */
export const mostLabels = 128;

export interface Step {
  readonly decision_id: string;
  readonly action: string;
  /** `type:id` */
  readonly resource: string;
  readonly allow: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What decisions rest on, and how it is recognized. */
export interface Snapshot {
  /** Of the task and of who holds it. */
  readonly labels: Readonly<Record<string, LabelOrigin>>;
  readonly activity: Activity;
  readonly seen: Seen;
}

/** Versions; opaque. */
export interface Seen {
  readonly labels: string;
  readonly activity: string;
}

export type Window =
  | { readonly kind: "fixed" | "sliding"; readonly ms: number }
  | { readonly kind: "calendar"; readonly period: "day" | "week" | "month"; readonly timeZone: string }
  /** As long as what is counted by its key exists: a task's budget. */
  | { readonly kind: "lifetime" }
  /** Only while calls are under way. */
  | { readonly kind: "concurrent" };

/** What one call counts against one limit. */
export interface Reservation {
  /** As it is told. */
  readonly name: string;
  /** What is counted apart, e.g. the limit and the values of what it counts by; never told. */
  readonly key: string;
  /** `fleet`: over all tenants. */
  readonly scope: "tenant" | "fleet";
  readonly unit: LimitUnit;
  readonly window: Window;
  /** Whole number: the most in the window. */
  readonly amount: number;
  /** Held from now on until it is settled. */
  readonly take: number;
  /** Of `distinct_tools`: which one. */
  readonly member?: string;
  /** It is counted, and never refuses. */
  readonly soft?: boolean;
  /**
   * What it counts by is new with this call, and no one else's: forgotten for want of room, nobody gets more than who begins
   * anew does.
   */
  readonly fleeting?: boolean;
  readonly currency?: string;
}

/**
 * Names what a decision holds. INVARIANT: only the enforcement point that asked for the decision names it so: what another one
 * tells of it settles nothing.
 */
export function heldAs(decisionId: string, by: string): string {
  return `${decisionId} ${by}`;
}

/** What one decided call changes. */
export interface CallChange {
  /** What settles it: a decision's id, or {@link heldAs}. */
  readonly decisionId: string;
  /** The decision's id as its task remembers it, where that isn't the same. */
  readonly told?: string;
  readonly allow: boolean;
  /** It isn't counted as a step (an answer, an entry of a list): only its labels and reservations are. */
  readonly quiet?: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: string;
  /** `type:id` */
  readonly resource: string;
  readonly server?: string;
  readonly tool?: string;
  readonly labels: Readonly<Record<string, LabelOrigin>>;
  /** Labels that an explicit decision takes off: from the task and from who holds it. */
  readonly unlabel: readonly string[];
  /** All or none are taken. Only of allowed calls. */
  readonly reserve: readonly Reservation[];
}

export interface Commit {
  readonly keys: TaskKeys;
  /** The versions that the decisions rest on; what the policy doesn't read is absent. */
  readonly rests: Partial<Seen>;
  readonly calls: readonly CallChange[];
  /**
   * Whose outcome settles what is held: until it is {@link Engine.gone}, what it holds doesn't lapse. Absent: nobody is known
   * to be there, and it lapses when `lease_ms` are over.
   */
  readonly holder?: string;
}

export type Committed =
  | { readonly kind: "committed"; readonly results: readonly CallResult[] }
  /** Something that the decisions rest on has changed; nothing was done. */
  | { readonly kind: "stale"; readonly snapshot: Snapshot }
  /** The task, or one above it, has ended; nothing was done. */
  | { readonly kind: "ended" }
  /** There would be more labels than {@link mostLabels}; nothing was done. */
  | { readonly kind: "full" }
  | { readonly kind: "unavailable" };

export interface CallResult {
  /** The first reservation that was refused; the call counts as denied then, and holds nothing. */
  readonly over?: Reservation;
  /** One for each reservation. */
  readonly limits: readonly LimitState[];
}

/** What a call used; a unit that isn't named counts as what was held, where `known` isn't set. */
export interface Actual {
  readonly units: Partial<Readonly<Record<LimitUnit, number>>>;
  readonly currency?: string;
  /** Units that aren't named weren't used. */
  readonly known: boolean;
}

export interface Engine {
  /** Gives what is known here, as it may be a little old: {@link commit} tells. Asks only where nothing is. */
  read(keys: TaskKeys): Snapshot | "unavailable" | Promise<Snapshot | "unavailable">;
  /** Changes all or, but for a call that is over a limit, nothing. Never rejects. */
  commit(change: Commit): Committed | Promise<Committed>;
  /** The same where nothing rests on it and nothing is reserved: it isn't waited for, and retried while there is no Redis. */
  note(change: Commit): void;
  /**
   * Gives back what wasn't used, or takes what was used beyond; adds tokens and cost to the task's activity, also where nothing
   * was reserved. At most once for each decision, whoever tells it. Never rejects.
   */
  settle(decisionId: string, actual: Actual): void;
  /** Holds so much more for a call under way, of all units at once; undefined where a limit doesn't allow it. */
  extend(
    decisionId: string,
    more: Partial<Readonly<Record<LimitUnit, number>>>,
  ): Promise<{
    readonly kind: "extended" | "over" | "unknown" | "unavailable";
    readonly limits: readonly LimitState[];
  }>;
  /** Adds labels to a task whose call was decided before (its outcome told them). */
  label(keys: TaskKeys, labels: Readonly<Record<string, LabelOrigin>>): void;
  /** Ends a task with all under it; resolves once nobody can go on with it. */
  end(keys: TaskKeys): Promise<"ended" | "unavailable">;
  /** A holder is gone: what it holds lapses, soon. */
  gone(holder: string): void;
  /** Whether there is a store behind it, and it answers. */
  readonly state: "alone" | "connected" | "unavailable";
  close(): Promise<void>;
}
