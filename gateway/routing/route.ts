/** Sends a request to one of a model's deployments, and to others where that may be. */
import type { Attempted, Send } from "./attempt.js";
import { attempt } from "./attempt.js";
import type { RetryBudget } from "./budget.js";
import { createRetryBudget } from "./budget.js";
import { choose } from "./choose.js";
import type { Deployment, ModelConfig } from "./deployment.js";
import type { Health } from "./health.js";
import { createHealth } from "./health.js";
import { pauseBefore, readRetryAfter } from "./pause.js";

export interface RoutingParts {
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Waits; ends early, without an error, where the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told of each attempt. */
  readonly tried?: (deployment: string, result: Attempted["kind"]) => void;
}

export interface RouteRequest {
  /** The model's name. */
  readonly name: string;
  readonly model: ModelConfig;
  /** What policy left of its deployments. */
  readonly candidates: readonly Deployment[];
  readonly stream: boolean;
  readonly stickyKey: string | undefined;
  readonly send: Send;
  /** Whether there is no second attempt. */
  readonly once?: boolean;
  /** What an answer of success must be; JSON, or a stream of events, unless given. */
  readonly expects?: (mediaType: string) => boolean;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface Routed {
  readonly attempted: Attempted;
  /** Who was asked last; absent: nobody. */
  readonly deployment: Deployment | undefined;
  readonly attempts: number;
}

/** Remembers, for this process, how deployments do. */
export interface Routing {
  route(request: RouteRequest): Promise<Routed>;
  /** What is known of a deployment. */
  health(model: ModelConfig, deployment: Deployment): Health;
}

export function createRouting(parts: RoutingParts): Routing {
  // by the objects that a configuration holds: a reload keeps those of what is the same, and what isn't begins anew
  const healths = new WeakMap<Deployment, Health>();
  const budgets = new WeakMap<ModelConfig["retries"], RetryBudget>();
  const { clock, random } = parts;
  const health = (model: ModelConfig, deployment: Deployment): Health => {
    const known = healths.get(deployment) ?? createHealth(model.breaker, clock);
    healths.set(deployment, known);
    return known;
  };
  return {
    health,
    async route({ model, candidates, stream, stickyKey, send, once = false, expects, signal }) {
      const { retries, choice } = model;
      const healthOf = (one: Deployment): Health => health(model, one);
      const budget = budgets.get(retries) ?? createRetryBudget(retries);
      budgets.set(retries, budget);
      budget.earn();
      const tries = new Map<Deployment, number>();
      const by = { choice, stream, stickyKey, healthOf, random };
      let routed: Routed = {
        attempted: nobody,
        deployment: undefined,
        attempts: 0,
      };
      for (let retry = 0; ; retry++) {
        const admitted = candidates.filter((one) => healthOf(one).breaker.admits());
        const awake = admitted.filter((one) => healthOf(one).restUntil <= clock());
        // first who wasn't asked yet, then who was asked least; who is to be left alone is waited for where there is nobody else
        const least = Math.min(...awake.map((one) => tries.get(one) ?? 0));
        const next =
          choose(
            awake.filter((one) => (tries.get(one) ?? 0) === least),
            by,
          ) ?? (retry > 0 ? soonest(admitted, healthOf) : choose(admitted, by));
        if (next === undefined) return routed;
        const before = tries.get(next) ?? 0;
        if (retry > 0) {
          const rest = healthOf(next).restUntil - clock();
          if (rest > retries.longestRetryAfterMs || !budget.spend()) return routed;
          const pause = Math.max(before > 0 ? pauseBefore(retry, retries, random()) : 0, rest);
          if (pause > 0) await parts.sleep(pause, signal);
          if (signal.aborted) return { ...routed, attempted: { kind: "aborted" } };
          // another request may have become its probe meanwhile
          if (!healthOf(next).breaker.admits()) return routed;
        }
        tries.set(next, before + 1);
        const attempted = await attempt({
          deployment: next,
          health: healthOf(next),
          send,
          stream,
          ...(expects === undefined ? {} : { expects }),
          signal,
          clock,
        });
        parts.tried?.(next.name, attempted.kind);
        routed = { attempted, deployment: next, attempts: retry + 1 };
        if (attempted.kind !== "failed" && attempted.kind !== "error") return routed;
        const rest = readRetryAfter(attempted.retryAfter, parts.now());
        if (rest !== undefined) healthOf(next).restUntil = clock() + Math.min(rest, longestRestMs);
        if (once || !attempted.retryable || retry >= retries.most) return routed;
      }
    },
  };
}

/** A deployment that asks for more is asked again after this, milliseconds. */
const longestRestMs = 300_000;

/** All that there are fail, and are left alone. */
const nobody = {
  kind: "failed",
  code: "upstream_unavailable",
  retryable: false,
  retryAfter: undefined,
  fallback: "general",
} as const;

function soonest(
  among: readonly Deployment[],
  healthOf: (one: Deployment) => Health,
): Deployment | undefined {
  const [first] = [...among].sort((a, b) => healthOf(a).restUntil - healthOf(b).restUntil);
  return first;
}
