import { rename, unlink, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { compileBundle } from "../sidecar/rego/build.js";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { writeBundle } from "../sidecar/rego/write.js";
import { entrypointPath, onePath } from "./format.js";
import type { Command } from "./main.js";
import { printErrors, shownUnder } from "./policy-files.js";

export const buildCommand: Command = {
  summary: "compile a policy bundle",
  help: `countersign build: compiles Rego to a bundle that a sidecar loads without a compiler

Usage: countersign build [flags] PATH

PATH is a directory, a .tar.gz or a .rego file. Tests (*_test.rego) are left out. The same files give the same bytes.

Flags:
  -o, --output FILE          where the bundle goes (default bundle.tar.gz)
  -e, --entrypoint PATH      a/b/c; repeatable; more than METADATA names with "entrypoint: true"
  -r, --revision TEXT        the bundle's revision, which decisions and the decision log name
      --v0-compatible        the files are Rego v0

Examples:
  countersign build -o bundle.tar.gz -r "$(git rev-parse --short HEAD)" policies
  countersign sidecar -b bundle.tar.gz
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        output: { type: "string", short: "o" },
        entrypoint: { type: "string", short: "e", multiple: true },
        revision: { type: "string", short: "r" },
        "v0-compatible": { type: "boolean" },
      },
      allowPositionals: true,
    });
    const path = onePath(positionals);
    const output = values.output ?? "bundle.tar.gz";
    const toolchain = createToolchain({});
    try {
      const outcome = await compileBundle({
        path,
        toolchain,
        ...(values.entrypoint === undefined ? {} : { entrypoints: values.entrypoint.map(entrypointPath) }),
        ...(values.revision === undefined ? {} : { revision: values.revision }),
        ...(values["v0-compatible"] === true ? { regoVersion: 0 as const } : {}),
      });
      if (outcome.kind === "rejected") return printErrors(outcome.errors, shownUnder(path), io);
      const bytes = writeBundle(outcome.bundle);
      await replace(output, bytes);
      const { entrypoints, rules, digest } = outcome.bundle;
      io.err(
        `${output}: ${bytes.byteLength} bytes, ${entrypoints.length} entrypoints, ${rules.length} annotated rules, sha256 ${digest}\n`,
      );
      return 0;
    } finally {
      await toolchain.close();
    }
  },
};

/** Puts the file there whole or not at all: a sidecar that watches it must not see half of it. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  try {
    await writeFile(fresh, bytes);
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}
