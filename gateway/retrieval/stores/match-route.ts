import type { Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { StoreRequest, StoreRoute } from "../adapter.js";

export interface Matched<Route extends StoreRoute = StoreRoute> {
  readonly kind: "matched";
  readonly route: Route;
  /** What stands for `{name}`. */
  readonly values: Readonly<Record<string, string>>;
}

interface Line<Route> {
  readonly route: Route;
  readonly parts: readonly string[];
}

/** Tables don't change: each is read once. */
const read = new WeakMap<readonly StoreRoute[], readonly Line<StoreRoute>[]>();

/** Those with less that varies first. */
function linesOf<Route extends StoreRoute>(routes: readonly Route[]): readonly Line<Route>[] {
  let lines = read.get(routes) as readonly Line<Route>[] | undefined;
  if (lines !== undefined) return lines;
  lines = routes
    .map((route) => ({ route, parts: route.path.split("/").filter((part) => part !== "") }))
    .sort((a, b) => varying(a.parts) - varying(b.parts));
  read.set(routes, lines);
  return lines;
}

/** Finds the line of a store's table that a request is; one that is written out goes before one that varies. */
export function matchRoute<Route extends StoreRoute>(
  routes: readonly Route[],
  { method, segments }: StoreRequest,
): Matched<Route> | Refusal {
  const fitting = linesOf(routes).filter(
    ({ parts }) =>
      parts.length === segments.length &&
      parts.every((part, i) => part.startsWith("{") || part === segments[i]),
  );
  const found = fitting.find(({ route }) => route.method === method);
  if (found === undefined) return refuse(fitting.length > 0 ? "method_not_allowed" : "unknown_route");
  const { route, parts } = found;
  if (route.treated === "denied") return refuse("unknown_operation", route.why);
  const values = Object.create(null) as Record<string, string>;
  parts.forEach((part, i) => {
    if (part.startsWith("{")) values[part.slice(1, -1)] = segments[i] ?? "";
  });
  return { kind: "matched", route, values };
}

function varying(parts: readonly string[]): number {
  return parts.filter((part) => part.startsWith("{")).length;
}
