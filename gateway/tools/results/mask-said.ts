/** Masks what a server says beside its result: in messages, and to whom it asks. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { ToolMasking } from "./mask.js";
import { CantMask, finderOf, maskValues } from "./mask.js";

const find = finderOf(["secrets"]);

/** Hides what has the form of a credential. */
export const secretsMasking: ToolMasking = find === undefined ? {} : { find };

/** Masks all texts; places within a result mean nothing here. Undefined where that can't be done. */
export function maskSaid(said: JsonObject, masks: readonly ToolMasking[]): JsonObject | undefined {
  try {
    let out: JsonObject = said;
    for (const { pointers, ...masking } of masks) {
      if (pointers !== undefined && masking.find === undefined) continue;
      const masked = maskValues(out, masking);
      if (!isObject(masked)) return undefined;
      out = masked;
    }
    return out;
  } catch (error) {
    if (error instanceof CantMask) return undefined;
    throw error;
  }
}
