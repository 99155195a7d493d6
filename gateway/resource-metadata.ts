import type { Fields, Problems } from "../sidecar/contract.js";

/** What the protected resource metadata (RFC 9728) says besides who gives out tokens. */
export interface ResourceMetadataConfig {
  readonly scopes: readonly string[];
  /** Algorithms of DPoP proofs; none: DPoP isn't offered. */
  readonly dpopAlgorithms: readonly string[];
  readonly certificateBound: boolean;
  readonly name?: string;
  readonly documentation?: string;
}

/** Reads `resource_metadata`; its keys are RFC 9728's. */
export function readResourceMetadata(fields: Fields, problems: Problems): ResourceMetadataConfig {
  const list = (name: string, form: RegExp, what: string): readonly string[] => {
    const words = fields.strings(name) ?? [];
    if (!words.every((word) => form.test(word))) problems.add(fields.at(name), what);
    return words;
  };
  const name = fields.string("resource_name");
  const documentation = fields.string("resource_documentation");
  const metadata = {
    // RFC 6749 appendix A.4
    scopes: list(
      "scopes_supported",
      /^[\x21\x23-\x5b\x5d-\x7e]+$/,
      "a scope has no blank, quote or backslash",
    ),
    // the words go into a quoted string of a header
    dpopAlgorithms: list(
      "dpop_signing_alg_values_supported",
      /^(?:ES|PS|RS)(?:256|384|512)$|^EdDSA$|^Ed25519$/,
      "must be asymmetric algorithms, e.g. ES256, EdDSA",
    ),
    certificateBound: fields.boolean("tls_client_certificate_bound_access_tokens") ?? false,
    ...(name === undefined ? {} : { name }),
    ...(documentation === undefined ? {} : { documentation }),
  };
  fields.end();
  return metadata;
}
