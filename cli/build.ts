import { compileBundle } from "../sidecar/rego/build.js";
import type { AuthorError, RegoBuildRequest } from "../sidecar/rego/author.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { writeBundle } from "../sidecar/rego/write.js";
import { readAuthorFiles } from "./author-files.js";
import { readShared, withToolchain } from "./author.js";
import type { BundleFiles } from "./bundle-files.js";
import { readBundleFiles } from "./bundle-files.js";
import type { Sources } from "./draw-errors.js";
import { drawErrors } from "./draw-errors.js";
import { readFlags, readList, readNumber, readOne, sourceFlags } from "./flags.js";
import { entrypointPath } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import { putFile } from "./put-file.js";
import { readSigner, signingFlags, signingHelp, signingRefused } from "./signing-flags.js";
import { signatureAlgorithms } from "../sidecar/bundles/signature/keys.js";
import { readTrust } from "./verification-flags.js";

const plan = "nothing here evaluates a plan; give --target wasm or rego";
const refused = {
  "wasm-include-print": { type: "boolean", why: "a sidecar has nowhere to print to; print in tests" },
  format: { type: "string", why: plan },
  "plan-addons": { type: "string", why: plan },
  ...signingRefused,
  "follow-symlinks": {
    type: "boolean",
    why: "a link inside of a folder is followed where it ends in it, and refused where it doesn't",
  },
} as const;

export const buildCommand: Command = {
  summary: "compile a policy bundle",
  help: `countersign build: compiles Rego to a bundle that a sidecar loads without a compiler

Usage: countersign build [flags] PATH...

PATH is a directory, a .tar.gz or a .rego file, read as a bundle: its data are data.json and data.yaml, its .manifest
counts. Tests (*_test.rego) are left out. The same files give the same bytes.

Flags:
  -b, --bundle               PATHs are bundles; always so, save for --target rego
  -t, --target TARGET        wasm: what a sidecar loads at once (default; opa: rego); rego: OPA's bundle of sources, tests
                             included, by OPA's own loader
  -o, --output FILE          where the bundle goes (default bundle.tar.gz)
  -e, --entrypoint PATH      a/b/c; repeatable; more than METADATA names with "entrypoint: true"
  -r, --revision TEXT        the bundle's revision, which decisions and the decision log name
  -O, --optimize LEVEL       0, or with --target rego 1 or 2: evaluates ahead what it can
      --partial-namespace N  the package of what was evaluated ahead (default partial)
      --prune-unused         leaves out what entrypoints don't need (wasm: always so)
      --ignore PATTERN       leaves out files and folders of this name (repeatable; a,b)
      --capabilities FILE    a capabilities.json, or a version of OPA, that the policies must do with (--target rego)
      --v0-compatible        the files are Rego v0
      --debug                tells what the optimizer does (--target rego)

Signing, as in opa (with --bundle):
${signingHelp}
      --verification-key KEY verifies the PATHs' own signatures first
      --verification-key-id N  the key's name (default "default")
      --scope SCOPE          what the signatures must be for
      --exclude-files-verify PATTERN  files that no signature covers

Examples:
  countersign build -o bundle.tar.gz -r "$(git rev-parse --short HEAD)" policies
  countersign build -b --signing-key key.pem -o bundle.tar.gz policies
  countersign sidecar -b bundle.tar.gz
`,
  async run(args, io) {
    const { values, positionals } = readFlags(
      args,
      {
        ...sourceFlags,
        target: { type: "string", short: "t" },
        output: { type: "string", short: "o" },
        entrypoint: { type: "string", short: "e", multiple: true },
        revision: { type: "string", short: "r" },
        optimize: { type: "string", short: "O" },
        "partial-namespace": { type: "string" },
        "prune-unused": { type: "boolean" },
        debug: { type: "boolean" },
        ...signingFlags,
        "verification-key": { type: "string" },
        "verification-key-id": { type: "string" },
        scope: { type: "string" },
        "exclude-files-verify": { type: "string", multiple: true },
      },
      refused,
    );
    if (positionals.length === 0) throw new UsageError("give a PATH");
    if (values.target === "plan") throw new UsageError(`--target plan is not supported: ${plan}`);
    const target = readOne("--target", values.target, ["wasm", "rego"]) ?? "wasm";
    const optimize = readNumber("--optimize", values.optimize, 0) ?? 0;
    if (target === "wasm") {
      const only = "is for --target rego:";
      if (optimize > 0) {
        throw new UsageError(
          `--optimize ${only} what is evaluated ahead loses the ids that decisions name rules by`,
        );
      }
      if (values.debug === true) throw new UsageError(`--debug ${only} it tells what the optimizer does`);
      if (values.capabilities !== undefined) {
        throw new UsageError(
          `--capabilities ${only} check a policy by them with countersign check --capabilities`,
        );
      }
    }
    const signing = values["signing-key"] !== undefined || values["verification-key"] !== undefined;
    if (signing && values.bundle !== true) {
      throw new UsageError("enable bundle mode (ie. --bundle) to verify or sign bundle files or directories");
    }
    const algorithm = readOne("--signing-alg", values["signing-alg"], signatureAlgorithms) ?? "RS256";
    const named =
      values["signing-key-id"] ??
      (values["claims-file"] === undefined ? values["verification-key-id"] : undefined);
    const signer = await readSigner({
      ...(signing && values["signing-key"] === undefined ? {} : values),
      ...(values["signing-key"] === undefined || named === undefined ? {} : { "signing-key-id": named }),
    });
    const trust = await readTrust(values, algorithm);
    const output = values.output ?? "bundle.tar.gz";
    const fail = (errors: readonly AuthorError[], sources: Sources): number => {
      io.err(drawErrors(errors, sources));
      return 1;
    };

    const asBundle = target === "wasm" || values.bundle === true;
    const ignore = readList(values.ignore);
    const read = asBundle
      ? await readBundleFiles(positionals, {
          ignore,
          tell: values.bundle !== true,
          ...(trust === undefined ? {} : { trust }),
        })
      : undefined;
    if (read?.kind === "rejected") return fail(read.errors, {});
    return withToolchain(io, {}, async (toolchain) => {
      const made =
        target === "wasm" && read !== undefined
          ? await buildWasm(read, toolchain, values)
          : await buildRego(positionals, toolchain, {
              ...(await readShared(values)),
              // what was verified above isn't verified again
              ignore: trust === undefined ? ignore : [...ignore, ".signatures.json"],
              optimize,
              debug: values.debug ?? false,
              prune_unused: values["prune-unused"] ?? false,
              partial_namespace: values["partial-namespace"] ?? "partial",
              entrypoints: (values.entrypoint ?? []).map(entrypointPath),
              ...(values.revision === undefined ? {} : { set_revision: values.revision }),
            });
      if (made.kind === "rejected") return fail(made.errors, made.sources);
      let { bytes } = made;
      if (signer !== undefined) {
        const { signArchive } = await import("./sign-archive.js");
        const signed = await signArchive(bytes, signer);
        if (signed.kind === "rejected") return fail(signed.errors, {});
        bytes = signed.bytes;
      }
      await putFile(output, bytes);
      io.err(
        `${made.told}${output}: ${bytes.byteLength} bytes${made.facts}${signer === undefined ? "" : ", signed"}\n`,
      );
      return 0;
    });
  },
};

type Made =
  | { readonly kind: "made"; readonly bytes: Uint8Array; readonly facts: string; readonly told: string }
  | { readonly kind: "rejected"; readonly errors: readonly AuthorError[]; readonly sources: Sources };

interface WasmFlags {
  readonly entrypoint?: readonly string[] | undefined;
  readonly revision?: string | undefined;
  readonly "v0-compatible"?: boolean | undefined;
}

async function buildWasm(read: BundleFiles, toolchain: Toolchain, flags: WasmFlags): Promise<Made> {
  const outcome = await compileBundle({
    entries: read.entries,
    toolchain,
    ...(flags.entrypoint === undefined ? {} : { entrypoints: flags.entrypoint.map(entrypointPath) }),
    ...(flags.revision === undefined ? {} : { revision: flags.revision }),
    ...(flags["v0-compatible"] === true ? { regoVersion: 0 as const } : {}),
  });
  if (outcome.kind === "rejected") {
    const errors = outcome.errors.map((error) =>
      error.file === undefined ? error : { ...error, file: read.shown(error.file) },
    );
    return { kind: "rejected", errors, sources: read.sources() };
  }
  const { entrypoints, rules, digest } = outcome.bundle;
  const facts = `, ${entrypoints.length} entrypoints, ${rules.length} annotated rules, sha256 ${digest}`;
  return { kind: "made", bytes: writeBundle(outcome.bundle), facts, told: read.told };
}

type RegoFlags = Omit<RegoBuildRequest, "files" | "archives" | "paths">;

async function buildRego(paths: readonly string[], toolchain: Toolchain, flags: RegoFlags): Promise<Made> {
  const found = await readAuthorFiles(paths, {
    bundle: flags.as_bundle ?? false,
    ignore: flags.ignore ?? [],
  });
  if (found.kind === "rejected") return { ...found, sources: {} };
  const outcome = await toolchain.author("build", { ...flags, ...found.read });
  const sources = found.read.files;
  if (outcome.kind === "rejected") return { ...outcome, sources };
  const { errors, out, err } = outcome.result;
  if (errors !== undefined) return { kind: "rejected", errors, sources };
  return { kind: "made", bytes: new Uint8Array(Buffer.from(out, "base64")), facts: ", Rego", told: err };
}
