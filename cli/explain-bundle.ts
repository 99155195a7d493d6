/** Tells what decisions of a bundle would be kept by, without a sidecar. */
import { randomBytes } from "node:crypto";
import { activate } from "../sidecar/bundles/activate.js";
import type { ActiveEntrypoint } from "../sidecar/bundles/active.js";
import type { Json, JsonObject } from "../sidecar/contract.js";
import { serveBuiltins } from "../sidecar/decide/builtins/serve.js";
import { explain, nameOf } from "../sidecar/decide/cache/explain.js";
import { createKeyer } from "../sidecar/decide/cache/key.js";
import { Splits } from "../sidecar/decide/cache/splits.js";
import { loadPolicy } from "../sidecar/decide/policy.js";
import { compileBundle } from "../sidecar/rego/build.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { readBundleFiles } from "./bundle-files.js";
import { drawErrors } from "./draw-errors.js";
import { entrypointPath } from "./format.js";
import type { Io } from "./main.js";
import { UsageError } from "./main.js";

export interface ExplainedBundle {
  readonly bundles: readonly string[];
  readonly ignore: readonly string[];
  readonly path: string | undefined;
  readonly inputs: readonly { readonly file: string; readonly input: Json }[];
}

/** As a sidecar's, unless it is configured otherwise. */
const usual = {
  budget: 10_000_000,
  maxPages: 1_024,
  ttl: 60,
  denyTtl: 10,
  entrypoint: "countersign/decision",
};
/** Whoever asks: all are one here. */
const anyone = { tenant: "", epoch: 0, subject: "", task: "" };

/** Gives what `GET /v1/cache/explain` gives without figures, and of several inputs which share a key; undefined after errors. @throws UsageError */
export async function explainBundle(
  { bundles, ignore, path, inputs }: ExplainedBundle,
  toolchain: Toolchain,
  io: Io,
): Promise<Json | undefined> {
  const read = await readBundleFiles(bundles, { ignore, tell: false });
  if (read.kind === "rejected") return void io.err(drawErrors(read.errors, {}));
  const asked = path === undefined ? undefined : entrypointPath(path);
  const entrypoints = asked === undefined ? {} : { entrypoints: [asked] };
  const built = await compileBundle({ entries: read.entries, toolchain, ...entrypoints });
  if (built.kind === "rejected") {
    const named = built.errors.map((one) =>
      one.file === undefined ? one : { ...one, file: read.shown(one.file) },
    );
    return void io.err(drawErrors(named, read.sources()));
  }
  const { budget, maxPages, ttl, denyTtl } = usual;
  const active = activate("bundle", built.bundle, {
    loadPolicy: (one) => loadPolicy({ ...one, budget, maxPages, builtins: serveBuiltins() }),
    createKeyer,
    now: Date.now,
  });
  const found = active.entrypoints.get(asked ?? theOne(active.entrypoints));
  if (found === undefined) throw new UsageError(`nothing answers at ${asked ?? ""}`);
  const [only, ...more] = inputs;
  const told = explain(
    { facts: found.facts, keyed: found.key !== undefined, ttl, denyTtl, secret: randomBytes(32) },
    more.length === 0 ? only?.input : undefined,
  );
  return more.length === 0 ? told : { ...told, ...shared(found, inputs) };
}

/** The entrypoint that is meant where none is named. */
function theOne(entrypoints: ReadonlyMap<string, ActiveEntrypoint>): string {
  if (entrypoints.has(usual.entrypoint)) return usual.entrypoint;
  const named = [...entrypoints.values()]
    .filter(({ facts }) => facts.annotated)
    .map(({ facts }) => facts.path);
  const [one, ...more] = named.length > 0 ? named : entrypoints.keys();
  if (one !== undefined && more.length === 0) return one;
  throw new UsageError(`say which by --path: ${[one, ...more].join(", ")}`);
}

/** Numbers the keys of inputs, and names the fields by whose values they differ. */
function shared({ facts, key }: ActiveEntrypoint, inputs: ExplainedBundle["inputs"]): JsonObject {
  if (key === undefined) return {};
  const numbers = new Map<string, number>();
  const splits = new Splits();
  const keys = inputs.map(({ file, input }) => {
    const made = key(input, anyone) ?? "";
    const number = numbers.get(made) ?? numbers.size + 1;
    if (!numbers.has(made)) splits.note(facts.input, input);
    numbers.set(made, number);
    return { input: file, decision: number };
  });
  const fields = splits.told().map(({ path, values }) => ({ path: nameOf("input", path), values }));
  return { inputs: keys, decisions: numbers.size, split_by: fields };
}
