import type { Fields, Json, Problems } from "../../contract.js";
import { parseTrusted, type TrustedKeysConfig } from "./parse-trusted.js";

/** A trust domain whose workload identity tokens count. */
export interface TrustDomainConfig {
  readonly name: string;
  /** The exact `iss` of its tokens, where they have one. */
  readonly issuer?: string;
  /** The tenants that it may speak for; `*`: any. */
  readonly tenants: readonly string[];
  /** Whether it attests nodes and workloads before it issues. */
  readonly attested: boolean;
  readonly keys: TrustedKeysConfig;
}

export interface WimseConfig {
  readonly trust_domains: readonly TrustDomainConfig[];
  /** Further values of a proof's `aud` that mean us, beside the request's URL. */
  readonly audiences: readonly string[];
  /** How far ahead a proof's `exp` may be. */
  readonly proof_lifetime_seconds: number;
}

/** Parses `identity.wimse`; undefined where it is absent or not enabled. */
export function parseWimse(identity: Fields, problems: Problems): WimseConfig | undefined {
  if (identity.raw("wimse") === undefined) return undefined;
  const fields = identity.nested("wimse");
  const enabled = fields.boolean("enabled") ?? false;
  const config: WimseConfig = {
    trust_domains: fields.items("trust_domains").map((one) => parseTrustDomain(one, problems)),
    audiences: fields.strings("audiences") ?? [],
    proof_lifetime_seconds: fields.integer("proof_lifetime_seconds", 5, 600) ?? 120,
  };
  if (enabled && config.trust_domains.length === 0) problems.add(fields.at("trust_domains"), "is required");
  const names = config.trust_domains.map(({ name }) => name);
  if (new Set(names).size !== names.length) problems.add(fields.at("trust_domains"), "the same name twice");
  fields.end();
  return enabled ? config : undefined;
}

function parseTrustDomain(fields: Fields, problems: Problems): TrustDomainConfig {
  const name = fields.required("name");
  if (!/^[a-z0-9][a-z0-9._-]{0,254}$/.test(name)) problems.add(fields.at("name"), "must be a trust domain");
  const issuer = fields.string("issuer");
  const tenants = fields.strings("tenants") ?? [];
  if (tenants.length === 0) problems.add(fields.at("tenants"), "must list at least one");
  const attested = fields.boolean("attested") ?? false;
  const given: Record<string, Json | undefined> = {
    jwks: fields.raw("jwks"),
    fetch: fields.raw("fetch"),
    algorithms: fields.raw("algorithms"),
    max_lifetime_seconds: fields.raw("max_lifetime_seconds"),
    clock_skew_seconds: fields.raw("clock_skew_seconds"),
  };
  const keys = parseTrusted(`wimse.${name}`.slice(0, 63), given, fields.at("").replace(/\.$/, ""), problems);
  fields.end();
  return { name, ...(issuer === undefined ? {} : { issuer }), tenants, attested, keys };
}
