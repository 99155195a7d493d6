/** Carries out the obligations of a decision. One that isn't known, or can't be carried out, is a deny. */
import type { JsonObject, Obligation } from "../../sidecar/contract.js";
import type { Duty } from "./duty.js";

/** Carries out the obligations that a table knows, in order; undefined where one can't be. */
export function enforce<Context>(
  body: JsonObject,
  obligations: readonly Obligation[],
  table: Readonly<Record<string, Duty<Context>>>,
  context: Context,
): JsonObject | undefined {
  let out: JsonObject | undefined = body;
  for (const { type, properties } of obligations) {
    const duty = Object.hasOwn(table, type) ? table[type] : undefined;
    out = out === undefined ? undefined : duty?.(out, properties, context);
  }
  return out;
}
