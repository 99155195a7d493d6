/** A process that compiles and judges the cases that it is given, so that two cores are used and a crash ends only itself. */
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import type { Built } from "./build.js";
import { buildCases } from "./build.js";
import { loadCases } from "./case.js";
import type { Failure } from "./judge.js";
import { judge } from "./judge.js";
import { serveBuiltins } from "./serve.js";

/** Indexes of cases. */
export interface Work {
  readonly from: number;
  readonly to: number;
}

/** Failures by the case's index; `done`: how many were judged. */
export interface Judged {
  readonly from: number;
  readonly done: number;
  readonly failures: readonly (readonly [index: number, failure: Failure])[];
}

const [, , cache = "", directory = ""] = process.argv;
const cases = await loadCases(cache);
const toolchain = createToolchain({});
const builtins = serveBuiltins();

async function work({ from, to }: Work): Promise<Judged> {
  const failures: (readonly [number, Failure])[] = [];
  const some = cases.slice(from, to);
  const built: Built[] = await buildCases(some, { toolchain, directory });
  for (const [i, one] of some.entries()) {
    const failure = await judge(one, built[i] ?? { kind: "rejected", errors: [] }, builtins);
    if (failure !== undefined) failures.push([from + i, failure]);
  }
  return { from, done: some.length, failures };
}

// INVARIANT: one thing at a time is judged, the next one is compiled meanwhile
process.on("message", (message: Work) => {
  void work(message).then((judged) => process.send?.(judged));
});
process.on("disconnect", () => {
  void toolchain.close().then(() => process.exit(0));
});
process.send?.("ready");
