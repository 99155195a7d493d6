import type { Signer } from "../sidecar/bundles/signature/sign.js";
import { signEntries } from "../sidecar/bundles/signature/sign.js";
import type { Entries } from "../sidecar/rego/archive.js";
import { readArchive } from "../sidecar/rego/archive.js";
import type { Rejected } from "../sidecar/rego/bundle.js";
import { packEntries } from "../sidecar/rego/pack.js";

type SignedArchive = { readonly kind: "signed"; readonly bytes: Uint8Array } | Rejected;

/** Gives a new `.tar.gz` of the same files, with their signature inside; one that was there is replaced. Never rejects. */
export async function signArchive(bytes: Uint8Array, signer: Signer): Promise<SignedArchive> {
  const read = await readArchive(bytes);
  return read.kind === "rejected" ? read : packSigned(read.entries, signer);
}

/** Packs files with their signature. Never rejects. */
export async function packSigned(entries: Entries, signer: Signer): Promise<SignedArchive> {
  const signed = await signEntries(entries, signer);
  if (signed.kind === "rejected") return signed;
  const all = new Map([...entries, [".signatures.json", signed.file]]);
  return { kind: "signed", bytes: packEntries(all) };
}
