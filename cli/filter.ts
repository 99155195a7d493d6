import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Json } from "../sidecar/contract.js";
import { isObject, parseJson } from "../sidecar/contract.js";
import { serveBuiltins } from "../sidecar/decide/builtins/serve.js";
import { loadPolicy } from "../sidecar/decide/policy.js";
import { conditionOf } from "../sidecar/filters/condition-of.js";
import { filterRoot } from "../sidecar/bundles/active.js";
import { compileBundle } from "../sidecar/rego/build.js";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { isNever } from "../gateway/retrieval/conditions/simplify.js";
import { drawCondition } from "./draw-condition.js";
import { entrypointPath, readFormat } from "./format.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { printErrors, readPolicies } from "./policy-files.js";

export const filterCommand: Command = {
  summary: "what a rule asks of documents for one caller",
  help: `countersign filter: derives a rule's condition on documents for one input: what stores are asked

Usage: countersign filter [flags] PATH...

Flags:
  -r, --rule PATH            the rule, a/b/c or data.a.b.c (default: the only one with custom.filter)
  -i, --input FILE           the policy input, JSON, as a decision gets it, without the document; - reads standard input
  -f, --format FORMAT        pretty or json (UCAST; default pretty)

Without --input the filters of the policies are listed, and what each reads.

Exit codes: 0 derived, 1 the policies or the input have errors, 2 wrong usage

Examples:
  countersign filter policies
  countersign filter --rule countersign/document/include --input senior.json policies
  echo '{"subject": {"properties": {"tenant": "acme"}}}' | countersign filter -i - -f json policies
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        rule: { type: "string", short: "r" },
        input: { type: "string", short: "i" },
        format: { type: "string", short: "f" },
      },
      allowPositionals: true,
    });
    const format = readFormat(values.format);
    if (positionals.length === 0) throw new UsageError("give a PATH");
    const input = values.input === undefined ? undefined : await readInput(values.input);
    const toolchain = createToolchain({});
    try {
      const policies = await readPolicies(positionals);
      if (policies.kind === "rejected") return printErrors(policies.errors, policies.shown, io);
      const built = await compileBundle({ files: policies.files, toolchain });
      if (built.kind === "rejected") return printErrors(built.errors, policies.shown, io);
      const { bundle } = built;
      const filters = bundle.entrypoints.flatMap(({ path, input }) =>
        path.startsWith(`${filterRoot}/`) ? [{ rule: path.slice(filterRoot.length + 1), reads: input }] : [],
      );
      if (input === undefined) {
        io.out(format === "json" ? `${JSON.stringify({ filters }, null, 2)}\n` : drawFilters(filters));
        return 0;
      }
      const rule = chosen(
        filters.map((one) => one.rule),
        values.rule,
      );
      const policy = loadPolicy({
        ...{ wasm: bundle.wasm, data: bundle.data },
        ...{ budget: 10_000_000, maxPages: 1_024, builtins: serveBuiltins() },
      });
      const lacking = (filters.find((one) => one.rule === rule)?.reads ?? []).filter(
        (path) => !isIn(input, path),
      );
      return derive(policy.evaluate(`${filterRoot}/${rule}`, input), { rule, lacking }, format, io);
    } finally {
      await toolchain.close();
    }
  },
};

type Evaluation = ReturnType<ReturnType<typeof loadPolicy>["evaluate"]>;

interface Asked {
  readonly rule: string;
  /** What the filter reads and the input doesn't have. */
  readonly lacking: readonly (readonly string[])[];
}

async function derive(
  evaluation: Evaluation,
  { rule, lacking }: Asked,
  format: string,
  io: Io,
): Promise<number> {
  const answer = evaluation.kind === "pending" ? await evaluation.settled : evaluation;
  if (answer.kind === "failed") {
    io.err(`filter_failed: ${answer.fault?.message ?? answer.detail}\n`);
    return 1;
  }
  const derived = conditionOf(answer.kind === "value" ? answer.value : undefined);
  switch (derived.kind) {
    case "derived":
      io.out(
        format === "json"
          ? `${JSON.stringify({ rule, condition: derived.condition }, null, 2)}\n`
          : `${rule}\n${drawCondition(derived.condition, "  ")}`,
      );
      // who sees that nothing is given asks why; else what is lacking may well be optional
      if (isNever(derived.condition) && lacking.length > 0)
        io.err(`the rule also reads what the input doesn't have: ${lacking.map(named).join(", ")}\n`);
      return 0;
    case "too_large":
      io.err("filter_too_large: the condition is larger than one may be; compare with fewer values\n");
      return 1;
    case "unsupported":
      io.err("filter_failed: a field is compared with what is no text, number or truth value\n");
      return 1;
  }
}

function chosen(rules: readonly string[], given: string | undefined): string {
  const [only, ...more] = rules;
  if (given === undefined) {
    if (only === undefined) throw new UsageError("no rule has custom.filter in its METADATA");
    if (more.length > 0) throw new UsageError(`give --rule: ${rules.join(", ")}`);
    return only;
  }
  const rule = entrypointPath(given);
  if (!rules.includes(rule))
    throw new UsageError(
      `${rule} is no filter; ${only === undefined ? "no rule is" : `those are: ${rules.join(", ")}`}`,
    );
  return rule;
}

function isIn(input: Json, [name, ...deeper]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (!isObject(input)) return false;
  const value = input[name];
  return value !== undefined && isIn(value, deeper);
}

const named = (path: readonly string[]): string => ["input", ...path].join(".");

/** @throws Error where it can't be read */
async function readInput(file: string): Promise<Json> {
  const text = file === "-" ? await readAll() : await readFile(file);
  try {
    const input = parseJson(text);
    if (isObject(input)) return input;
  } catch {
    throw new Error(`${file}: the input isn't JSON`);
  }
  throw new Error(`${file}: the input must be an object`);
}

async function readAll(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function drawFilters(filters: readonly { rule: string; reads: readonly (readonly string[])[] }[]): string {
  if (filters.length === 0) return "no rule has custom.filter in its METADATA\n";
  return filters
    .map(({ rule, reads }) => `${rule}\n${reads.map((path) => `  reads ${named(path)}\n`).join("")}`)
    .join("");
}
