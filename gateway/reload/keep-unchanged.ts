/** Lets a new configuration share with the old one what is the same, so that what is known of it is known of the same object. */
import type { AgentConfig } from "../agents/config.js";
import type { GatewayConfig, ModelConfig, UpstreamConfig } from "../config.js";
import type { ServerConfig } from "../tools/server-config.js";
import { alike } from "./alike.js";

export function keepUnchanged(before: GatewayConfig, next: GatewayConfig): GatewayConfig {
  const upstreams = keepAlike(before.upstreams, next.upstreams);
  return {
    ...next,
    upstreams,
    servers: keepAll(before.servers, next.servers, keepServer),
    stores: keepAll(before.stores, next.stores, keepUpstream),
    agents: keepAll(before.agents, next.agents, keepAgent),
    routes: keepAll(before.routes, next.routes, keepUpstream),
    models: keepAll(before.models, next.models, (old, now) =>
      keepModel(old, now, (name) => before.upstreams.get(name) === upstreams.get(name)),
    ),
  };
}

/** @param same tells whether the upstream of a name is still the same */
function keepModel(old: ModelConfig, now: ModelConfig, same: (upstream: string) => boolean): ModelConfig {
  // a breaker of other limits begins anew, and so does one of another upstream under the same name
  const deployments = now.deployments.map((one) =>
    alike(old.breaker, now.breaker) && same(one.upstream)
      ? (old.deployments.find((known) => alike(known, one)) ?? one)
      : one,
  );
  return { ...now, deployments, retries: alike(old.retries, now.retries) ? old.retries : now.retries };
}

function keepUpstream<T extends { readonly upstream: UpstreamConfig }>(old: T, now: T): T {
  return alike(old.upstream, now.upstream) ? { ...now, upstream: old.upstream } : now;
}

function keepAgent(old: AgentConfig, now: AgentConfig): AgentConfig {
  if (alike(old, now)) return old;
  const upstream = alike(old.upstream, now.upstream) ? old.upstream : now.upstream;
  return { ...now, upstream, card: alike(old.card, now.card) ? old.card : now.card };
}

/** INVARIANT: a server that differs in anything is another one: links to the old one are of the past. */
function keepServer(old: ServerConfig, now: ServerConfig): ServerConfig {
  if (alike(old, now)) return old;
  const same = old.upstream !== undefined && alike(old.upstream, now.upstream);
  return same ? { ...now, upstream: old.upstream } : now;
}

function keepAlike<T>(before: ReadonlyMap<string, T>, next: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return keepAll(before, next, (old, now) => (alike(old, now) ? old : now));
}

function keepAll<T>(
  before: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  keep: (old: T, now: T) => T,
): ReadonlyMap<string, T> {
  return new Map(
    [...next].map(([name, now]) => {
      const old = before.get(name);
      return [name, old === undefined ? now : keep(old, now)];
    }),
  );
}
