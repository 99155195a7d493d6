import type { Json } from "../sidecar/contract.js";
import { stringifyJson } from "../sidecar/contract.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { withToolchain } from "./author.js";
import { namedErrors, readSide } from "./bundle-side.js";
import type { Side } from "./bundle-side.js";
import type { Change, Comparison } from "./compare-sides.js";
import { compareSides, isSame } from "./compare-sides.js";
import { drawComparison } from "./draw-comparison.js";
import { drawErrors } from "./draw-errors.js";
import type { Asked } from "./fence-request.js";
import { controlFlags, readAsked } from "./fence-request.js";
import { readFlags } from "./flags.js";
import { readFormat } from "./format.js";
import { getBundle } from "./get-bundle.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { shownUnder } from "./policy-files.js";

export const diffCommand: Command = {
  summary: "what differs between two bundles",
  help: `countersign diff: what differs between two bundles, as a reviewer of policy asks

Usage: countersign diff [flags] A B

A and B are folders, .tar.gz, .rego files, or NAME@GENERATION and NAME@REVISION of what was pushed (with --to).
Rules are compared by what they say: neither layout nor place nor comments count; those of one name are told apart by the
custom.id of their METADATA. Values of data are not shown unless asked for.

Flags:
      --patch           a unified diff of each changed rule
      --values          values of data, too
      --exit-code       exit code 1 where something differs
  -f, --format FORMAT   pretty or json (default pretty)
      --to ADDRESS      http://HOST:PORT, https://HOST:PORT or unix:///PATH of a sidecar that has the pushed bundles
  -k, --key-file FILE   a file with your operator key (right bundle.read)
      --ca FILE         certificates (PEM) that the sidecar's must come from, with https
      --v0-compatible   the files are Rego v0

Exit codes: 0; 1 something differs (--exit-code); 2 a side can't be read, or wrong usage

Examples:
  countersign diff --patch old.tar.gz policies
  countersign diff --exit-code -f json bundle.tar.gz policies
  countersign diff --to http://localhost:8181 -k ci.key main@41 main@42
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, {
      ...controlFlags,
      patch: { type: "boolean" },
      values: { type: "boolean" },
      "exit-code": { type: "boolean" },
      format: { type: "string", short: "f" },
      "v0-compatible": { type: "boolean" },
    });
    const [a, b, ...more] = positionals;
    if (a === undefined || b === undefined || more.length > 0) throw new UsageError("give A and B");
    const json = readFormat(values.format) === "json";
    const asked = (): Asked => readAsked(values);
    const version = values["v0-compatible"] === true ? (0 as const) : undefined;
    const found = await withToolchain(io, { timeoutMs: 600_000 }, async (toolchain) => {
      const reading = { asked, toolchain, version, io, facts: false };
      const [one, other] = [await sideOf(a, reading), await sideOf(b, reading)];
      if (one === undefined || other === undefined) return undefined;
      if (one.hasRego === other.hasRego) return compareSides(one, other);
      // of the compiled one only those facts are known that a compiler makes
      const [given, source] = one.hasRego ? [a, one] : [b, other];
      const compiled = (await sideOf(given, { ...reading, facts: true })) ?? source;
      return one.hasRego ? compareSides(compiled, other) : compareSides(one, compiled);
    });
    if (found === undefined) return 2;
    const same = isSame(found);
    if (json) io.out(`${stringifyJson(asJson(found, values), 2)}\n`);
    else if (same) io.err("nothing differs\n");
    else {
      const patch = values.patch === true ? await createPatch() : undefined;
      io.out(
        drawComparison(found, { values: values.values ?? false, ...(patch === undefined ? {} : { patch }) }),
      );
    }
    return values["exit-code"] === true && !same ? 1 : 0;
  },
};

interface Reading {
  readonly asked: () => Asked;
  readonly toolchain: Toolchain;
  readonly version: 0 | undefined;
  readonly io: Io;
  /** All that a compiler makes of it is wanted. */
  readonly facts: boolean;
}

/** Tells what is wrong where it can't be read. */
async function sideOf(
  given: string,
  { asked, toolchain, version, io, facts }: Reading,
): Promise<Side | undefined> {
  const got = await getBundle(given, asked).catch((error: unknown) => {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    return { kind: "rejected" as const, errors: [{ code: "", message: error.message }] };
  });
  const side =
    got.kind === "rejected"
      ? got
      : await readSide(got.entries, toolchain, { regoVersion: version, digest: facts, all: facts });
  if (side.kind === "side") return side;
  io.err(drawErrors(namedErrors(side.errors, shownUnder(given)), {}));
  return undefined;
}

/** Loaded here only. */
async function createPatch(): Promise<(before: string, after: string) => string> {
  const { createTwoFilesPatch, OMIT_HEADERS } = await import("diff");
  return (before, after) =>
    createTwoFilesPatch("a", "b", before, after, undefined, undefined, {
      context: 3,
      headerOptions: OMIT_HEADERS,
    });
}

/** INVARIANT: values of data stay out unless they are asked for. */
function asJson(
  found: Comparison,
  { values, patch }: { readonly values?: boolean; readonly patch?: boolean },
): Json {
  const bare = ({ at, kind }: Change): Json => ({ at, kind });
  const full = (change: Change): Json => jsonOf({ ...change });
  return {
    same: isSame(found),
    compiled: found.compiled,
    manifest: found.manifest.map(full),
    packages: jsonOf(found.packages),
    metadata: found.metadata.map(full),
    rules: found.rules.map(({ before, after, ...rule }) =>
      jsonOf(patch === true ? { ...rule, before, after } : rule),
    ),
    tests: jsonOf(found.tests),
    entrypoints: found.entrypoints.map((one) => jsonOf(one)),
    data: { list: found.data.list.map(values === true ? full : bare), more: found.data.more },
  };
}

/** Its members are JSON already; what is undefined isn't there. */
function jsonOf(value: object): Json {
  return value as unknown as Json;
}
