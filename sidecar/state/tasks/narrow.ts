/** Makes a plan that is within another: of a task under a task, nothing is wider. */
import type { ErrorCode, Identity, TaskBudget, TaskPlan } from "../../contract.js";
import type { OwnTask } from "./own-task.js";

export type Narrowed =
  | {
      readonly kind: "narrowed";
      readonly plan: Omit<TaskPlan, "deadline"> & { readonly deadline?: number };
    }
  | { readonly kind: "refused"; readonly code: ErrorCode };

/** Characters of all scopes together: a token must fit into a header. */
const longestScopes = 2_048;

/** Fits a plan into what its caller, and the task above, may do; what it doesn't name is as it is above. */
export function narrow(
  { purpose = undefined, scopes, budget, deadline }: TaskPlan,
  above: OwnTask | undefined,
  identity: Identity,
  now: number,
): Narrowed {
  if (!isPurposeWithin(purpose, above?.purpose)) return { kind: "refused", code: "task_scope_exceeded" };
  const most = above?.scopes ?? identity.scopes;
  const free = above?.scopes === undefined ? ofTasks : undefined;
  const isOver = (scope: string): boolean => free?.test(scope) !== true && !isScopeWithin(scope, most ?? []);
  if (most !== undefined && scopes?.some(isOver) === true)
    return { kind: "refused", code: "task_scope_exceeded" };
  // one that acts for a caller with scopes may do no more than that caller
  const inherited = above === undefined ? undefined : most;
  const kept = scopes === undefined ? inherited : [...new Set(scopes)];
  if (kept !== undefined && kept.join(" ").length > longestScopes)
    return { kind: "refused", code: "invalid_request" };
  if (budget !== undefined && above?.budgets.some((one) => !isBudgetWithin(budget, one.budget)) === true) {
    return { kind: "refused", code: "task_budget_exceeded" };
  }
  const last = Math.min(above?.deadline ?? Infinity, above?.until ?? Infinity);
  const wanted = deadline === undefined ? undefined : Date.parse(deadline);
  if (wanted !== undefined && !(wanted > now && wanted <= last)) {
    return { kind: "refused", code: "task_deadline_exceeded" };
  }
  const until = wanted ?? above?.deadline;
  const own = purpose ?? above?.purpose;
  return {
    kind: "narrowed",
    plan: {
      ...(own === undefined ? {} : { purpose: own }),
      ...(kept === undefined ? {} : { scopes: kept }),
      ...(budget === undefined ? {} : { budget }),
      ...(until === undefined ? {} : { deadline: until }),
    },
  };
}

/**
 * Scopes that name what a task may use, or whom it may write to: no credential has them, so a first task may have any, and
 * policy decides (`task.create`).
 */
const ofTasks =
  /^(?:model|collection|store|storage|tool|prompt|resource|resource_template|agent|host|route|chain|recipient):/;

/** One of them, or what one that ends in `*` begins, or of `recipient:*@domain`, an address there. */
function isScopeWithin(scope: string, most: readonly string[]): boolean {
  return most.some((one) => {
    if (one === scope) return true;
    if (!ofTasks.test(one)) return false;
    if (one.endsWith("*")) return scope.startsWith(one.slice(0, -1));
    const domain = one.startsWith("recipient:*@") ? one.slice("recipient:*".length) : undefined;
    return domain !== undefined && scope.startsWith("recipient:") && scope.endsWith(domain);
  });
}

/** The same purpose, or a part of it: `research.summary` is part of `research`. */
function isPurposeWithin(purpose: string | undefined, above: string | undefined): boolean {
  return purpose === undefined || above === undefined || purpose === above || purpose.startsWith(`${above}.`);
}

const counts = [
  ...(["requests", "input_tokens", "output_tokens", "tokens"] as const),
  ...(["tool_calls", "distinct_tools", "chunks", "iterations"] as const),
];

function isBudgetWithin(budget: TaskBudget, above: TaskBudget): boolean {
  const within = counts.every((unit) => (budget[unit] ?? 0) <= (above[unit] ?? Infinity));
  if (!within || budget.cost === undefined || above.cost === undefined) return within;
  // what can't be compared isn't less
  if (budget.cost.currency !== above.cost.currency) return false;
  return nanos(budget.cost.amount) <= nanos(above.cost.amount);
}

/** The least of all budgets, unit by unit: what the last of a lineage can use at most. */
export function leastBudget(budgets: OwnTask["budgets"]): TaskBudget | undefined {
  if (budgets.length === 0) return undefined;
  const least: { -readonly [Name in keyof TaskBudget]: TaskBudget[Name] } = {};
  for (const { budget } of budgets) {
    for (const unit of counts) {
      const amount = budget[unit];
      if (amount !== undefined) least[unit] = Math.min(amount, least[unit] ?? Infinity);
    }
    const { cost } = budget;
    if (cost === undefined) continue;
    const tighter = least.cost === undefined || nanos(cost.amount) < nanos(least.cost.amount);
    if (least.cost?.currency !== cost.currency || tighter) least.cost = cost;
  }
  return least;
}

/** Reads a decimal as billionths. */
function nanos(amount: string): bigint {
  const [whole = "0", part = ""] = amount.split(".");
  return BigInt(whole + part.padEnd(9, "0"));
}
