import type { Handle } from "../contract.js";
import type { Reads } from "../describe/reads.js";
import type { One, Run } from "./finish.js";
import type { State } from "./remember.js";
import { handlesOf } from "./remember.js";
import type { Task } from "../state/tasks/tasks.js";

/** A request within its task. */
export interface Within {
  readonly run: Run;
  readonly state: State;
  readonly task: Task;
  /** The task that a new one was asked for from: fences of that one, and of its token, hold, too. */
  readonly beside: Task | undefined;
  readonly reads: Reads;
  /** {@link Fences.mark} as they were looked at before the cache. */
  readonly mark: number | undefined;
}

/** Gives what fences know a call by, made for who asks for it first. */
export function handlesWithin({ run, state, task, beside }: Within, one: One): readonly Handle[] {
  return (one.handles ??= handlesOf(state, run.identity, [task, beside], one.question, run.bundle.name));
}
