/** Fences by itself what goes wrong again and again, by the configured rules. */
import type { ActionName, Handle } from "../../contract.js";
import type { NewFence } from "../fences/fences.js";
import { textOfMatch } from "../fences/match.js";
import type { When, WatchRule } from "./config.js";
import { targetsOf } from "./targets.js";

/** What is known of a call once it is decided, or its outcome told. */
export interface Seen {
  /** All that fences know it by. */
  readonly handles: readonly Handle[];
  /** Absent of outcomes: a call is counted once. */
  readonly decided?: {
    readonly allow: boolean;
    readonly action: ActionName;
    /** `server/tool`, where it is one. */
    readonly tool?: string;
  };
  /** What its task has spent so far, and may: billionths of a currency. */
  readonly spend?: {
    readonly currency: string;
    readonly spent: number;
    readonly budget?: number;
  };
}

export interface WatchParts {
  readonly rules: readonly WatchRule[];
  /** Sets a fence; what comes of it is its own to tell. */
  readonly fence: (fence: NewFence) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Most times that are remembered, over all rules and callers. */
  readonly mostTimes?: number;
}

export interface Watch {
  /** Counts a call, and fences where a rule says so: at once, before its answer is given. */
  seen(facts: Seen): void;
}

/** The times of one cause, oldest first, at most as many as its rule counts. */
interface Count {
  times: number[];
  quietUntil: number;
}

/**
 * Creates the watch. Counts are this sidecar's own, and bounded: where there are too many causes, those that were quiet for
 * longest are forgotten.
 */
export function createWatch({ rules, fence, now, mostTimes = 1_000_000 }: WatchParts): Watch {
  /** In order of their last use. */
  const counts = new Map<string, Count>();
  let times = 0;

  const forget = (key: string, count: Count): void => {
    times -= count.times.length + 1;
    counts.delete(key);
  };
  const countOf = (key: string): Count => {
    const count = counts.get(key) ?? { times: [], quietUntil: 0 };
    if (!counts.delete(key)) times++;
    counts.set(key, count);
    for (const [oldest, some] of counts) {
      if (times <= mostTimes || oldest === key) break;
      forget(oldest, some);
    }
    return count;
  };
  /** Counts one more; tells whether there are now so many within the time. */
  const reached = (count: Count, most: number, withinMs: number, at: number): boolean => {
    // a clock that was set back: what it counted ahead is no help
    const kept = count.times.filter((time) => time > at - withinMs && time <= at);
    kept.push(at);
    times += kept.length - count.times.length;
    count.times = kept;
    return kept.length >= most;
  };

  return {
    seen(facts) {
      if (rules.length === 0) return;
      const at = now();
      for (const { name, when, by, seconds, coolDownMs } of rules) {
        if (!concerns(when, facts)) continue;
        for (const match of targetsOf(facts.handles, by)) {
          const key = `${name} ${textOfMatch(match)}`;
          const count = countOf(key);
          if (count.quietUntil > at && count.quietUntil <= at + coolDownMs) continue;
          if ("count" in when && !reached(count, when.count, when.withinMs, at)) continue;
          times -= count.times.length;
          count.times = [];
          count.quietUntil = at + coolDownMs;
          fence({ match, reason: reasonOf(name, when), by: `rule:${name}`, seconds });
        }
      }
    },
  };
}

function concerns(when: When, { decided, spend }: Seen): boolean {
  switch (when.kind) {
    case "denials":
      return decided?.allow === false;
    case "tool":
      return decided?.tool === when.tool;
    case "action":
      return decided?.action === when.action;
    case "spend": {
      if (spend === undefined) return false;
      const { factor, amount } = when;
      if (amount !== undefined && amount.currency !== spend.currency) return false;
      const plan = amount?.nanos ?? spend.budget;
      return plan !== undefined && spend.spent >= plan * factor;
    }
  }
}

function reasonOf(name: string, when: When): string {
  switch (when.kind) {
    case "denials":
      return `rule ${name}: ${when.count} denials within ${when.withinMs / 1_000} s`;
    case "tool":
      return `rule ${name}: ${when.tool} was touched`;
    case "action":
      return `rule ${name}: ${when.action} ${when.count} times within ${when.withinMs / 1_000} s`;
    case "spend":
      return `rule ${name}: spent more than planned`;
  }
}
