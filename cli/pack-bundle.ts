/** Packs what is to be pushed. */
import { readFile, stat } from "node:fs/promises";
import type { Signer } from "../sidecar/bundles/signature/sign.js";
import { isObject, parseJson, stringifyJson } from "../sidecar/contract.js";
import type { Rejected } from "../sidecar/rego/bundle.js";
import { rejected } from "../sidecar/rego/bundle.js";
import { packEntries } from "../sidecar/rego/pack.js";
import { readEntries } from "../sidecar/rego/read.js";
import { packSigned } from "./sign-archive.js";

export interface PackOptions {
  readonly signer: Signer | undefined;
  /** The revision that its manifest gets. */
  readonly revision: string | undefined;
}

/** Gives a `.tar.gz` of a folder or of another one; an archive that stays as it is stays so to the byte. Never rejects. */
export async function packBundle(
  path: string,
  { signer, revision }: PackOptions,
): Promise<{ readonly kind: "packed"; readonly bytes: Uint8Array } | Rejected> {
  const read = await readEntries(path);
  if (read.kind === "rejected") return read;
  const isFile = (await stat(path)).isFile() && !path.endsWith(".rego");
  if (isFile && signer === undefined && revision === undefined)
    return { kind: "packed", bytes: await readFile(path) };
  const entries = new Map(read.entries);
  if (revision !== undefined) {
    if (signer === undefined && entries.has(".signatures.json"))
      return rejected("signature_key", "it is signed, and another revision undoes that: give --signing-key");
    const manifest = withRevision(entries.get(".manifest"), revision);
    if (manifest === undefined)
      return rejected("bundle_manifest", "the manifest isn't a JSON object", ".manifest");
    entries.set(".manifest", manifest);
  }
  if (signer === undefined) return { kind: "packed", bytes: packEntries(entries) };
  const signed = await packSigned(entries, signer);
  return signed.kind === "rejected" ? signed : { kind: "packed", bytes: signed.bytes };
}

function withRevision(manifest: Uint8Array | undefined, revision: string): Uint8Array | undefined {
  try {
    const read = manifest === undefined ? {} : parseJson(Buffer.from(manifest));
    return isObject(read) ? Buffer.from(stringifyJson({ ...read, revision })) : undefined;
  } catch {
    return undefined;
  }
}
