import type { Fields, Problems } from "../../sidecar/contract.js";
import type { Price } from "../observe/price.js";
import { readPrice } from "../observe/read-price.js";
import type { Cost, Deployment, DeploymentTimeouts } from "./deployment.js";

const plainName = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const hour = 3_600_000;

/** Reads the fields of one deployment; those that are left are the caller's to read or refuse. */
export function readDeployment(
  fields: Fields,
  upstreams: { has(name: string): boolean },
  problems: Problems,
): Deployment {
  const upstream = fields.required("upstream");
  const name = fields.string("name") ?? upstream;
  if (upstream !== "" && !upstreams.has(upstream))
    problems.add(fields.at("upstream"), "is not among the upstreams");
  if (name !== "" && !plainName.test(name))
    problems.add(fields.at("name"), "must be letters, digits and . _ : -");
  const priced = fields.has("cost") ? fields.nested("cost") : undefined;
  const price = priced && readPrice(priced, problems);
  priced?.end();
  const retention = fields.integer("data_retention_days", 0, 100_000);
  const zero = fields.boolean("zero_retention");
  if (zero === true && retention !== undefined && retention > 0)
    problems.add(fields.at("zero_retention"), "contradicts data_retention_days");
  return stated({
    name,
    upstream,
    provider: fields.required("provider"),
    region: fields.required("region"),
    environment: fields.required("environment"),
    upstreamModel: fields.string("upstream_model"),
    maxOutputTokens: fields.integer("max_output_tokens", 1, 10_000_000),
    weight: fields.integer("weight", 0, 1_000_000) ?? 1,
    priority: fields.integer("priority", 0, 1_000) ?? 0,
    cost: price && asCost(price),
    price,
    askUsage: fields.boolean("ask_usage"),
    contextTokens: fields.integer("context_tokens", 1, 1_000_000_000),
    capabilities: fields.strings("capabilities"),
    residency: fields.string("residency"),
    dataRetentionDays: zero === true ? 0 : retention,
    zeroRetention: zero,
    trainingUse: fields.boolean("training_use"),
    certifications: fields.strings("certifications"),
    timeouts: readTimeouts(fields.nested("timeouts")),
  });
}

type Unstated = { readonly [Name in keyof Deployment]: Deployment[Name] | undefined };

/** Leaves out what isn't stated. */
function stated(all: Unstated): Deployment {
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as unknown as Deployment;
}

function readTimeouts(fields: Fields): DeploymentTimeouts {
  const firstTokenMs = fields.integer("first_token_ms", 1, hour);
  const betweenTokensMs = fields.integer("between_tokens_ms", 1, hour);
  const totalMs = fields.integer("total_ms", 1, 24 * hour);
  fields.end();
  return {
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...(betweenTokensMs === undefined ? {} : { betweenTokensMs }),
    ...(totalMs === undefined ? {} : { totalMs }),
  };
}

/** Billionths for a million tokens, as units: what policy and routing go by. */
function asCost({ input, output, currency, asOf, source }: Price): Cost {
  return { input: Number(input) / 1e9, output: Number(output) / 1e9, currency, asOf, source };
}
