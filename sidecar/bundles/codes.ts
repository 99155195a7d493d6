/**
 * One closed table of why a bundle isn't in force: what status, log and metric name. Codes are never reused; the compiler's
 * own (`rego_parse_error`, `rego_type_error`, …) stand beside the first of these that fits.
 */
export const bundleCodes = {
  // getting it
  source_unreachable: "its source can't be reached",
  source_unauthorized: "its source refuses the credentials",
  source_not_found: "its source has no such bundle",
  source_status: "its source answers with an error",
  source_answer: "its source answers with what is no bundle",
  source_timeout: "its source doesn't answer in time",
  source_address: "its source is at an address that may not be asked",
  source_truncated: "its source broke off in the middle",
  source_too_large: "its source gives more than a bundle may have",
  source_digest: "what came isn't what its digest says",
  // what it is made of
  bundle_unreadable: "the file or folder can't be read",
  bundle_archive: "the archive is damaged",
  bundle_truncated: "the archive ends too soon",
  bundle_trailing: "something follows the archive's end",
  bundle_entry: "an entry is neither a file nor a folder",
  bundle_link: "a link: an archive may hold none, and in a folder none may lead out of it",
  bundle_path: "an entry's name leads elsewhere, or is too long",
  bundle_duplicate: "two entries have the same place",
  bundle_too_large: "it is larger than a bundle may be",
  bundle_empty: "there is no Rego and no compiled policy",
  bundle_manifest: "its manifest doesn't have OPA's shape",
  bundle_wasm: "a compiled module is missing, damaged, or isn't named by the manifest",
  bundle_data: "its data can't be read, or its files say different things of one path",
  // who made it
  signature_missing: "a signature is required, and there is none",
  signature_unexpected: "it is signed, and no key is configured to verify it by",
  signature_malformed: "its signatures can't be read",
  signature_key: "it is signed by a key that isn't configured for it",
  signature_invalid: "its signature doesn't verify",
  signature_scope: "its signature has another scope",
  signature_files: "its files aren't those that were signed",
  // what it configures (discovery)
  discovery_undefined: "its decision is undefined",
  discovery_invalid: "what it says is no configuration that may be discovered",
  // whether it may
  roots_violated: "it holds policies or data outside of its roots",
  roots_overlap: "its roots overlap with another bundle's",
  version_missing: "it has no version, and one is required",
  version_rollback: "its version is below one that was in force",
  bundle_expired: "it has expired, or says not when",
  delta_base: "the changes are about another bundle than the one in force",
  delta_unfit: "the changes don't fit what is there",
  tests_failed: "its own tests fail",
  tests_missing: "its tests must pass, and it has none",
  canary_failed: "it doesn't decide as the canary file expects",
  canary_unreadable: "the canary file can't be read",
  // bringing it into force
  bundle_busy: "too many of its name wait already",
  mark_unreadable: "the record of the highest version can't be read, or others may write it",
  mark_unwritable: "the record of the highest version can't be written",
  keep_failed: "it is in force, but can't be kept on disk",
  keep_damaged: "what was kept on disk can't be read, or others may write it",
  build_failed: "it doesn't compile",
  entrypoint_missing: "an entrypoint that is needed isn't there",
  builtin_unavailable: "it calls a built-in that isn't available",
  activation_failed: "it can't be loaded",
} as const;

export type BundleCode = keyof typeof bundleCodes;

export function isBundleCode(code: string): code is BundleCode {
  return Object.hasOwn(bundleCodes, code);
}
