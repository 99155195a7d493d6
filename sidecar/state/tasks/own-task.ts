import type { Task } from "./tasks.js";

/** A task with what only its keeper needs to know. */
export interface OwnTask extends Task {
  /** Epoch milliseconds at which it is over, whatever its tokens say. */
  readonly until: number;
  /** Of a task that is to be handed to another: who may hold it. */
  readonly handed?: { readonly ids?: readonly string[]; readonly origin: string };
}
