import type { RegoValue } from "../engine/value.js";

/** What a built-in may draw on; one for each decision, so that `time.now_ns` is one instant in it. */
export interface BuiltinContext {
  /** Nanoseconds since the epoch. */
  readonly nowNs: bigint;
  /** 32 bytes that seed `rand.intn` and `uuid.rfc4122`. */
  readonly seed: () => Uint8Array;
  /** What must stay the same within a decision, by a name of the built-in's own. */
  readonly kept: Map<string, RegoValue>;
  /** How often the evaluation was begun again. */
  readonly attempt?: number | undefined;
}

/**
 * A built-in in JavaScript. Gives undefined where Rego's result is undefined without an error.
 * @throws BuiltinFault where OPA's reports an error: undefined, unless `strict-builtin-errors` is on
 */
export type Builtin = (context: BuiltinContext, ...args: readonly RegoValue[]) => RegoValue | undefined;

/** An error of a built-in, in OPA's words. INVARIANT: it goes to policy authors (tests, explain), never to a log. */
export class BuiltinFault extends Error {
  override readonly name = "BuiltinFault";
  constructor(
    /** OPA's: `eval_type_error` for an argument of the wrong type, else `eval_builtin_error`. */
    readonly code: "eval_type_error" | "eval_builtin_error",
    message: string,
  ) {
    super(message);
  }
}
