/** Signs bundles as OPA does. Source: OPA, v1/bundle/sign.go, cmd/sign.go. */
import { CompactSign } from "jose";
import { JsonRefused } from "../../contract.js";
import type { Entries } from "../../rego/archive.js";
import type { BuildError, Rejected } from "../../rego/bundle.js";
import type { SignatureAlgorithm } from "../config.js";
import { hashFile } from "./hash.js";
import { readKey } from "./keys.js";
import type { SignedFile } from "./signatures-file.js";
import { signaturesName } from "./signatures-file.js";
import { YamlRefused } from "./yaml.js";

export interface Signer {
  /** PEM of the private key, or the secret of HS. */
  readonly key: string;
  /** RS256 unless told. */
  readonly alg?: SignatureAlgorithm;
  /** What the verifier's configuration calls the key. */
  readonly keyId?: string;
  readonly scope?: string;
  /** More of the payload, as `--claims-file` gives it. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * Makes the `.signatures.json` of a bundle's files; one that is among them is left out. Never rejects: what can't be signed
 * is told by `signature_key` (the key), `signature_malformed` (the claims) or `signature_files` (a file).
 */
export async function signEntries(
  entries: Entries,
  { key, alg = "RS256", keyId, scope, claims = {} }: Signer,
): Promise<{ readonly kind: "signed"; readonly file: Uint8Array } | Rejected> {
  if (Object.hasOwn(claims, "files")) {
    return refuse([
      { code: "signature_malformed", message: "claims may not have files: they are what is signed" },
    ]);
  }
  const read = readKey(key, alg, "sign");
  if (read.kind === "unfit") return refuse([{ code: "signature_key", message: read.message }]);

  const files: SignedFile[] = [];
  const errors: BuildError[] = [];
  for (const place of [...entries.keys()].sort()) {
    if (place === signaturesName) continue;
    if (place.endsWith(`/${signaturesName}`)) {
      errors.push({
        code: "signature_files",
        message: "signatures are at the bundle's root, and nowhere else",
        file: place,
      });
      continue;
    }
    try {
      const { hash } = hashFile(place, entries.get(place) ?? new Uint8Array(), "sha256");
      files.push({ name: place, hash, algorithm: "SHA-256" });
    } catch (error) {
      if (!(error instanceof JsonRefused || error instanceof YamlRefused)) throw error;
      errors.push({ code: "signature_files", message: error.message, file: place });
    }
  }
  if (errors.length > 0) return refuse(errors);

  const payload = {
    files,
    ...claims,
    ...(scope === undefined ? {} : { scope }),
    // deprecated by OPA for the header's `kid`, and written by it all the same
    ...(keyId === undefined ? {} : { keyid: keyId }),
  };
  const token = await new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg, ...(keyId === undefined ? {} : { kid: keyId }) })
    .sign(read.key);
  return { kind: "signed", file: Buffer.from(JSON.stringify({ signatures: [token] }, undefined, 1)) };
}

function refuse(errors: readonly BuildError[]): Rejected {
  return { kind: "rejected", errors };
}
