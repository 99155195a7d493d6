/** A process that compiles and judges the cases that it is given, so that two cores are used and a crash ends only itself. */
import type { HostBuiltin, ResolveBuiltin } from "../../sidecar/decide/builtins/host.js";
import { objectOf } from "../../sidecar/decide/engine/value.js";
import { createNetwork } from "../../sidecar/decide/builtins/network/network.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import type { Built } from "./build.js";
import { buildCases } from "./build.js";
import { loadCases } from "./case.js";
import type { Finding } from "./judge.js";
import { judge } from "./judge.js";

/** Indexes of cases. */
export interface Work {
  readonly from: number;
  readonly to: number;
}

/** Findings by the case's index; `done`: how many were judged. */
export interface Judged {
  readonly from: number;
  readonly done: number;
  readonly findings: readonly (readonly [index: number, finding: Finding])[];
}

const [, , cache = "", directory = "", wasmPath = ""] = process.argv;
const cases = await loadCases(cache);
const toolchain = createToolchain({
  timeoutMs: 300_000,
  optimise: true,
  ...(wasmPath === "" ? {} : { wasmPath }),
});
// what the cases look up; a request is sent by none of them
const network = createNetwork({ hosts: ["localhost", "10.0.0.0", "[::]", "127.0.0.1:51113"] });
const served = serveBuiltins({ network: network.builtins });
/** OPA's runner evaluates without a runtime: `opa.runtime()` is empty there. */
const noRuntime: HostBuiltin = { cost: 0, call: () => ({ kind: "value", value: objectOf([]) }) };
const builtins: ResolveBuiltin = (name) => (name === "opa.runtime" ? noRuntime : served(name));

async function work({ from, to }: Work): Promise<Judged> {
  const findings: (readonly [number, Finding])[] = [];
  const some = cases.slice(from, to);
  const built: Built[] = await buildCases(some, { toolchain, directory });
  for (const [i, one] of some.entries()) {
    const finding = await judge(one, built[i] ?? { kind: "rejected", errors: [] }, builtins);
    if (finding !== undefined) findings.push([from + i, finding]);
  }
  return { from, done: some.length, findings };
}

// INVARIANT: one thing at a time is judged, the next one is compiled meanwhile
process.on("message", (message: Work) => {
  void work(message).then((judged) => process.send?.(judged));
});
process.on("disconnect", () => {
  void Promise.all([toolchain.close(), network.close()]).then(() => process.exit(0));
});
process.send?.("ready");
