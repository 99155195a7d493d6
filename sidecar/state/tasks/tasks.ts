/** Whose task a request belongs to, and what proves it. */
import type {
  ErrorCode,
  Identity,
  IssuedTask,
  LabelOrigin,
  TaskBudget,
  TaskExchange,
  TaskPlan,
  TaskRequest,
} from "../../contract.js";
import type { TaskKeys } from "../engine/engine.js";

/** A task as a token says, or as it is made up for a request without one. */
export interface Task {
  readonly id: string;
  /** From the first task down to this one. */
  readonly lineage: readonly string[];
  /** A token proved it. */
  readonly proven: boolean;
  /** How it came to be. */
  readonly born: "request" | "created" | "exchanged" | "hint";
  /** Epoch milliseconds. */
  readonly bornAt: number;
  readonly purpose?: string;
  readonly scopes?: readonly string[];
  /** One for each of the lineage that has one: all of them hold. */
  readonly budgets: readonly { readonly task: string; readonly budget: TaskBudget }[];
  /** Epoch milliseconds. */
  readonly deadline?: number;
  /** Who holds what above it: agents from the first task's holder down to this one's. */
  readonly chain: readonly string[];
  readonly keys: TaskKeys;
  /** Where a token was presented: its id, for fences and the record. */
  readonly tokenId?: string;
  /** When that token was issued, epoch milliseconds. */
  readonly tokenIssuedAt?: number;
  /** A token is due: none was presented, or the one that was ends soon. */
  readonly due: boolean;
}

export type ResolvedTask =
  { readonly kind: "task"; readonly task: Task } | { readonly kind: "refused"; readonly code: ErrorCode };

export interface Tasks {
  /** Finds the task of a request. INVARIANT: a token that isn't wholly right refuses; it never falls back to none. */
  resolve(request: TaskRequest | undefined, identity: Identity): ResolvedTask | Promise<ResolvedTask>;
  /** Signs a token for who holds the task. Undefined: it can't be signed now. */
  issue(task: Task, identity: Identity): IssuedTask | undefined;
  /** Makes a task for `create` (a first one), or one under another for an exchange; a refusal where it would be wider. */
  plan(task: Task, plan: TaskPlan | TaskExchange, identity: Identity): ResolvedTask;
  /** What policy sees of it, `input.context.task`, without what lies in the engine: an object of its own for each call. */
  describe(task: Task): Record<string, unknown>;
  close(): Promise<void>;
}

/** Labels that a decision gives, by name. */
export type Labels = Readonly<Record<string, LabelOrigin>>;
