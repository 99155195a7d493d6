import type { SidecarConfig } from "./config.js";

function publicAssertion({ shared, ...shown }: NonNullable<SidecarConfig["assertion"]>): unknown {
  return { ...shown, shared: shared !== undefined };
}

/** Gives what `/v1/config` shows: nothing that is or could hold a secret. */
export function publicConfig(config: SidecarConfig): unknown {
  const { labels, decision, networks, timeZone, audit, decisionLogs, identity } = config;
  const { enabled, l2, maxEntries, maxBytes, ttl, waitMs } = config.cache;
  return {
    labels,
    decision,
    cache: { enabled, l2, maxEntries, maxBytes, ttl, waitMs, redis: config.cache.redisAt !== undefined },
    ...(config.assertion === undefined ? {} : { assertion: publicAssertion(config.assertion) }),
    networks,
    time_zone: timeZone,
    audit,
    api: config.api,
    decision_logs: {
      console: decisionLogs.console,
      file: decisionLogs.file !== undefined,
      input: decisionLogs.input,
    },
    identity: { issuers: identity.issuers.map(({ name, issuer, tenants }) => ({ name, issuer, tenants })) },
  };
}
