import type { RegoValue } from "../engine/value.js";
import type { BuiltinContext } from "./builtin.js";
import type { Bounds } from "./clock/bounds.js";

/** What is the same for all calls of built-ins in one decision. */
export interface Scope extends BuiltinContext {
  /** A number of its own for each decision. */
  readonly decision: number;
  /** How often the evaluation was begun: again when an answer from the network is there. */
  attempt?: number | undefined;
  /** Until when what was read of the clock stays the same; absent while nothing was. */
  bounds?: Bounds;
}

/** One call, its arguments still in the policy's memory. */
export interface Call {
  values(): readonly RegoValue[];
  /** UTF-8 of the arguments as `opa_value_dump` writes them, in one array. */
  text(): Uint8Array;
}

export type Served =
  | { readonly kind: "value"; readonly value: RegoValue }
  /** As `opa_value_parse` reads it. */
  | { readonly kind: "text"; readonly text: Uint8Array | string }
  /** A string that may be no UTF-8. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "undefined" };

/**
 * A built-in that the host serves.
 * @throws BuiltinFault, BuiltinLimit, {@link Waiting}
 */
export interface HostBuiltin {
  /** Units of the budget that a call costs: about the fuel that the same time costs within the module. */
  readonly cost: number;
  call(scope: Scope, call: Call): Served;
}

/** Finds who serves a built-in; undefined where nobody does. */
export type ResolveBuiltin = (name: string) => HostBuiltin | undefined;

/** Thrown where an answer must be waited for: the evaluation is given up and made again when it is there. */
export class Waiting extends Error {
  override readonly name = "Waiting";
  constructor(readonly settled: Promise<void>) {
    super("an answer from the network is awaited");
  }
}

/** An error that isn't the built-in's own and ends the evaluation, in OPA's words. */
export class EvaluationHalted extends Error {
  override readonly name = "EvaluationHalted";
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A built-in's work outside of the module was ended by its own budget. */
export class HostBudgetExceeded extends Error {
  override readonly name = "HostBudgetExceeded";
}
