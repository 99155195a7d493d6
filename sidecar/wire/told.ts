/** Wires what the sidecar is told by discovery, and what it tells of itself. */
import { digestOfEntries } from "../bundles/content-digest.js";
import { rejectionOf } from "../bundles/activation.js";
import { createKeep } from "../bundles/keep/keep.js";
import { verifyEntries } from "../bundles/signature/verify.js";
import { createLedger } from "../bundles/status.js";
import type { SidecarConfig } from "../config.js";
import type { Discovered } from "../config/read-discovered.js";
import { readDiscovered } from "../config/read-discovered.js";
import type { Json, JsonObject } from "../contract.js";
import type { Discovery } from "../discovery/discovery.js";
import { createDiscovery } from "../discovery/discovery.js";
import { createEvaluateDiscovery } from "../discovery/evaluate.js";
import type { Service } from "../net/service/service.js";
import { createService } from "../net/service/service.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import { createToolchain } from "../rego/toolchain.js";
import type { StatusConfig } from "../status/config.js";
import { createStatus } from "../status/status.js";
import { createFeeds } from "./bundles.js";
import type { Policies } from "./policies.js";
import { readContent } from "./make-here.js";
import type { ReplaceableLog } from "./replaceable-log.js";

export interface ToldParts {
  readonly config: SidecarConfig;
  readonly policy: Pick<Policies, "bundles" | "feeds" | "subscribe" | "start">;
  readonly opened: ReplaceableLog;
  /** Brings in what was pushed of the bundles that are configured now. Never rejects. */
  readonly onConfigured: () => Promise<void>;
  readonly metrics: Pick<Metrics, "registry" | "bundleRejected">;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Told {
  /** What `/v1/status` gives. */
  readonly document: () => JsonObject;
  /** What is configured now: the sidecar's own, and what was discovered. */
  readonly config: () => SidecarConfig;
  /** Brings bundles in: those of the sidecar's own configuration, then those that were discovered and kept. @throws Error */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Evaluating a discovery bundle, milliseconds. */
const evaluateMs = 30_000;
const toldMetrics = /^countersign_(bundle|decision_log)/;

export function wireTold(parts: ToldParts): Told {
  const { config, policy, opened, metrics, log } = parts;
  const { labels, decisionLog } = opened;
  let current = config;
  let discovery: WiredDiscovery | undefined;

  const status = createStatus({
    ...{ labels, bundles: policy.bundles.status, random: Math.random },
    ...(config.discovery === undefined
      ? {}
      : { discovery: () => discovery?.status() ?? { name: "discovery" } }),
    ...(decisionLog?.status === undefined
      ? {}
      : { decisionLogs: () => decisionLog.status?.() as JsonObject | undefined }),
    async metrics() {
      const all = (await metrics.registry.getMetricsAsJSON()).filter(({ name }) => toldMetrics.test(name));
      return { prometheus: Object.fromEntries(all.map((one) => [one.name, one as unknown as Json])) };
    },
    print: (document) => {
      log.info("status", { status: document });
    },
    onTelling: (fault) => {
      if (fault === undefined) log.info("status is told again");
      else log.warn("status could not be told; it is tried again", { reason: fault });
    },
  });
  const unsubscribe = policy.subscribe(status.changed);

  let service: Service | undefined;
  let told: string | undefined;
  const tell = (next: StatusConfig | undefined, { services }: SidecarConfig["bundles"]): void => {
    const at = next?.service === undefined ? undefined : services.get(next.service);
    const shown = JSON.stringify([next, at]);
    if (shown === told) return;
    told = shown;
    const before = service;
    service = at === undefined ? undefined : createService(at);
    status.configure(next, service);
    before?.close();
  };

  const apply = async (discovered: Discovered): Promise<void> => {
    await opened.configure(discovered.decisionLogs, discovered.bundles);
    current = { ...config, ...discovered };
    const { overridden } = discovered;
    if (overridden.length > 0)
      log.warn("the sidecar's own configuration counts instead of what was discovered", { overridden });
    await policy.feeds.configure(discovered.bundles);
    await parts.onConfigured();
    tell(discovered.status, discovered.bundles);
  };

  return {
    document: status.document,
    config: () => current,
    async start() {
      await policy.start();
      tell(config.status, config.bundles);
      if (config.discovery === undefined) return;
      discovery = wireDiscovery({ ...parts, discovery: config.discovery, apply, changed: status.changed });
      await discovery.start();
    },
    async close() {
      unsubscribe();
      await discovery?.close();
      await status.close();
      service?.close();
    },
  };
}

interface WiredDiscovery {
  status: Discovery["status"];
  start(): Promise<void>;
  close(): Promise<void>;
}

interface WireDiscoveryParts extends ToldParts {
  readonly discovery: NonNullable<SidecarConfig["discovery"]>;
  readonly apply: (discovered: Discovered) => Promise<void>;
  readonly changed: () => void;
}

function wireDiscovery(parts: WireDiscoveryParts): WiredDiscovery {
  const { config, discovery: own, policy, opened, metrics, log, now, apply, changed } = parts;
  const { services, keys, persistenceDirectory } = config.bundles;
  const toolchain = createToolchain({ timeoutMs: evaluateMs });
  const keep = persistenceDirectory === undefined ? undefined : createKeep(persistenceDirectory);
  const discovery = createDiscovery<Discovered>({
    ...{ config: own, keys, apply, changed, now, rejectionOf },
    ...{ read: readContent, verify: verifyEntries, digestOf: digestOfEntries },
    evaluate: createEvaluateDiscovery({ evaluate: toolchain.evaluate, labels: opened.labels }),
    parse(value) {
      const configured = new Set(policy.feeds.names());
      const others = policy.bundles.status().filter(({ name }) => !configured.has(name));
      return readDiscovered({ value, own: config, taken: new Set(others.map(({ name }) => name)) });
    },
    ...(keep === undefined ? {} : { keep }),
    ledger: createLedger(now),
    onArrived(fault) {
      if (fault === undefined) {
        log.info("discovered configuration in force");
        return;
      }
      metrics.bundleRejected(own.bundle.name, fault.code);
      log.error("discovered configuration refused; the one before stays", {
        ...{ code: fault.code, reason: fault.message },
      });
    },
  });
  const feeds = createFeeds({ bundles: discovery, ...(keep === undefined ? {} : { keep }), log, now });
  return {
    status: discovery.status,
    start: () => feeds.configure({ services, keys, bundles: [own.bundle] }),
    async close() {
      await feeds.close();
      await toolchain.close();
    },
  };
}
