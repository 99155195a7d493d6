import type { Scope } from "../host.js";
import type { Bounds } from "./bounds.js";
import { createBounds } from "./bounds.js";

/** Gives what is known of the clock in an evaluation. */
export function boundsOf(scope: Scope): Bounds {
  return (scope.bounds ??= createBounds());
}
