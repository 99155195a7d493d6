/** What an evaluation gives, and how a fault becomes a part of it. */
import type { Json } from "../contract.js";
import { BuiltinFault } from "./builtins/builtin.js";
import { EvaluationHalted, HostBudgetExceeded } from "./builtins/host.js";
import { BuiltinLimit } from "./builtins/limit.js";
import { Aborted } from "./engine/abi.js";

export type Answer =
  /** `rules`: indexes of the annotated rules that held, in order, without repeats; `until`: epoch milliseconds at which the clock may change it. */
  | {
      readonly kind: "value";
      readonly value: Json;
      readonly rules: readonly number[];
      readonly until?: number;
    }
  | { readonly kind: "undefined"; readonly rules: readonly number[]; readonly until?: number }
  | {
      readonly kind: "failed";
      readonly code: "evaluation_error" | "evaluation_budget_exceeded";
      /** Names the fault without its content. */
      readonly detail: string;
      /** What the policy's author needs: OPA's code, and the place where it is known. */
      readonly fault?: Fault;
    };

/** An error of the evaluation in OPA's terms. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly row?: number;
  readonly col?: number;
}

/** Names a fault without its content: what a built-in throws may quote the input. */
export function failed(error: unknown, spent: boolean): Answer {
  if (spent || error instanceof HostBudgetExceeded || error instanceof BuiltinLimit) {
    return { kind: "failed", code: "evaluation_budget_exceeded", detail: spent ? "fuel" : "host" };
  }
  if (error instanceof Aborted) {
    if (error.message === "opa_malloc: failed")
      return { kind: "failed", code: "evaluation_budget_exceeded", detail: "memory" };
    return {
      kind: "failed",
      code: "evaluation_error",
      detail: "opa_abort",
      fault: conflictOf(error.message),
    };
  }
  if (error instanceof BuiltinFault || error instanceof EvaluationHalted) {
    return {
      kind: "failed",
      code: "evaluation_error",
      detail: error.code,
      fault: { code: error.code, message: error.message },
    };
  }
  const name = typeof error === "object" && error !== null && "name" in error ? String(error.name) : "fault";
  return { kind: "failed", code: "evaluation_error", detail: name };
}

/** `file:row:col: var assignment conflict`, as the module words it. */
function conflictOf(message: string): Fault {
  const match = /^(.*):(\d+):(\d+): (var assignment conflict|object insert conflict)$/.exec(message);
  if (match === null) return { code: "eval_internal_error", message: "the policy was aborted" };
  const [, file = "", row, col, what] = match;
  return {
    code: "eval_conflict_error",
    message:
      what === "object insert conflict"
        ? "object keys must be unique"
        : "complete rules must not produce multiple outputs",
    // OPA's bundle reader puts a slash before a path
    file: file.replace(/^\//, ""),
    row: Number(row),
    col: Number(col),
  };
}
