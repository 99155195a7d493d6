import type { BundleConfig, BundlesConfig, PollingConfig } from "./bundles/config.js";
import type { SidecarConfig } from "./config.js";
import type { DecisionLogsConfig, ReportingConfig } from "./record/upload-config.js";

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
    decision_logs: publicLogs(decisionLogs),
    ...publicBundles(config.bundles),
    ...(config.discovery === undefined
      ? {}
      : { discovery: { ...publicBundle(config.discovery.bundle), decision: config.discovery.decision } }),
    ...(config.status === undefined ? {} : { status: config.status }),
    identity: { issuers: identity.issuers.map(({ name, issuer, tenants }) => ({ name, issuer, tenants })) },
  };
}

/** Services without credentials and values of headers, keys without the keys; as OPA's, which leaves out both. */
function publicBundles({ services, keys, bundles, persistenceDirectory }: BundlesConfig): object {
  const servicesShown = [...services.values()].map(({ name, url, type, headers, credentials }) => [
    name,
    { url, type, headers: Object.keys(headers), credentials: credentials.kind },
  ]);
  const keysShown = [...keys.values()].map(({ id, algorithm, scope }) => [id, { algorithm, scope }]);
  return {
    services: Object.fromEntries(servicesShown) as unknown,
    keys: Object.fromEntries(keysShown) as unknown,
    bundles: Object.fromEntries(bundles.map((bundle) => [bundle.name, publicBundle(bundle)])) as unknown,
    persistence_directory: persistenceDirectory !== undefined,
  };
}

function publicBundle({
  from,
  polling,
  trigger,
  persist,
  signing,
  sizeLimitBytes,
  verify,
}: BundleConfig): object {
  const { canary, ...checks } = verify;
  return {
    ...(from.kind === "service" ? { service: from.service, resource: from.resource } : {}),
    ...(from.kind === "path" ? { file: true } : {}),
    ...(from.kind === "push" ? { push: { unsigned: from.unsigned } } : {}),
    polling: publicPolling(polling),
    trigger,
    persist,
    ...(signing === undefined
      ? {}
      : { signing: { keyid: signing.keyid, scope: signing.scope, exclude_files: signing.excludeFiles } }),
    size_limit_bytes: sizeLimitBytes,
    verify: { ...checks, canary: canary !== undefined },
  };
}

function publicPolling({ minDelayMs, maxDelayMs, longPollingTimeoutMs }: PollingConfig): object {
  return {
    min_delay_seconds: minDelayMs / 1_000,
    max_delay_seconds: maxDelayMs / 1_000,
    ...(longPollingTimeoutMs === undefined
      ? {}
      : { long_polling_timeout_seconds: longPollingTimeoutMs / 1_000 }),
  };
}

function publicReporting(reporting: ReportingConfig): object {
  const isSize = reporting.bufferType === "size";
  return {
    buffer_type: reporting.bufferType,
    ...(isSize
      ? { buffer_size_limit_bytes: reporting.bufferSizeLimitBytes }
      : { buffer_size_limit_events: reporting.bufferSizeLimitEvents }),
    upload_size_limit_bytes: reporting.uploadSizeLimitBytes,
    min_delay_seconds: reporting.minDelayMs / 1_000,
    max_delay_seconds: reporting.maxDelayMs / 1_000,
    max_decisions_per_second: reporting.maxDecisionsPerSecond,
    trigger: reporting.trigger,
  };
}

function publicLogs({ file, upload, ...shown }: DecisionLogsConfig): object {
  const { console, input, maskDecision, dropDecision } = shown;
  return {
    console,
    file: file !== undefined,
    input,
    mask_decision: maskDecision,
    drop_decision: dropDecision,
    ...(upload === undefined
      ? {}
      : {
          service: upload.service,
          resource: upload.resource,
          reporting: publicReporting(upload.reporting),
          spill: upload.spill === undefined ? false : { max_bytes: upload.spill.maxBytes },
        }),
  };
}
