import { readFile, stat } from "node:fs/promises";
import { signatureAlgorithms } from "../sidecar/bundles/signature/keys.js";
import type { Entries } from "../sidecar/rego/archive.js";
import type { EntrypointFacts, Rejected } from "../sidecar/rego/bundle.js";
import { readEntries } from "../sidecar/rego/read.js";
import { readAuthorFiles } from "./author-files.js";
import { withToolchain } from "./author.js";
import type { Side } from "./bundle-side.js";
import { namedErrors, readSide, sha256 } from "./bundle-side.js";
import { clean, drawErrors } from "./draw-errors.js";
import { drawCaching } from "./draw-facts.js";
import { drawTable } from "./draw-table.js";
import { readFlags, readOne } from "./flags.js";
import { onePath, readFormat } from "./format.js";
import type { Command } from "./main.js";
import { shownUnder } from "./policy-files.js";
import { readTrust } from "./verification-flags.js";

export const inspectCommand: Command = {
  summary: "what is in a bundle",
  help: `countersign inspect: what is in a bundle: as \`opa inspect\`, and what a sidecar makes of it

Usage: countersign inspect [flags] PATH

PATH is a folder, a .tar.gz or a .rego file. Shows manifest, packages and data with their files; then revision, version,
expiry, who signed it, digest, tests, and for each entrypoint whether its results are cached, and by how much of input and
data. A signature is verified where --verification-key is given; else it is told what it says of itself.

Flags:
  -a, --list-annotations     METADATA of packages and rules, too
  -f, --format FORMAT        pretty or json: OPA's, with ours under "countersign" (default pretty)
      --verification-key KEY verifies the signature: a PEM file, or a secret
      --verification-key-id N, --scope TEXT   what the signature must name
      --signing-alg NAME     RS256 (default), ES256, …
      --v0-compatible        the files are Rego v0

Examples:
  countersign inspect policies
  countersign inspect -a -f json bundle.tar.gz
  countersign inspect --verification-key release.pub.pem --signing-alg ES256 bundle.tar.gz
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, {
      "list-annotations": { type: "boolean", short: "a" },
      format: { type: "string", short: "f" },
      "verification-key": { type: "string" },
      "verification-key-id": { type: "string" },
      scope: { type: "string" },
      "signing-alg": { type: "string" },
      "v0-compatible": { type: "boolean" },
      "v1-compatible": { type: "boolean" },
    });
    const path = onePath(positionals);
    const json = readFormat(values.format) === "json";
    const algorithm = readOne("--signing-alg", values["signing-alg"], signatureAlgorithms) ?? "RS256";
    const trust = await readTrust(values, algorithm);
    const shown = shownUnder(path);
    const fail = ({ errors }: Rejected): number => {
      io.err(drawErrors(namedErrors(errors, shown), {}));
      return 1;
    };
    const read = await readEntries(path);
    if (read.kind === "rejected") return fail(read);
    let verified: boolean | undefined;
    if (trust !== undefined) {
      const { verifyEntries } = await import("../sidecar/bundles/signature/verify.js");
      const outcome = await verifyEntries(read.entries, trust);
      if (outcome.kind === "rejected") return fail(outcome);
      verified = outcome.verified.signed;
    }
    const named = await readAuthorFiles([path], { bundle: true });
    if (named.kind === "rejected") return fail({ kind: "rejected", errors: named.errors });

    return withToolchain(io, {}, async (toolchain) => {
      const regoVersion = values["v0-compatible"] === true ? (0 as const) : undefined;
      const side = await readSide(read.entries, toolchain, { regoVersion, digest: true });
      const own = side.kind === "rejected" ? undefined : await ownFacts(side, { path, verified });
      const outcome = await toolchain.author("inspect", {
        ...named.read,
        ...{ json, annotations: values["list-annotations"] ?? false, as_bundle: true },
        ...(own === undefined ? {} : { own }),
        ...(regoVersion === undefined ? {} : { rego_version: regoVersion }),
      });
      const errors = outcome.kind === "rejected" ? outcome.errors : outcome.result.errors;
      if (errors !== undefined) {
        io.err(drawErrors(errors, named.read.files));
        return 1;
      }
      if (outcome.kind === "done") io.out(json ? outcome.result.out : clean(outcome.result.out));
      if (side.kind === "rejected") return fail(side);
      if (!json && own !== undefined) io.out(clean(draw(own, side.entrypoints, read.entries)));
      return 0;
    });
  },
};

interface OwnFacts {
  readonly revision?: string;
  readonly version?: number | "invalid";
  /** RFC 3339. */
  readonly expires?: string;
  readonly signature: Side["signature"] & { readonly verified?: boolean };
  /** SHA-256 over policy, data and facts: what decisions and status name. */
  readonly digest: string;
  /** Of a `.tar.gz`. */
  readonly archive?: { readonly bytes: number; readonly sha256: string };
  readonly bytes: number;
  readonly tests: number;
  readonly rules: number;
  readonly entrypoints: readonly EntrypointFacts[];
  readonly builtins?: readonly string[];
}

interface Found {
  readonly path: string;
  readonly verified: boolean | undefined;
}

async function ownFacts(side: Side, { path, verified }: Found): Promise<OwnFacts> {
  const { bundle, metadata } = side;
  const revision = bundle?.manifest.revision;
  const { version, expires } = metadata;
  const isFile = !path.endsWith(".rego") && (await stat(path)).isFile();
  const bytes = isFile ? await readFile(path) : undefined;
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(version === undefined ? {} : { version }),
    ...(expires === undefined
      ? {}
      : { expires: expires === "invalid" ? "invalid" : new Date(expires).toISOString() }),
    signature: { ...side.signature, ...(verified === undefined ? {} : { verified }) },
    digest: bundle?.digest ?? "",
    ...(bytes === undefined ? {} : { archive: { bytes: bytes.byteLength, sha256: sha256(bytes) } }),
    ...{ bytes: side.bytes, tests: side.tests, rules: side.rules.length, entrypoints: side.entrypoints },
    ...(bundle?.builtins === undefined ? {} : { builtins: bundle.builtins.map(({ name }) => name) }),
  };
}

/** More entrypoints are counted. */
const mostShown = 30;

function draw(own: OwnFacts, entrypoints: readonly EntrypointFacts[], entries: Entries): string {
  const rows: (readonly [string, string])[] = [
    ["Revision", own.revision ?? "(none)"],
    ["Version", String(own.version ?? "(none)")],
    ["Expires", own.expires ?? "(never)"],
    ["Signed", drawSignature(own.signature)],
    ["Digest", own.digest],
    ...(own.archive === undefined
      ? []
      : [["Archive", `${own.archive.bytes} bytes, sha256 ${own.archive.sha256}`] as const]),
    ["Files", `${entries.size}, ${own.bytes} bytes`],
    ["Tests", String(own.tests)],
    ["Rules", `${own.rules} with METADATA`],
  ];
  const some = entrypoints.slice(0, mostShown).map(drawEntrypoint).join("");
  const left = entrypoints.length - mostShown;
  return `SIDECAR:\n${drawTable(rows)}ENTRYPOINTS:\n${some}${left > 0 ? `and ${left} more; --format json lists all\n` : ""}`;
}

function drawEntrypoint(facts: EntrypointFacts): string {
  const { path, input, data, lookups = [], branches = [] } = facts;
  const where = branches.length === 0 ? "" : `, some only in ${branches.length} cases`;
  const looked = lookups.length === 0 ? "" : `, ${lookups.length} looked up`;
  return `${path}\n  ${drawCaching(facts)}\n  input: ${paths(input.length)}${where}; data: ${paths(data.length)}${looked}\n`;
}

const paths = (count: number): string => `${count} path${count === 1 ? "" : "s"}`;

function drawSignature(signature: OwnFacts["signature"]): string {
  if (!signature.signed) return "no";
  if (signature.malformed !== undefined) return `malformed: ${signature.malformed}`;
  const key = signature.keyid === undefined ? "a key that it doesn't name" : `key ${signature.keyid}`;
  const scope = signature.scope === undefined ? "" : `, scope ${signature.scope}`;
  return `by ${key}${scope}${signature.verified === true ? ", verified" : "; not verified: give --verification-key"}`;
}
