import { readFile, readdir, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import { text } from "node:stream/consumers";
import type { FormatRequest, FormattedFile } from "../sidecar/rego/author.js";
import { limits } from "../sidecar/rego/limits.js";
import { readCapabilities } from "./author-files.js";
import { withToolchain } from "./author.js";
import { drawErrors } from "./draw-errors.js";
import { readFlags } from "./flags.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { putFile } from "./put-file.js";

export const fmtCommand: Command = {
  summary: "format policies",
  help: `countersign fmt: formats Rego as \`opa fmt\` does

Usage: countersign fmt [flags] [PATH...]

PATHs are .rego files, and folders of them; without one, what comes in at the standard input is formatted.

Flags:
  -w, --write                writes the files instead of printing them; none is ever half written
  -l, --list                 lists the files that would change
  -d, --diff                 shows what would change, as a unified diff (opa: coloured text)
      --fail                 exit code 2 where a file would change
      --check-result         reads again what was formatted; --check-result=false doesn't (default true)
      --drop-v0-imports      takes out imports of rego.v1 and future.keywords
      --capabilities FILE    a capabilities.json, or a version of OPA
      --v0-compatible        the files are Rego v0, and stay so
      --v0-v1                makes Rego v0 such that it is v1, too (also: --rego-v1)
      --v1-compatible        the files are Rego v1 (with --v0-v1: and become v0, too)

Exit codes: 0 done, 1 what came in can't be formatted, 2 a file can't, or would change (--fail), or wrong usage

Examples:
  countersign fmt --write policies
  countersign fmt --list --fail policies
`,
  async run(args, io) {
    const { values, positionals, off } = readFlags(args, {
      write: { type: "boolean", short: "w" },
      list: { type: "boolean", short: "l" },
      diff: { type: "boolean", short: "d" },
      fail: { type: "boolean" },
      "check-result": { type: "boolean" },
      "drop-v0-imports": { type: "boolean" },
      capabilities: { type: "string" },
      "v0-compatible": { type: "boolean" },
      "v1-compatible": { type: "boolean" },
      "v0-v1": { type: "boolean" },
      "rego-v1": { type: "boolean" },
    });
    if (positionals.length === 0 && values.write === true) throw new UsageError("--write takes a PATH");
    const capabilities = await readCapabilities(values.capabilities);
    const stdin = positionals.length === 0;
    const files = stdin ? { stdin: await text(process.stdin) } : await readRego(positionals);
    const request: FormatRequest = {
      files,
      v0_compatible: values["v0-compatible"] ?? false,
      v1_compatible: values["v1-compatible"] ?? false,
      v0_v1: values["v0-v1"] ?? values["rego-v1"] ?? false,
      drop_v0_imports: values["drop-v0-imports"] ?? false,
      check_result: !off.has("check-result") && !stdin,
      ...(capabilities === undefined ? {} : { capabilities }),
    };
    if (Object.keys(files).length === 0) return 0;
    return withToolchain(io, {}, async (toolchain) => {
      const outcome = await toolchain.author("fmt", request);
      if (outcome.kind === "done") return tell(files, outcome.result.files, values, io, stdin ? 1 : 2);
      io.err(drawErrors(outcome.errors, files));
      return 1;
    });
  },
};

interface Told {
  readonly write?: boolean | undefined;
  readonly list?: boolean | undefined;
  readonly diff?: boolean | undefined;
  readonly fail?: boolean | undefined;
}

/** Prints or writes each file; one that can't be formatted leaves the others. Gives the exit code. */
async function tell(
  files: Readonly<Record<string, string>>,
  formatted: Readonly<Record<string, FormattedFile>>,
  { write, list, diff, fail }: Told,
  io: Io,
  bad: number,
): Promise<number> {
  let code = 0;
  for (const [file, before] of Object.entries(files)) {
    const { text: after = "", errors = [], invalid } = formatted[file] ?? {};
    if (errors.length > 0) {
      code = bad;
      const what =
        invalid === true ? `${file}: what was formatted is invalid; --check-result=false shows it\n` : "";
      io.err(what + drawErrors(errors, invalid === true ? { formatted: after } : files));
      continue;
    }
    const changes = after !== before;
    if (changes && fail === true) code = 2;
    if (list === true) io.out(changes ? `${file}\n` : "");
    else if (diff === true) {
      if (changes) {
        // loaded here only
        const { FILE_HEADERS_ONLY, createTwoFilesPatch } = await import("diff");
        io.out(
          createTwoFilesPatch(file, file, before, after, undefined, undefined, {
            context: 3,
            headerOptions: FILE_HEADERS_ONLY,
          }),
        );
      }
    } else if (fail === true && write !== true) {
      if (changes) io.err(`${file}: would be formatted\n`);
    } else if (write !== true) io.out(after);
    else if (changes) await putFile(file, after);
  }
  return code;
}

/** Reads files of Rego by the names that the author gave. @throws Error where one can't be read */
async function readRego(paths: readonly string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = Object.create(null) as Record<string, string>;
  let total = 0;
  const visit = async (name: string, depth: number): Promise<void> => {
    const facts = await stat(name);
    if (facts.isDirectory()) {
      if (depth > limits.depth) throw new Error(`${name}: the folders are nested too deeply`);
      const items = await readdir(name, { withFileTypes: true });
      for (const item of items.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        // as opa: a link is followed to a file, never to a folder
        const place = join(name, item.name);
        const folder = item.isDirectory();
        if (folder || (item.name.endsWith(".rego") && !(await stat(place)).isDirectory())) {
          await visit(place, depth + 1);
        }
      }
      return;
    }
    if (!name.endsWith(".rego")) return;
    total += facts.size;
    if (total > limits.totalBytes) throw new Error(`${name}: there is more than can be formatted at once`);
    try {
      files[name] = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(name));
    } catch (error) {
      if (error instanceof TypeError)
        throw new Error(`${name}: the file is not valid UTF-8`, { cause: error });
      throw error;
    }
  };
  for (const path of paths) await visit(normalize(path), 0);
  return files;
}
