import type { Fields, Problems } from "../../sidecar/contract.js";
import { credentialHeaders } from "../../sidecar/contract.js";
import type { Deployment, FallbackKind, ModelConfig, Place } from "./deployment.js";
import { choices, fallbackKinds } from "./deployment.js";
import { factsOf, groupFacts } from "./facts.js";
import { readDeployment } from "./read-deployment.js";

const hour = 3_600_000;

/**
 * Reads `models.NAME`: a deployment's fields themselves, or `deployments`, and how one of them is chosen.
 * @param upstreams the names of those that there are
 */
export function readModel(
  fields: Fields,
  upstreams: { has(name: string): boolean },
  problems: Problems,
): ModelConfig {
  const several = fields.has("deployments");
  const items = several ? fields.items("deployments") : [fields];
  const deployments = items.map((item) => readDeployment(item, upstreams, problems));
  if (several) for (const item of items) item.end();
  if (several && items.length === 0) problems.add(fields.at("deployments"), "must not be empty");
  if (new Set(deployments.map(({ name }) => name)).size < deployments.length)
    problems.add(fields.at("deployments"), "give each a name of its own");
  const retries = fields.nested("retries");
  const breaker = fields.nested("breaker");
  const alone = deployments.length < 2;
  const sticky = readSticky(fields, problems);
  const [only] = deployments;
  const model: ModelConfig = {
    ...placeOf(only),
    deployments,
    choice: fields.oneOf("choice", choices) ?? "weighted",
    ...(sticky === undefined ? {} : { sticky }),
    retries: {
      most: retries.integer("max", 0, 10) ?? (alone ? 0 : 2),
      budgetPercent: retries.integer("budget_percent", 0, 100) ?? 20,
      reserve: retries.integer("reserve", 0, 1_000) ?? 10,
      pauseMs: retries.integer("pause_ms", 0, 60_000) ?? 250,
      longestPauseMs: retries.integer("longest_pause_ms", 0, 60_000) ?? 4_000,
      longestRetryAfterMs: retries.integer("longest_retry_after_ms", 0, 600_000) ?? 10_000,
    },
    breaker: {
      failures: breaker.integer("failures", 0, 1_000) ?? (alone ? 0 : 5),
      coolDownMs: breaker.integer("cool_down_ms", 1, hour) ?? 30_000,
    },
    fallbacks: readFallbacks(fields.nested("fallbacks")),
    facts: several || only === undefined ? groupFacts(deployments) : factsOf(only),
  };
  const costs = deployments.map(({ cost }) => cost);
  if (model.choice === "cost") {
    if (costs.includes(undefined))
      problems.add(fields.at("choice"), "by cost, each deployment must say its cost");
    if (new Set(costs.map((cost) => cost?.currency)).size > 1)
      problems.add(fields.at("choice"), "by cost, the costs must be in one currency");
  }
  if (deployments.length > 0 && deployments.every(({ weight }) => weight === 0))
    problems.add(fields.at("deployments"), "one at least must have a weight");
  retries.end();
  breaker.end();
  fields.end();
  return model;
}

function placeOf(deployment: Deployment | undefined): Place {
  const { upstream = "", provider = "", region = "", environment = "" } = deployment ?? {};
  const { upstreamModel, maxOutputTokens } = deployment ?? {};
  return {
    ...{ upstream, provider, region, environment },
    ...(upstreamModel === undefined ? {} : { upstreamModel }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  };
}

/** Checks that every fallback is another model that there is. */
export function checkFallbacks(models: ReadonlyMap<string, ModelConfig>, problems: Problems): void {
  for (const [name, { fallbacks }] of models) {
    for (const kind of fallbackKinds) {
      for (const target of fallbacks[kind]) {
        const place = `models.${name}.fallbacks.${kind}`;
        if (target === name) problems.add(place, "must be other models");
        else if (!models.has(target)) problems.add(place, `${target} is not among the models`);
      }
    }
  }
}

function readSticky(fields: Fields, problems: Problems): ModelConfig["sticky"] | undefined {
  const given = fields.string("sticky")?.toLowerCase();
  if (given === undefined) return undefined;
  if (given === "user") return { by: "user" };
  const header = /^header:([a-z][a-z0-9-]{0,63})$/.exec(given)?.[1];
  const secret = header === "cookie" || credentialHeaders.some((name) => name === header);
  if (header !== undefined && !secret) return { by: "header", header };
  problems.add(fields.at("sticky"), "must be user, or header: and the name of one that holds no credential");
  return undefined;
}

function readFallbacks(fields: Fields): Readonly<Record<FallbackKind, readonly string[]>> {
  const lists = {
    general: fields.strings("general") ?? [],
    context_window: fields.strings("context_window") ?? [],
    content_policy: fields.strings("content_policy") ?? [],
  };
  fields.end();
  return lists;
}
