/** Serves the built-ins as the sidecar does. */
import { createResolver } from "../../sidecar/decide/builtins/dispatch.js";
import type { ResolveBuiltin } from "../../sidecar/decide/builtins/host.js";
import { objectOf } from "../../sidecar/decide/engine/value.js";

export function serveBuiltins(): ResolveBuiltin {
  return createResolver({
    node: new Map(),
    go: () => {
      throw new Error("not here yet");
    },
    goNames: new Set(),
    runtime: objectOf([]),
    print: () => undefined,
  });
}
