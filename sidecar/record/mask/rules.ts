/** Reads what a mask policy gives: which parts of an event are removed or replaced. Source: OPA, "Decision Logs", masking. */
import type { Json } from "../../contract.js";
import { isObject } from "../../contract.js";

const roots = ["input", "result", "nd_builtin_cache"] as const;
export type MaskRoot = (typeof roots)[number];

export interface MaskRule {
  readonly op: "remove" | "upsert";
  readonly root: MaskRoot;
  /** Below the root, as written. */
  readonly path: readonly string[];
  /** Of `upsert`. */
  readonly value: Json;
}

/** A result that is no list of rules; its words name no value. */
export class MaskRefused extends Error {
  override readonly name = "MaskRefused";
}

const most = { rules: 1_000, length: 1_024, segments: 64 } as const;

/**
 * Reads the set (or list) of paths and of `{op, path, value}`.
 * @throws MaskRefused where any of it is malformed: a rule that isn't understood may be the one that hides a secret
 */
export function readMaskRules(result: Json): readonly MaskRule[] {
  if (!Array.isArray(result)) throw new MaskRefused("the mask is no set of rules");
  if (result.length > most.rules) throw new MaskRefused(`the mask has more than ${most.rules} rules`);
  return result.map((one) => {
    if (typeof one === "string") return readRule("remove", one, null);
    if (!isObject(one)) throw new MaskRefused("a rule is neither a path nor an object");
    const { op, path, value = null } = one;
    if (op !== "remove" && op !== "upsert")
      throw new MaskRefused('a rule\'s op is neither "remove" nor "upsert"');
    if (typeof path !== "string") throw new MaskRefused("a rule's path is no text");
    return readRule(op, path, value);
  });
}

function readRule(op: MaskRule["op"], path: string, value: Json): MaskRule {
  if (!path.startsWith("/") || path.length > most.length) {
    throw new MaskRefused(`a rule's path doesn't begin with a slash, or is longer than ${most.length}`);
  }
  const [first, ...rest] = path.slice(1).split("/");
  const root = roots.find((name) => name === first);
  if (root === undefined) throw new MaskRefused(`a rule's path is under none of /${roots.join(", /")}`);
  if (rest.length > most.segments)
    throw new MaskRefused(`a rule's path has more than ${most.segments} parts`);
  return { op, root, path: rest, value };
}
