/** The budgets of a task and of those above it, as limits: all of them hold. */
import type { LimitUnit, TaskBudget } from "../../contract.js";
import type { Task } from "../tasks/tasks.js";
import { readNanos } from "./nanos.js";
import type { LimitRule } from "./rule.js";

export interface Budgeted {
  readonly rule: LimitRule;
  /** Whose it is: what is under it draws from it. */
  readonly task: string;
}

const units = [
  ...(["requests", "input_tokens", "output_tokens", "tokens"] as const),
  ...(["tool_calls", "distinct_tools", "chunks", "iterations"] as const),
] as const satisfies readonly (LimitUnit & keyof TaskBudget)[];

/** Gives the limits that a task's budgets are. */
export function budgetsOf({ budgets }: Task): Budgeted[] {
  return budgets.flatMap(({ task, budget }) => {
    const rules = units.flatMap((unit): LimitRule[] => {
      const amount = budget[unit];
      return amount === undefined ? [] : [lifetime(unit, amount)];
    });
    const { cost } = budget;
    // INVARIANT: a budget that can't be read is none at all, never one without end
    if (cost !== undefined) rules.push(lifetime("cost", readNanos(cost.amount) ?? 0, cost.currency));
    return rules.map((rule) => ({ rule, task }));
  });
}

function lifetime(unit: LimitUnit, amount: number, currency?: string): LimitRule {
  return {
    ...{ name: `task_${unit}`, unit, amount, window: { kind: "lifetime" }, per: [], soft: false },
    ...(currency === undefined ? {} : { currency }),
  };
}
