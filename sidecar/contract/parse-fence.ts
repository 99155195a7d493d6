/** Reads what is said of fences between a sidecar and its enforcement points. */
import type { ActiveFence, FenceChange, FenceMatch } from "./fence.js";
import { fenceKinds } from "./fence.js";
import type { Json } from "./json.js";
import { isObject } from "./json.js";

const changes = ["all", "added", "lifted", "stale", "fresh"] as const;

/** Reads a change; undefined where any of it isn't one: what is half understood protects nobody. */
export function readFenceChange(value: Json): FenceChange | undefined {
  if (!isObject(value) || !Array.isArray(value["fences"])) return undefined;
  const kind = changes.find((known) => known === value["kind"]);
  if (kind === undefined) return undefined;
  const fences: ActiveFence[] = [];
  for (const one of value["fences"]) {
    if (!isObject(one)) return undefined;
    const { id, expires, issued_before } = one;
    const match = readFenceMatch(one["match"]);
    if (typeof id !== "string" || id === "" || match === undefined) return undefined;
    if (expires !== undefined && typeof expires !== "number") return undefined;
    if (issued_before !== undefined && typeof issued_before !== "number") return undefined;
    fences.push({
      ...{ id, match },
      ...(expires === undefined ? {} : { expires }),
      ...(issued_before === undefined ? {} : { issued_before }),
    });
  }
  return { kind, fences };
}

/** Reads what a fence names; undefined where it names nothing, or something that no fence knows. */
export function readFenceMatch(value: Json | undefined): FenceMatch | undefined {
  if (value === undefined || !isObject(value)) return undefined;
  const match: Partial<Record<(typeof fenceKinds)[number], string>> = {};
  for (const [name, said] of Object.entries(value)) {
    const kind = fenceKinds.find((known) => known === name);
    if (kind === undefined || typeof said !== "string" || said === "") return undefined;
    match[kind] = said;
  }
  return Object.keys(match).length === 0 ? undefined : match;
}
