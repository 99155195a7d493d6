/** Changes that lie over documents: what was set or removed, by its place. */
import type { Json, JsonObject } from "../../contract.js";
import { isObject } from "../../contract.js";

export interface Overlay {
  /** INVARIANT: what is set here takes the place of all that lies below; there are no members then. */
  set?: { value: Json | undefined };
  readonly members: Map<string, Overlay>;
}

type Path = readonly string[];

export function createOverlay(): Overlay {
  return { members: new Map() };
}

/** Finds what was set at a path or nearest above it; `depth` is the length of that path. */
export function nearest(
  top: Overlay,
  path: Path,
): { readonly set: { value: Json | undefined }; readonly depth: number } | undefined {
  let at: Overlay | undefined = top;
  for (let depth = 0; at !== undefined; depth++) {
    if (at.set !== undefined) return { set: at.set, depth };
    if (depth === path.length) return undefined;
    at = at.members.get(path[depth] ?? "");
  }
  return undefined;
}

/** Sets what lies at a path; undefined removes it. What was set above it is changed, objects on the way are made. */
export function put(top: Overlay, path: Path, value: Json | undefined): void {
  const above = nearest(top, path);
  if (above !== undefined && above.depth < path.length) {
    const { set } = above;
    if (!isObject(set.value)) set.value = bare();
    putIn(set.value, path.slice(above.depth), value);
    return;
  }
  let at = top;
  for (const key of path) {
    let next = at.members.get(key);
    if (next === undefined) at.members.set(key, (next = createOverlay()));
    at = next;
  }
  at.set = { value };
  at.members.clear();
}

/** Lists what was set, in places of which none lies in another. */
export function listed(top: Overlay): { readonly path: Path; readonly value: Json | undefined }[] {
  const out: { path: Path; value: Json | undefined }[] = [];
  const visit = (at: Overlay, path: Path): void => {
    if (at.set !== undefined) out.push({ path, value: at.set.value });
    for (const [key, member] of at.members) visit(member, [...path, key]);
  };
  visit(top, []);
  return out;
}

/** As {@link put}, in a document itself. */
export function putIn(document: JsonObject, path: Path, value: Json | undefined): void {
  let at = document;
  for (const key of path.slice(0, -1)) {
    let next = at[key];
    if (!isObject(next)) {
      if (value === undefined) return;
      at[key] = next = bare();
    }
    at = next;
  }
  const last = path.at(-1) ?? "";
  if (value === undefined) delete at[last];
  else at[last] = value;
}

/** INVARIANT: no prototype: each name is a key like any other. */
export function bare(): JsonObject {
  return Object.create(null) as JsonObject;
}
