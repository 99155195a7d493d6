/** Which limits a call counts against, and what its outcome settles. */
import type {
  Allowance,
  Call,
  ErrorCode,
  Identity,
  LimitState,
  Obligation,
  Outcome,
  PolicyInput,
} from "../../contract.js";
import type { Actual, Reservation } from "../engine/engine.js";
import type { Task } from "../tasks/tasks.js";

export interface Counted {
  readonly identity: Identity;
  readonly call: Call;
  readonly input: PolicyInput;
  readonly task: Task;
}

export type Asked =
  | {
      readonly kind: "asked";
      readonly reserve: readonly Reservation[];
      /** Those that aren't `limit`. */
      readonly obligations: readonly Obligation[];
    }
  /** An obligation `limit` that isn't understood, or can't be held here. */
  | { readonly kind: "refused"; readonly code: ErrorCode };

export interface Limits {
  /**
   * Names what an allowed call reserves: by configuration, by the decision's obligations `limit`, by its tasks' budgets.
   * A call that is sent to another model (`select_model`) reserves nothing: it is asked about again.
   * @param obligations all of the decision
   */
  ask(counted: Counted, obligations: readonly Obligation[]): Asked;
  /** What a PEP is told that the call holds. */
  allowance(reserved: readonly Reservation[]): Allowance | undefined;
  /** Why a call is over, and when it may come again (seconds). */
  refusal(
    over: Reservation,
    limits: readonly LimitState[],
  ): { readonly code: ErrorCode; readonly retryAfter?: number };
  /** What an outcome says was used; undefined where it settles nothing. */
  actual(outcome: Outcome): Actual | undefined;
  /** How the configured limits that count this caller stood when they were last seen here: `input.context.limits`. */
  known(counted: Pick<Counted, "identity" | "call" | "task">): Readonly<Record<string, unknown>> | undefined;
  /**
   * Notes how limits stand, for `known` and for metrics; gives them as they are told: those that are nearly used up say so.
   * @param held whether they took what was asked for; where one of them had no room, none did (default true)
   */
  seen(
    reserved: readonly Reservation[],
    limits: readonly LimitState[],
    held?: boolean,
  ): readonly LimitState[];
}
