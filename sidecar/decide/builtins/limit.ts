/** A built-in's work or result would be larger than one evaluation may cost. */
export class BuiltinLimit extends Error {
  override readonly name = "BuiltinLimit";
}
