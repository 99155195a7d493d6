/** Verifies who made a bundle, and that all of it is what they made. Source: OPA, v1/bundle/verify.go. */
import type { ProtectedHeaderParameters } from "jose";
import { compactVerify, decodeProtectedHeader, errors } from "jose";
import type { Entries } from "../../rego/archive.js";
import type { BuildError, Rejected } from "../../rego/bundle.js";
import type { Verified } from "../arrival.js";
import type { KeyConfig, SigningConfig } from "../config.js";
import type { BundleCode } from "../codes.js";
import { checkFiles } from "./files.js";
import { readKey } from "./keys.js";
import type { Payload } from "./signatures-file.js";
import { Malformed, readPayload, readToken, signaturesName } from "./signatures-file.js";

export interface Trust {
  /** Absent: a signature isn't asked for; one that is there is verified by {@link Trust.keys} all the same, as OPA does. */
  readonly signing?: SigningConfig;
  readonly keys: ReadonlyMap<string, KeyConfig>;
  /** Epoch milliseconds; the machine's clock unless told. */
  readonly now?: () => number;
}

export type VerifyOutcome =
  | {
      readonly kind: "verified";
      readonly verified: Verified;
      /** What was verified, and all that may be used from here on: YAML stands there as the JSON that was hashed. */
      readonly entries: Entries;
    }
  | Rejected;

/**
 * Verifies a bundle's `.signatures.json` over all of its files, those that mean nothing in a bundle, too. Never rejects:
 * each fault has one of the codes `signature_*`. The key is the one that `signing.keyid` names, or else, among those that
 * are configured, the one that the JWT names (header `kid`, payload `keyid`); its algorithm is what the configuration
 * says, and the header has to say the same.
 */
export async function verifyEntries(entries: Entries, trust: Trust): Promise<VerifyOutcome> {
  const { signing, keys } = trust;
  for (const place of entries.keys()) {
    if (place.endsWith(`/${signaturesName}`)) {
      return refuse("signature_malformed", `signatures are at the bundle's root, and nowhere else`, place);
    }
  }
  const file = entries.get(signaturesName);
  if (file === undefined) {
    return signing === undefined
      ? { kind: "verified", verified: { signed: false }, entries }
      : refuse("signature_missing", `a signature is required, and there is no ${signaturesName}`);
  }
  if (keys.size === 0) {
    return refuse("signature_unexpected", "the bundle is signed, and no keys are configured to verify it by");
  }
  try {
    return await verifyToken(readToken(file), entries, trust);
  } catch (error) {
    if (error instanceof Malformed) return refuse("signature_malformed", error.message, signaturesName);
    throw error;
  }
}

async function verifyToken(token: string, entries: Entries, trust: Trust): Promise<VerifyOutcome> {
  const { signing, keys, now = Date.now } = trust;
  const header = headerOf(token);
  const keyId = signing?.keyid ?? keyIdOf(header, token);
  if (keyId === undefined) {
    return refuse("signature_key", "the signature names no key, nor does signing.keyid", signaturesName);
  }
  const config = keys.get(keyId);
  if (config === undefined) {
    return refuse("signature_key", `the key ${shown(keyId)} isn't one of keys`, signaturesName);
  }
  const { algorithm } = config;
  if (header.alg !== algorithm) {
    return refuse(
      "signature_key",
      `the key ${shown(keyId)} is configured for ${algorithm}, and the signature has another algorithm`,
      signaturesName,
    );
  }
  const read = readKey(config.key, algorithm, "verify");
  if (read.kind === "unfit") return refuse("signature_key", `keys.${keyId}: ${read.message}`);

  let payload: Payload;
  try {
    const { payload: bytes } = await compactVerify(token, read.key, { algorithms: [algorithm] });
    payload = readPayload(bytes);
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return refuse("signature_invalid", `the signature isn't one of the key ${shown(keyId)}`, signaturesName);
  }
  const seconds = now() / 1_000;
  if (payload.exp !== undefined && payload.exp <= seconds) {
    return refuse("signature_invalid", "the signature has expired (exp)", signaturesName);
  }
  if (payload.nbf !== undefined && payload.nbf > seconds) {
    return refuse("signature_invalid", "the signature doesn't hold yet (nbf)", signaturesName);
  }
  const scope = signing?.scope ?? config.scope ?? "";
  if (payload.scope !== scope) {
    return refuse(
      "signature_scope",
      `the signature's scope isn't ${scope === "" ? "empty" : shown(scope)}`,
      signaturesName,
    );
  }
  const files = await checkFiles(entries, payload.files, signing?.excludeFiles ?? []);
  return files.kind === "rejected"
    ? files
    : {
        kind: "verified",
        verified: { signed: true, keyId, ...(payload.scope === "" ? {} : { scope: payload.scope }) },
        entries: files.entries,
      };
}

/** @throws Malformed */
function headerOf(token: string): ProtectedHeaderParameters {
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw new Malformed("the JWT's header can't be read");
  }
  // an extension that changes what is signed (RFC 7797's b64 is one), and that OPA overlooks
  if (header.crit !== undefined || header["b64"] !== undefined)
    throw new Malformed("the JWT's header asks for extensions");
  return header;
}

/** @throws Malformed */
function keyIdOf({ kid }: ProtectedHeaderParameters, token: string): string | undefined {
  if (typeof kid === "string" && kid !== "") return kid;
  // it isn't believed: it chooses one of the configured keys, and that one has to fit
  const named = readPayload(Buffer.from(token.split(".")[1] ?? "", "base64url")).keyid;
  return named === "" ? undefined : named;
}

/** A name out of a file that nobody vouches for yet. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

function refuse(code: BundleCode, message: string, file?: string): Rejected {
  const error: BuildError = { code, message, ...(file === undefined ? {} : { file }) };
  return { kind: "rejected", errors: [error] };
}
