import type { RegoValue } from "../engine/value.js";
import type { BuiltinContext } from "./builtin.js";

/** Passes a call on to OPA's Go code, where that alone has the exact answer. */
export const toGo: unique symbol = Symbol("pass the call on to OPA's Go code");

/** A built-in that Node serves. Otherwise as `Builtin`. */
export type NodeBuiltin = (
  context: BuiltinContext,
  ...args: readonly RegoValue[]
) => RegoValue | undefined | typeof toGo;

/** Stands where bytes were no UTF-8: Go's strings hold those bytes, JavaScript's can't. */
const replacement = "\ufffd";

/** Tells whether a text may have been bytes that are no UTF-8. */
export function mayBeBytes(text: string): boolean {
  return text.includes(replacement);
}
