import type { Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { Route } from "./routes.js";

export interface Matched {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

/** Finds the line of a request; the first that fits, with what stands in words before what stands for anything. */
export function matchRoute(routes: readonly Route[], { method, segments }: StoreRequest): Matched | Refusal {
  let known = false;
  const fitting = routes.flatMap((route) => {
    const path = fit(route.path, segments);
    if (path === undefined) return [];
    known = true;
    const taken = route.method === "*" || route.method.split(", ").includes(method);
    return taken
      ? [{ route, path, words: route.path.split("/").filter((one) => !one.startsWith("{")).length }]
      : [];
  });
  const [best] = fitting.sort((a, b) => b.words - a.words);
  if (best === undefined) return refuse(known ? "method_not_allowed" : "unknown_route");
  return best;
}

/** `{+rest}` is any number of parts, or none. */
function fit(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const parts = pattern === "/" ? [] : pattern.slice(1).split("/");
  const open = parts.at(-1) === "{+rest}";
  if (open ? segments.length < parts.length - 1 : segments.length !== parts.length) return undefined;
  const path: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const segment = segments[i];
    if (part === "{+rest}") break;
    if (segment === undefined) return undefined;
    // INVARIANT: what begins with `_` is the store's own, and no index
    if (part === "{index}") {
      if (segment.startsWith("_")) return undefined;
      path["index"] = segment;
    } else if (part.startsWith("{")) path[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return path;
}
