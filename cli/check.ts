import type { AuthorError } from "../sidecar/rego/author.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { readAuthorFiles } from "./author-files.js";
import { readShared, runAuthor } from "./author.js";
import type { Sources } from "./draw-errors.js";
import { drawErrors, errorsAsJson } from "./draw-errors.js";
import { readFlags, sourceFlags } from "./flags.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

export const checkCommand: Command = {
  summary: "check policies for errors",
  help: `countersign check: parses and type-checks policies and their tests

Usage: countersign check [flags] PATH...

Flags:
  -b, --bundle               PATHs are bundles: their data, roots and manifests count, too
  -S, --strict               unused variables and imports, deprecated built-ins and the like are errors, too
  -s, --schema PATH          JSON Schema of the input, or a folder of schemas, to check types by
  -m, --max-errors N         stops after so many errors (default 10)
  -f, --format FORMAT        pretty or json (default pretty)
      --ignore PATTERN       leaves out files and folders of this name (repeatable; a,b)
      --capabilities FILE    a capabilities.json, or a version of OPA, that the policies must do with
      --v0-compatible        the files are Rego v0
      --v0-v1                the files must be Rego v0 and v1 at once
      --notes                tells what is right, and seldom meant (default; --notes=false: doesn't)
  -w, --watch                checks again at each change
      --obligations          shows the obligations that policies may return, and what their properties must be (json:
                             JSON Schema); takes no PATH

Exit codes: 0 no errors, 1 errors, 2 wrong usage

Examples:
  countersign check --strict policies
  countersign check --watch policies
`,
  async run(args, io) {
    const { values, positionals, off } = readFlags(args, {
      ...sourceFlags,
      notes: { type: "boolean" },
      strict: { type: "boolean", short: "S" },
      schema: { type: "string", short: "s" },
      "max-errors": { type: "string", short: "m" },
      format: { type: "string", short: "f" },
      "v0-v1": { type: "boolean" },
      "rego-v1": { type: "boolean" },
      watch: { type: "boolean", short: "w" },
      obligations: { type: "boolean" },
    });
    const format = readFormat(values.format);
    if (values.obligations === true) {
      if (positionals.length > 0) throw new UsageError("--obligations takes no PATH");
      const { showObligations } = await import("./obligations.js");
      io.out(showObligations(format));
      return 0;
    }
    const shared = await readShared(values);
    const request = {
      ...shared,
      strict: values.strict ?? false,
      v0_v1: values["v0-v1"] ?? values["rego-v1"] ?? false,
    };
    const tell = (errors: readonly AuthorError[], sources: Sources): number => {
      if (errors.length > 0) io.err(format === "json" ? errorsAsJson(errors) : drawErrors(errors, sources));
      return errors.length === 0 ? 0 : 1;
    };
    const once = async (toolchain: Toolchain): Promise<number> => {
      const found = await readAuthorFiles(positionals, {
        bundle: values.bundle ?? false,
        ignore: request.ignore ?? [],
        onlyRego: true,
      });
      if (found.kind === "rejected") return tell(found.errors, {});
      const outcome = await toolchain.author("check", { ...request, ...found.read });
      const { errors = [], notes = [] } =
        outcome.kind === "rejected" ? { errors: outcome.errors } : outcome.result;
      if (format === "pretty" && notes.length > 0 && !off.has("notes")) {
        const told = notes.map((note) => ({ ...note, code: `note: ${note.code}` }));
        io.err(drawErrors(told, found.read.files));
      }
      if (errors.length === 0 && values.watch === true) io.err("no errors\n");
      return tell(errors, found.read.files);
    };
    return runAuthor({ paths: positionals, watch: values.watch ?? false, io, once });
  },
};
