import type { RegoValue } from "../engine/value.js";
import { objectOf } from "../engine/value.js";
import { createResolver } from "./dispatch.js";
import { createGoBuiltins } from "./go/go.js";
import type { HostBuiltin, ResolveBuiltin } from "./host.js";
import { nodeBuiltins } from "./node/node.js";
import { servedBy } from "./table.js";
import { writeValue } from "./text.js";

export interface ServeParts {
  /** Shown by `opa.runtime().config`; nothing secret. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Takes a line that a policy printed; dropped unless given. */
  readonly print?: (line: string) => void;
  /** `http.send` and `net.lookup_ip_addr`; refused unless given. */
  readonly network?: ReadonlyMap<string, HostBuiltin>;
  /** Memory of OPA's Go code, in 64 KiB pages. */
  readonly maxGoPages?: number;
}

/** The version of OPA whose built-ins these are. */
export const opaVersion = "1.22.0";

/** Serves every built-in that a policy's module leaves to its host; Go's code is loaded when the first one needs it. */
export function serveBuiltins(parts: ServeParts = {}): ResolveBuiltin {
  const runtime = runtimeOf(parts.labels ?? {});
  return createResolver({
    node: nodeBuiltins,
    go: () =>
      createGoBuiltins({
        runtime: writeValue(runtime),
        ...(parts.maxGoPages === undefined ? {} : { maxMemoryPages: parts.maxGoPages }),
      }),
    goNames: new Set([...servedBy].filter(([, by]) => by === "go").map(([name]) => name)),
    runtime,
    print: parts.print ?? (() => undefined),
    ...(parts.network === undefined ? {} : { network: parts.network }),
  });
}

/** As OPA's, without the environment: it holds secrets. */
function runtimeOf(labels: Readonly<Record<string, string>>): RegoValue {
  return objectOf([
    ["commit", ""],
    ["config", objectOf([["labels", objectOf(Object.entries(labels))]])],
    ["env", objectOf([])],
    ["version", opaVersion],
  ]);
}
