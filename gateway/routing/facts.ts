import type { Json, JsonObject } from "../../sidecar/contract.js";
import type { Deployment } from "./deployment.js";

/** Describes one deployment to policy; what isn't stated isn't there. */
export function factsOf(deployment: Deployment): JsonObject {
  const { provider, region, environment, cost } = deployment;
  const stated: Record<string, Json | undefined> = {
    provider,
    region,
    environment,
    residency: deployment.residency,
    context_tokens: deployment.contextTokens,
    capabilities: listOf(deployment.capabilities),
    zero_retention: deployment.zeroRetention,
    data_retention_days: deployment.dataRetentionDays,
    training_use: deployment.trainingUse,
    certifications: listOf(deployment.certifications),
    cost:
      cost === undefined
        ? undefined
        : {
            input: cost.input,
            output: cost.output,
            currency: cost.currency,
            as_of: cost.asOf,
            source: cost.source,
          },
  };
  return onlyStated(stated);
}

/**
 * Describes several deployments as one resource. INVARIANT: what is said of the whole holds for each of them, for any
 * of them may be chosen: what they don't agree on is left out, or is the worst of it. Each is under `deployments`.
 */
export function groupFacts(deployments: readonly Deployment[]): JsonObject {
  const each = deployments.map(factsOf);
  const same = (name: string): Json | undefined => {
    const [first, ...others] = each.map((facts) => facts[name]);
    return others.every((other) => other === first) ? first : undefined;
  };
  const days = allOf(each, "data_retention_days");
  const tokens = allOf(each, "context_tokens");
  return onlyStated({
    provider: same("provider"),
    region: same("region"),
    environment: same("environment"),
    residency: same("residency"),
    context_tokens: tokens === undefined ? undefined : Math.min(...tokens.map(Number)),
    capabilities: common(allOf(each, "capabilities")),
    zero_retention: agreed(each, "zero_retention", false),
    data_retention_days: days === undefined ? undefined : Math.max(...days.map(Number)),
    training_use: agreed(each, "training_use", true),
    certifications: common(allOf(each, "certifications")),
    deployments: each.map((facts, i): JsonObject => ({ name: deployments[i]?.name ?? "", ...facts })),
  });
}

function listOf(list: readonly string[] | undefined): Json | undefined {
  return list === undefined ? undefined : [...list];
}

function onlyStated(facts: Readonly<Record<string, Json | undefined>>): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) out[name] = value;
  return out;
}

/** What each states; undefined where one doesn't. */
function allOf(each: readonly JsonObject[], name: string): readonly Json[] | undefined {
  const values = each.map((facts) => facts[name]).filter((value) => value !== undefined);
  return values.length === each.length ? values : undefined;
}

function common(lists: readonly Json[] | undefined): Json | undefined {
  const [first, ...others] = lists ?? [];
  if (!Array.isArray(first)) return undefined;
  return first.filter((one) => others.every((list) => Array.isArray(list) && list.includes(one)));
}

/** The worse value where one states it; the better one only where all do. */
function agreed(each: readonly JsonObject[], name: string, worse: boolean): boolean | undefined {
  if (each.some((facts) => facts[name] === worse)) return worse;
  return each.every((facts) => facts[name] === !worse) ? !worse : undefined;
}
