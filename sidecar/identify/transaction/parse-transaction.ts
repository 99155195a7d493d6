import type { Fields, Problems } from "../../contract.js";
import { parseTrusted, type TrustedKeysConfig } from "../proof/parse-trusted.js";

export interface TransactionConfig {
  /** The exact `iss` of the tokens, where they have one. */
  readonly issuer?: string;
  /** Keys, audience (the trust domain), tenants, mapping and limits. */
  readonly rules: TrustedKeysConfig;
}

/** What is written under `identity.transaction_tokens` in the words of `identity.issuers`. */
const shared = [
  "audience",
  "jwks",
  "fetch",
  "algorithms",
  "tenants",
  "tenant_names",
  "claims",
  "subject_type",
  "expose",
  "max_lifetime_seconds",
  "clock_skew_seconds",
] as const;

/** Parses `identity.transaction_tokens`; undefined where it is absent or not enabled. */
export function parseTransaction(identity: Fields, problems: Problems): TransactionConfig | undefined {
  if (identity.raw("transaction_tokens") === undefined) return undefined;
  const fields = identity.nested("transaction_tokens");
  const enabled = fields.boolean("enabled") ?? false;
  const issuer = fields.string("issuer");
  const given = Object.fromEntries(shared.map((name) => [name, fields.raw(name)]));
  for (const name of ["audience", "tenants"]) {
    if (given[name] === undefined) problems.add(fields.at(name), "is required");
  }
  const rules = parseTrusted(
    "transaction_tokens",
    // these tokens are short-lived by their nature: minutes or less
    {
      ...given,
      ...(issuer === undefined ? {} : { issuer }),
      max_lifetime_seconds: given["max_lifetime_seconds"] ?? 300,
    },
    "identity.transaction_tokens",
    problems,
  );
  fields.end();
  return enabled ? { rules, ...(issuer === undefined ? {} : { issuer }) } : undefined;
}
