import { readFileSync } from "node:fs";
import type { AssertionConfig } from "./assert/config.js";
import { readAssertion } from "./assert/config.js";
import type { BundlesConfig } from "./bundles/config.js";
import { readBundles } from "./bundles/read-config.js";
import { readKeys } from "./bundles/read-keys.js";
import { readServices } from "./bundles/read-services.js";
import { ConfigRefused } from "./config/config-refused.js";
import { readDiscovery } from "./config/read-discovery.js";
import type { PeerConfig } from "./config/read-peers.js";
import { readPeers } from "./config/read-peers.js";
import { refuseOpas, refuseOpasServer } from "./config/refused.js";
import type { DiscoveryConfig } from "./discovery/config.js";
import type { Json, ListenerTls } from "./contract.js";
import { Fields, isObject, Problems, readListenerTls } from "./contract.js";
import type { NetworkRange } from "./describe/describe.js";
import { readRedis } from "./net/read-redis.js";
import type { RedisAt } from "./net/redis-place.js";
import { defaultNetworks } from "./describe/describe.js";
import type { ReadRules, ReadText } from "./net/read-file.js";
import { readDecisionLogs } from "./record/read-config.js";
import type { DecisionLogsConfig } from "./record/upload-config.js";
import type { StatusConfig } from "./status/config.js";
import { readStatus } from "./status/config.js";
import type { IdentityConfig } from "./identify/create-methods.js";
import { parseSpiffe } from "./identify/spiffe/parse-spiffe.js";
import { parseIntrospection } from "./identify/introspection/parse-introspection.js";
import { parseProof } from "./identify/proof/parse-proof.js";
import { IssuersInvalid, parseIssuers } from "./identify/token/parse-issuers.js";
import type { SignalsConfig } from "./signals/config.js";
import { readSignals } from "./signals/config.js";
import type { StateConfig } from "./state/config.js";
import { readState } from "./state/config.js";
import type { FencesConfig } from "./state/fences/config.js";
import { readFences } from "./state/fences/config.js";
import type { OperatorConfig } from "./operator/config.js";
import { readOperator } from "./operator/config.js";
import type { ConfiguredLimit } from "./state/limits/config.js";
import { readLimits } from "./state/limits/config.js";
import type { TasksConfig } from "./state/tasks/config.js";
import { readTasks } from "./state/tasks/config.js";

export interface SidecarConfig {
  readonly labels: Readonly<Record<string, string>>;
  readonly decision: {
    /** Data path of the native door's entrypoint. */
    readonly entrypoint: string;
    /** Fuel units per evaluation. */
    readonly budget: number;
    /** Most linear memory of a policy, MiB. */
    readonly maxMemoryMb: number;
    /** Whether an error of a built-in fails the evaluation instead of being undefined. */
    readonly strictBuiltinErrors: boolean;
    /** Hosts that `http.send` and `net.lookup_ip_addr` may ask; none: both are refused. */
    readonly allowNet: readonly string[];
  };
  readonly cache: {
    readonly enabled: boolean;
    readonly l2: "auto" | "always" | "never";
    readonly redisAt?: RedisAt;
    /** Keys the authentication of what lies in Redis; shared by the fleet. */
    readonly secret?: string;
    readonly maxEntries: number;
    readonly maxBytes: number;
    /** Longest life of a result, seconds. */
    readonly ttl: number;
    /** Longest life of a denial, seconds. */
    readonly denyTtl: number;
    /** Questions that a new bundle is asked again; 0: none. */
    readonly warm: number;
    /** Longest wait for Redis, milliseconds. */
    readonly waitMs: number;
  };
  readonly identity: IdentityConfig;
  /** What signs assertions for upstreams; absent: none are. */
  readonly assertion?: AssertionConfig;
  readonly state: StateConfig;
  readonly tasks: TasksConfig;
  readonly limits: readonly ConfiguredLimit[];
  readonly fences: FencesConfig;
  /** Who may fence and lift; absent: nobody. */
  readonly operator?: OperatorConfig;
  /** Absent: no signals are received or told. */
  readonly signals?: SignalsConfig;
  readonly networks: readonly NetworkRange[];
  readonly timeZone: string;
  readonly audit: { readonly mode: "buffered" | "strict" };
  readonly decisionLogs: DecisionLogsConfig;
  readonly bundles: BundlesConfig;
  /** Absent: nothing is configured by a bundle. */
  readonly discovery?: DiscoveryConfig;
  /** Absent: none is told of status. */
  readonly status?: StatusConfig;
  readonly api: {
    /** Whether data and policies may be written through the API. */
    readonly writes: boolean;
    /** Most data, and most policies, that may be written, bytes. */
    readonly maxDataBytes: number;
  };
  /** Enforcement points that may state context; each is known by at least one of the three. */
  readonly peers: readonly PeerConfig[];
  /** Where clients reach the API, without a slash at its end. */
  readonly publicUrl?: string;
  /** TLS of the TCP listeners; absent: they have none. */
  readonly tls?: ListenerTls;
  readonly maxBody: number;
}

/**
 * Reads the sidecar's configuration (docs/configuration.md); absent fields take their defaults.
 * @throws ConfigRefused with every problem by its place.
 */
export function parseSidecarConfig(
  value: Json,
  readText: ReadText = (path) => readFileSync(path, "utf8"),
  environment?: ReadRules["environment"],
): SidecarConfig {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  const decision = top.nested("decision");
  const cache = top.nested("cache");
  const audit = top.nested("audit");
  const logs = top.nested("decision_logs");
  const pep = top.nested("pep");
  const server = top.nested("server");
  const api = top.nested("api");
  const identity = top.nested("identity");
  const fences = top.nested("fences");
  const redisAt = readRedis(cache, problems);
  const secret = cache.string("secret");
  const publicUrl = server.string("public_url")?.replace(/\/+$/, "");
  if (publicUrl !== undefined && !/^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(publicUrl)) {
    problems.add("server.public_url", "must be http or https, without user, query and fragment");
  }
  const mode = audit.oneOf("mode", ["buffered", "strict"]) ?? "buffered";
  const rules = { readText, files: true, environment };
  const services = readServices(top.raw("services"), problems, rules);
  const referred = {
    services,
    keys: readKeys(top, problems, rules),
    files: true,
    given: top.has("decision_logs"),
    strict: mode === "strict",
  };
  const bundles = readBundles(top, problems, referred);
  const discovery = top.has("discovery")
    ? readDiscovery(top.nested("discovery"), problems, referred)
    : undefined;
  if (discovery !== undefined && bundles.some(({ name }) => name === discovery.bundle.name))
    problems.add("bundles.discovery", "is the name of discovery's own bundle");
  const directory = top.string("persistence_directory");
  const persists = bundles.some(({ persist }) => persist) || discovery?.bundle.persist === true;
  const persistenceDirectory = directory ?? (persists ? ".opa" : undefined);
  refuseOpas(top, problems);
  refuseOpasServer(server);
  const config: SidecarConfig = {
    labels: readLabels(top.raw("labels"), problems),
    decision: {
      entrypoint: (decision.string("entrypoint") ?? "countersign/decision").replace(/^\/|\/$/g, ""),
      budget: decision.integer("budget", 1_000, 1_000_000_000_000) ?? 1_000_000,
      maxMemoryMb: decision.integer("max_memory_mb", 8, 4_096) ?? 256,
      strictBuiltinErrors: decision.boolean("strict_builtin_errors") ?? false,
      allowNet: decision.strings("allow_net") ?? [],
    },
    cache: {
      enabled: cache.boolean("enabled") ?? true,
      l2: cache.oneOf("l2", ["auto", "always", "never"]) ?? "auto",
      ...(redisAt === undefined ? {} : { redisAt }),
      ...(secret === undefined ? {} : { secret }),
      maxEntries: cache.integer("max_entries", 1, 10_000_000) ?? 50_000,
      maxBytes: cache.integer("max_bytes", 1_024, 2 ** 40) ?? 32 * 2 ** 20,
      ttl: cache.integer("ttl", 0, 86_400) ?? 60,
      denyTtl: cache.integer("deny_ttl", 0, 86_400) ?? 10,
      warm: cache.integer("warm", 0, 10_000) ?? 128,
      waitMs: cache.integer("wait_ms", 1, 1_000) ?? 5,
    },
    identity: {
      issuers: readIssuers(parseIssuers, identity.raw("issuers"), problems),
      ...parseProof(identity, problems),
      bindCertificates: identity.boolean("bind_certificates") ?? false,
      ...(identity.has("spiffe") ? { spiffe: parseSpiffe(identity.nested("spiffe"), problems) } : {}),
      introspection: readIssuers(parseIntrospection, identity.raw("introspection"), problems),
    },
    ...(top.has("assertion") ? { assertion: readAssertion(top.nested("assertion"), problems, redisAt) } : {}),
    state: readState(top.nested("state"), problems, top.has("state") ? { redisAt, secret } : {}),
    tasks: readTasks(top.nested("tasks"), problems),
    limits: readLimits(top.items("limits"), problems),
    fences: readFences(fences, problems),
    ...(top.has("operator")
      ? {
          operator: readOperator(
            top.nested("operator"),
            problems,
            isObject(value) && isObject(value["fences"]) && value["fences"]["second_person"] === true,
          ),
        }
      : {}),
    ...(top.has("signals") ? { signals: readSignals(top.nested("signals"), problems) } : {}),
    networks: top.has("networks") ? readNetworks(top.items("networks"), problems) : defaultNetworks,
    timeZone: readZone(top.string("time_zone") ?? "UTC", problems),
    audit: { mode },
    decisionLogs: readDecisionLogs(logs, problems, referred),
    bundles: {
      services,
      keys: referred.keys,
      bundles,
      ...(persistenceDirectory === undefined ? {} : { persistenceDirectory }),
    },
    ...(discovery === undefined ? {} : { discovery }),
    ...(top.has("status") ? { status: readStatus(top.nested("status"), problems, services) } : {}),
    api: {
      writes: api.boolean("writes") ?? false,
      maxDataBytes: api.integer("max_data_bytes", 1_024, 2 ** 30) ?? 16 * 2 ** 20,
    },
    peers: readPeers(pep.items("peers"), problems),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(server.has("tls") ? { tls: readListenerTls(server.nested("tls"), problems) } : {}),
    maxBody: server.integer("max_body_bytes", 1_024, 2 ** 30) ?? 8 * 2 ** 20,
  };
  for (const fields of [decision, cache, audit, pep, server, api, identity, fences, top]) fields.end();
  if (redisAt !== undefined && (secret === undefined || secret.length < 16)) {
    problems.add(
      "cache.secret",
      "is required with Redis: at least 16 characters, the same for the whole fleet",
    );
  }
  if (problems.list.length > 0) throw new ConfigRefused(problems.list);
  return config;
}

function readLabels(value: Json | undefined, problems: Problems): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((label) => typeof label === "string")) {
    problems.add("labels", "must be an object of strings");
    return {};
  }
  return value as Record<string, string>;
}

/** Reads a list by a parser that throws all its problems at once. */
function readIssuers<T>(parse: (value: Json) => T[], value: Json | undefined, problems: Problems): T[] {
  if (value === undefined) return [];
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof IssuersInvalid)) throw error;
    problems.list.push(...error.problems);
    return [];
  }
}

function readNetworks(items: readonly Fields[], problems: Problems): NetworkRange[] {
  return items.map((fields) => {
    const region = fields.string("region");
    const range = {
      cidr: fields.required("cidr"),
      network: fields.required("network"),
      ...(region === undefined ? {} : { region }),
    };
    if (!/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/.test(range.cidr))
      problems.add(fields.at("cidr"), "must be a CIDR, e.g. 10.0.0.0/8");
    fields.end();
    return range;
  });
}

function readZone(zone: string, problems: Problems): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    problems.add("time_zone", "must be an IANA time zone, e.g. Europe/Zurich");
    return "UTC";
  }
}
