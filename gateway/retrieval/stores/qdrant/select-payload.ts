/** Which of a payload is given: `with_payload` (documentation, Points, and lib/segment/src/json_path: check_include_pattern). */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Step } from "./json-path.js";
import { parsePath } from "./json-path.js";
import { list, members, unread } from "../strict.js";

export type Selector =
  | { readonly kind: "none" }
  | { readonly kind: "all" }
  | { readonly kind: "include" | "exclude"; readonly paths: readonly (readonly Step[])[] };

/** Reads `with_payload`. */
export function readSelector(value: Json | undefined, standard: "none" | "all"): Selector {
  if (value === undefined) return { kind: standard };
  if (typeof value === "boolean") return { kind: value ? "all" : "none" };
  if (Array.isArray(value)) return { kind: "include", paths: readPaths(value) };
  const { include, exclude } = members(value, ["include", "exclude"], "with_payload");
  if ((include === undefined) === (exclude === undefined))
    return unread("invalid_request", "with_payload has include or exclude");
  return include === undefined
    ? { kind: "exclude", paths: readPaths(exclude) }
    : { kind: "include", paths: readPaths(include) };
}

function readPaths(value: Json | undefined): (readonly Step[])[] {
  return list(value, "with_payload", 1_024).map(
    (one) =>
      (typeof one === "string" ? parsePath(one) : undefined) ??
      unread("invalid_request", "with_payload holds paths, as a.b"),
  );
}

/** Gives what is selected of a payload; undefined where nothing is given at all. */
export function select(payload: JsonObject, selector: Selector): JsonObject | undefined {
  if (selector.kind === "all") return payload;
  if (selector.kind === "none") return undefined;
  const { kind, paths } = selector;
  const same = (a: Step | undefined, b: Step | undefined): boolean =>
    a?.kind === b?.kind && a?.name === b?.name;
  const stays = (at: readonly Step[]): boolean =>
    kind === "include"
      ? paths.some((path) => at.slice(0, path.length).every((step, i) => same(step, path[i])))
      : !paths.some((path) => at.length >= path.length && path.every((step, i) => same(step, at[i])));
  const walk = (value: Json, at: readonly Step[]): Json => {
    if (Array.isArray(value)) {
      const inner: Step[] = [...at, { kind: "every", name: "" }];
      return stays(inner) ? value.map((one) => walk(one, inner)) : [];
    }
    if (!isObject(value)) return value;
    const out = Object.create(null) as JsonObject;
    for (const name of Object.keys(value)) {
      const inner: Step[] = [...at, { kind: "key", name }];
      const member = value[name];
      if (member !== undefined && stays(inner)) out[name] = walk(member, inner);
    }
    return out;
  };
  return walk(payload, []) as JsonObject;
}
