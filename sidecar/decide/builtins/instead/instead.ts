import type { RegoValue } from "../../engine/value.js";
import type { BuiltinContext } from "../builtin.js";

/** Says that the module's own code is right for these arguments. */
export const moduleIsRight: unique symbol = Symbol("the module's own code is right");

/** A string that may be no valid UTF-8, as Go's strings may. */
export class RawString {
  constructor(readonly bytes: Uint8Array) {}
}

/** A built-in that is served instead of the module's own. Otherwise as `Builtin`. */
export type Instead = (
  context: BuiltinContext,
  ...args: readonly RegoValue[]
) => RegoValue | RawString | typeof moduleIsRight | undefined;
