/** What one evaluation of each of the five policies costs, beside opa-wasm and OPA, and what it consists of. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { createEngine } from "../../sidecar/decide/engine/engine.js";
import { loadMemory } from "../../sidecar/decide/engine/load.js";
import { firstInsteadId, moduleGoesOn } from "../../sidecar/decide/engine/instead.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import type { Compiled, OpaPrograms } from "./build.js";
import { compileCase } from "./build.js";
import type { Evaluator } from "./engines.js";
import { countersign, stock } from "./engines.js";
import { serve, startEvaluator, writeCase } from "./opa.js";
import type { PolicyCase } from "./policies.js";
import type { Contestant, Rounds, Sample } from "./rounds.js";
import { cpuMicros, interleave } from "./rounds.js";
import { variants } from "./variants.js";

export interface FiveParts {
  readonly toolchain: Toolchain;
  readonly opa: OpaPrograms | undefined;
  readonly rounds: Rounds;
}

export interface PolicyRow {
  readonly policy: string;
  readonly wasmKb: number;
  readonly indexedRules: number;
  /** Microseconds, by contestant. */
  readonly samples: Readonly<Record<string, Sample>>;
  /** Microseconds of one evaluation, by what they are spent on. */
  readonly parts: Readonly<Record<string, number>>;
  readonly skipped: readonly string[];
}

/** Countersign's contestant, as it is shipped. */
export const own = "Countersign";
const whenListening = '(until [ -S "$1" ]; do sleep 0.05; done; echo listens on "$1") & shift; exec "$@"';
const command = fileURLToPath(new URL("../../../bin/countersign.js", import.meta.url));

/** Measures one policy. @throws Error where two contestants don't answer alike */
export async function measurePolicy(one: PolicyCase, parts: FiveParts): Promise<PolicyRow> {
  const { toolchain, opa, rounds } = parts;
  const skipped: string[] = [];
  const full = await compileCase(toolchain, one, { index: true, marks: true });
  const plain = await compileCase(toolchain, one, { index: false, marks: true });
  const unmarked = await compileCase(toolchain, one, { index: true, marks: false });
  const asOpaBuilds = await compileCase(toolchain, one, { index: false, marks: false });
  const ours = (name: string, compiled: Compiled, variant: keyof typeof variants = "full"): Evaluator =>
    countersign({ ...one, ...compiled, name, variant });
  const first = ours("first", full);
  const evaluators = [
    ours(own, full),
    ours("without fuel", full, "withoutFuel"),
    ours("without order", full, "withoutOrder"),
    ours("without OPA's own built-ins", full, "withoutInstead"),
    ours("without marks", unmarked),
    ...(full.indexedRules > 0 ? [ours("without index", plain)] : []),
    ours("none of these", asOpaBuilds, "bare"),
    stock({ ...one, ...asOpaBuilds, name: "opa-wasm" }),
  ];
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  const closing: (() => unknown)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    // with several policies in a process, the one that was loaded first is up to 15 % slower: one that isn't counted
    const contestants: Contestant[] = [first, ...evaluators];
    const expected = one.inputs.map(first.answer);
    for (const { name, answer } of evaluators) requireSame(one, name, expected, one.inputs.map(answer));
    const data = await writeCase(one, directory);
    if (opa !== undefined) {
      const evaluator = await startEvaluator(opa.evaluator, one, data);
      closing.unshift(evaluator.close);
      requireSame(one, evaluator.name, expected, evaluator.answers);
      contestants.push(evaluator);
      const socket = join(directory, "opa.sock");
      const server = await serve(
        "OPA's server, per request",
        // quiet, or it writes a line for each request; so its socket must tell that it listens
        [
          "sh",
          "-c",
          whenListening,
          "sh",
          socket,
          opa.server,
          "run",
          "--server",
          "--addr",
          `unix://${socket}`,
          "--log-level",
          "error",
          directory,
        ],
        /listens on/,
        { socket },
        one,
      );
      closing.unshift(server.close);
      contestants.push(server);
    }
    const socket = join(directory, "countersign.sock");
    const flags = ["-b", directory, "-a", `unix://${socket}`, "-l", "warn", "--set", "cache.enabled=false"];
    try {
      const server = await serve(
        "Countersign's sidecar, per request",
        [process.execPath, command, "sidecar", ...flags, "--set", "decision_logs.console=false"],
        /listens on/,
        { socket },
        one,
      );
      closing.unshift(server.close);
      contestants.push(server);
    } catch (error) {
      skipped.push(`${one.name}: the sidecar doesn't run it: ${String(error).split("\n").at(-2) ?? ""}`);
    }
    const samples = await interleave(contestants, rounds);
    return {
      policy: one.name,
      wasmKb: Math.round(full.wasm.byteLength / 1_000),
      indexedRules: full.indexedRules,
      samples: Object.fromEntries([...samples].filter(([name]) => name !== first.name)),
      parts: await splitUp(one, full, samples.get(own)?.median ?? NaN, parts),
      skipped,
    };
  } finally {
    for (const close of closing) await close();
  }
}

/** Measures what an evaluation consists of, on the engine below the policy. */
async function splitUp(
  one: PolicyCase,
  { wasm, data }: Compiled,
  whole: number,
  { toolchain, rounds }: FiveParts,
): Promise<Record<string, number>> {
  const nothing = await compileCase(
    toolchain,
    { ...one, files: { "nothing.rego": "package nothing\n\nanswer := 1\n" }, entrypoint: "nothing/answer" },
    { index: false, marks: false },
  );
  const fuel = 1n << 40n;
  const engineOf = (module: Uint8Array, base: string) =>
    createEngine({
      loaded: loadMemory({ module: variants.full(module), data: base, maxPages: 65_536 }),
      // the module's own code goes on, a mark gives its argument; with other built-ins a policy isn't split up
      call: (id, [argument = 0]) => (id >= firstInsteadId ? moduleGoesOn : argument),
    });
  const engine = engineOf(wasm, data);
  const empty = engineOf(nothing.wasm, "{}");
  if ([...engine.builtins.values()].some((name) => name !== "countersign.rule_held")) return {};
  const id = engine.entrypoints.get(one.entrypoint) ?? 0;
  const none = empty.entrypoints.get("nothing/answer") ?? 0;
  const values = one.inputs.map((text) => parseJson(text));
  const texts = values.map((value) => stringifyJson(value));
  const each = (name: string, act: (i: number) => unknown): Contestant => ({
    name,
    run(times) {
      const start = cpuMicros();
      for (let i = 0; i < times; i++) act(i % texts.length);
      return cpuMicros() - start;
    },
  });
  const result = engine.read.items(engine.evaluate(id, texts[0], fuel))[0];
  const value = result === undefined ? undefined : engine.read.member(result, "result");
  const samples = await interleave(
    [
      each("write the input as text", (i) => stringifyJson(values[i] ?? null)),
      each("nothing", () => empty.evaluate(none, undefined, fuel)),
      each("nothing, with input", (i) => empty.evaluate(none, texts[i], fuel)),
      // last in each round but one: the answer that is read stays in memory
      each("evaluate", (i) => engine.evaluate(id, texts[i], fuel)),
    ],
    rounds,
  );
  engine.evaluate(id, texts[0], fuel);
  const reading =
    value === undefined ? undefined : await interleave([each("read", () => engine.read.json(value))], rounds);
  const at = (name: string): number => samples.get(name)?.median ?? NaN;
  const read = reading?.get("read")?.median ?? 0;
  const known = at("write the input as text") + at("evaluate") + read;
  return {
    "write the input as text": at("write the input as text"),
    "copy and parse it inside": at("nothing, with input") - at("nothing"),
    "set up": at("nothing"),
    "run the rules": at("evaluate") - at("nothing, with input"),
    "read the result": read,
    "calls of the host, and the rest": whole - known,
  };
}

function requireSame(
  { name: policy, inputs }: PolicyCase,
  name: string,
  expected: readonly (string | undefined)[],
  found: readonly (string | undefined)[],
): void {
  const at = expected.findIndex((answer, i) => answer !== found[i]);
  if (at >= 0 || expected.length !== found.length) {
    throw new Error(
      `${policy}: ${name} answers ${found[at]} where ${expected[at]} is expected, to ${inputs[at]}`,
    );
  }
}
