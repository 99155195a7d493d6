import type { Fields, Problems } from "../../contract.js";
import { parseAddresses } from "../../net/addresses.js";
import { isTrustDomain, parseWorkloadId } from "./spiffe-id.js";
import type { BundleSource, SpiffeConfig, TrustDomain } from "./types.js";

/** Reads `identity.spiffe` (docs/identity-spiffe.md); the problems name places. */
export function parseSpiffe(fields: Fields, problems: Problems): SpiffeConfig {
  const trustDomains = fields.items("trust_domains").map((one) => readTrustDomain(one, problems));
  const config: SpiffeConfig = {
    trustDomains,
    forwardedBy: fields.strings("forwarded_by") ?? [],
    audience: fields.strings("audience") ?? [],
    maxLifetimeSeconds: fields.integer("max_lifetime_seconds", 1, 604_800) ?? 3_600,
    clockSkewSeconds: fields.integer("clock_skew_seconds", 0, 300) ?? 30,
    surviveSeconds: fields.integer("survive_seconds", 60, 2_592_000) ?? 86_400,
  };
  fields.end();
  if (trustDomains.length === 0) problems.add(fields.at("trust_domains"), "name at least one");
  const names = trustDomains.map(({ name }) => name);
  for (const name of new Set(names)) {
    if (names.filter((one) => one === name).length > 1) {
      problems.add(fields.at("trust_domains"), `${name} stands there twice`);
    }
  }
  if (config.audience.includes("")) problems.add(fields.at("audience"), "must not be empty");
  return config;
}

function readTrustDomain(fields: Fields, problems: Problems): TrustDomain {
  const name = fields.required("name");
  if (name !== "" && !isTrustDomain(name)) {
    problems.add(fields.at("name"), "must be lower-case letters, digits and . _ - (no spiffe://)");
  }
  const tenants = fields.strings("tenants") ?? [];
  const any = tenants.includes("*") && tenants.length > 1;
  if (tenants.length === 0 || any || tenants.includes("")) {
    problems.add(fields.at("tenants"), 'list the tenants that it may speak for, or ["*"]');
  }
  const domain: TrustDomain = {
    ...{ name, tenants },
    tenantPaths: readPaths(fields, tenants, problems),
    attested: fields.boolean("attested") ?? false,
    bundle: readBundle(fields.nested("bundle"), name, problems),
  };
  fields.end();
  return domain;
}

/** Reads `tenant_paths`; the longest path comes first, so that it is the one that counts. */
function readPaths(
  fields: Fields,
  tenants: readonly string[],
  problems: Problems,
): TrustDomain["tenantPaths"] {
  const value = fields.raw("tenant_paths");
  if (value === undefined) return [];
  const paths = Object.entries(typeof value === "object" && value !== null ? value : {});
  const read: [string, string][] = [];
  for (const [path, tenant] of paths) {
    if (parseWorkloadId(`spiffe://x${path}`) === undefined || typeof tenant !== "string") {
      problems.add(fields.at("tenant_paths"), "map paths such as /ns/acme to tenants");
    } else if (!tenants.includes("*") && !tenants.includes(tenant)) {
      problems.add(fields.at("tenant_paths"), `${path} names a tenant that isn't among tenants`);
    } else read.push([path, tenant]);
  }
  return read.sort(([a], [b]) => b.length - a.length);
}

function readBundle(fields: Fields, trustDomain: string, problems: Problems): BundleSource {
  const kinds = ["file", "url", "workload_api"].filter((name) => fields.has(name));
  if (kinds.length !== 1) problems.add(fields.at("file"), "give one of file, url, workload_api");
  const source = fields.has("url")
    ? readEndpoint(fields, trustDomain, problems)
    : fields.has("workload_api")
      ? ({ kind: "workload_api", socket: readSocket(fields, "workload_api", problems) } as const)
      : ({ kind: "file", path: fields.string("file") ?? "" } as const);
  fields.end();
  return source;
}

function readEndpoint(fields: Fields, trustDomain: string, problems: Problems): BundleSource {
  const url = fields.required("url");
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "https:" || parsed.username !== "" || parsed.password !== "") {
    problems.add(fields.at("url"), "must be an https URL without credentials");
  }
  const profile = fields.oneOf("profile", ["https_web", "https_spiffe"]);
  if (profile === undefined) problems.add(fields.at("profile"), "say which: https_web or https_spiffe");
  if (profile === "https_spiffe") {
    const endpointId = fields.required("endpoint_spiffe_id");
    const id = parseWorkloadId(endpointId);
    if (id === undefined)
      problems.add(fields.at("endpoint_spiffe_id"), `e.g. spiffe://${trustDomain}/endpoint`);
    return { kind: "https_spiffe", url, endpointId, bootstrapFile: fields.required("bootstrap_file") };
  }
  const caFile = fields.string("ca_file");
  const addresses = fields.string("addresses") ?? "public+private";
  if (parseAddresses(addresses) === undefined) {
    problems.add(fields.at("addresses"), "public, private, loopback or CIDRs, joined by +");
  }
  return { kind: "https_web", url, addresses, ...(caFile === undefined ? {} : { caFile }) };
}

/** Reads where an agent listens: `unix:///path`. @returns the path */
export function readSocket(fields: Fields, name: string, problems: Problems): string {
  const address = fields.required(name);
  const path = address.replace(/^unix:(?:\/\/)?(?=\/)/, "");
  if (!/^unix:(?:\/\/)?\/[^/]/.test(address)) problems.add(fields.at(name), "must be unix:///path");
  return path;
}
