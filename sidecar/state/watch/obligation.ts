import type { Handle, Obligation } from "../../contract.js";
import type { NewFence } from "../fences/fences.js";
import type { WatchKind } from "./config.js";
import { watchKinds } from "./config.js";
import { targetsOf } from "./targets.js";

/** Seconds of the longest fence that policy sets: what is to stay is a person's to decide. */
const mostSeconds = 2_592_000;
/** Characters of a reason. */
const longestReason = 200;

/**
 * Reads an obligation `fence` `{kinds, reason, seconds}` of a call with these handles; undefined where it isn't understood,
 * or names nothing that the call has. INVARIANT: what policy fences lies in the caller's tenant, and ends.
 */
export function readFenceObligation(
  { id, properties }: Obligation,
  handles: readonly Handle[],
): readonly NewFence[] | undefined {
  const { kinds, reason, seconds, ...others } = properties;
  if (Object.keys(others).length > 0) return undefined;
  if (!Array.isArray(kinds) || kinds.length === 0) return undefined;
  const meant = watchKinds.filter((kind): kind is WatchKind => kinds.includes(kind));
  if (meant.length !== kinds.length) return undefined;
  if (typeof reason !== "string" || reason === "" || reason.length > longestReason) return undefined;
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds)) return undefined;
  if (seconds < 1 || seconds > mostSeconds) return undefined;
  const matches = targetsOf(handles, meant);
  if (matches.length === 0) return undefined;
  const by = `policy:${id.slice(0, 128)}`;
  return matches.map((match) => ({ match, reason, by, seconds }));
}
