import { stat } from "node:fs/promises";
import { join } from "node:path";
import { signEntries } from "../sidecar/bundles/signature/sign.js";
import { readDirectory } from "../sidecar/rego/directory.js";
import { readEntries } from "../sidecar/rego/read.js";
import { readFlags } from "./flags.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import { printErrors, shownUnder } from "./policy-files.js";
import { putFile } from "./put-file.js";
import { packSigned } from "./sign-archive.js";
import { readSigner, signingFlags, signingHelp, signingRefused } from "./signing-flags.js";

export const signCommand: Command = {
  summary: "sign a bundle",
  help: `countersign sign: signs all files of a bundle, so that sidecars take it from you only

Usage: countersign sign [flags] PATH...

PATH is a folder in a bundle's layout, or a .tar.gz. It writes .signatures.json, as \`opa sign\` does; put it at the root of
the folder, or let --archive pack it. Files are named by their place in the folder; hidden ones are left out.

Flags:
${signingHelp}
  -o, --output-file-path DIR     where .signatures.json goes (default: here)
      --archive FILE             write a .tar.gz of the files with the signature inside, and no .signatures.json
  -b, --bundle                   as in \`opa\`, which asks for it

Examples:
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
  countersign sign --signing-key key.pem --signing-alg ES256 --signing-key-id release -o policies policies
  countersign sign --signing-key key.pem --signing-alg ES256 --archive signed.tar.gz bundle.tar.gz
`,
  async run(args, io) {
    const { values, positionals } = readFlags(
      args,
      {
        ...signingFlags,
        bundle: { type: "boolean", short: "b" },
        "output-file-path": { type: "string", short: "o" },
        archive: { type: "string" },
      },
      signingRefused,
    );
    if (positionals.length === 0) throw new UsageError("give a PATH");
    const { archive, "output-file-path": folder } = values;
    if (archive !== undefined && folder !== undefined)
      throw new UsageError("--archive and -o exclude each other");
    const signer = await readSigner(values);
    if (signer === undefined) throw new UsageError("--signing-key: a key is needed");

    const entries = new Map<string, Uint8Array>();
    for (const path of positionals) {
      const read = await readFiles(path);
      if (read.kind === "rejected") return printErrors(read.errors, shownUnder(path), io);
      for (const [place, bytes] of read.entries) {
        if (entries.has(place) && place !== ".signatures.json") {
          const message = "two of the paths have a file of this place";
          return printErrors([{ code: "bundle_duplicate", message, file: place }], shownUnder(path), io);
        }
        entries.set(place, bytes);
      }
    }
    const shown = shownUnder(positionals.length === 1 ? (positionals[0] ?? "") : "");
    if (archive !== undefined) {
      const packed = await packSigned(entries, signer);
      if (packed.kind === "rejected") return printErrors(packed.errors, shown, io);
      await putFile(archive, packed.bytes);
      return 0;
    }
    const signed = await signEntries(entries, signer);
    if (signed.kind === "rejected") return printErrors(signed.errors, shown, io);
    await putFile(join(folder ?? ".", ".signatures.json"), signed.file);
    return 0;
  },
};

/** Of a folder all files are signed, also those that mean nothing in a bundle: a signature speaks of all. */
async function readFiles(path: string): ReturnType<typeof readEntries> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() === true ? readDirectory(path, { all: true }) : readEntries(path);
}
