import type { RegoValue } from "../../engine/value.js";
import { RegoObject, RegoSet } from "../../engine/value.js";
import type { BuiltinContext } from "../builtin.js";

/** Passes a call on to OPA's Go code, where that alone has the exact answer. */
export const toGo: unique symbol = Symbol("pass the call on to OPA's Go code");

export interface NodeContext extends BuiltinContext {
  /** Tells whether the arguments, as they lie in memory, are UTF-8 throughout. Without it, none are taken to be. */
  readonly isUtf8?: () => boolean;
}

/** A built-in that Node serves. Otherwise as `Builtin`. */
export type NodeBuiltin = (
  context: NodeContext,
  ...args: readonly RegoValue[]
) => RegoValue | undefined | typeof toGo;

/**
 * Tells whether a value holds U+FFFD, which stands where bytes were no UTF-8: Go's strings hold those bytes,
 * JavaScript's can't.
 */
export function mayHoldBytes(value: RegoValue): boolean {
  if (typeof value === "string") return value.includes("\ufffd");
  if (value instanceof RegoSet) return value.items.some(mayHoldBytes);
  if (value instanceof RegoObject) {
    return value.entries.some(([key, member]) => mayHoldBytes(key) || mayHoldBytes(member));
  }
  return Array.isArray(value) && (value as readonly RegoValue[]).some(mayHoldBytes);
}
