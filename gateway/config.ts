import type { AgentConfig } from "./agents/config.js";
import { readAgent } from "./agents/config.js";
import type { ContentConfig } from "./content/read-config.js";
import { readContentConfig } from "./content/read-config.js";
import type { LimitsConfig } from "./limits/config.js";
import { readLimitsConfig } from "./limits/config.js";
import type { HookConfig } from "./notify/read-config.js";
import { readNotifyConfig } from "./notify/read-config.js";
import type { ForwardProxyConfig } from "./proxy/config.js";
import { readForwardProxy } from "./proxy/config.js";
import type { ResourceMetadataConfig } from "./resource-metadata.js";
import { readResourceMetadata } from "./resource-metadata.js";
import type { StoreConfig } from "./retrieval/config.js";
import type { KindSettings } from "./retrieval/config.js";
import { checkCollections, readCollectionStore, readStore } from "./retrieval/config.js";
import { kindSettings } from "./retrieval/stores/registry.js";
import type { RouteConfig } from "./routes/config.js";
import { readRoute } from "./routes/config.js";
import { readModelUpstream, readUpstream } from "./upstreams/read-upstream.js";
import type { VigilConfig } from "./live/vigil.js";
import { readVigil } from "./live/vigil.js";
import type { McpConfig } from "./tools/mcp/config.js";
import { readMcp } from "./tools/mcp/config.js";
import { checkServerNames } from "./tools/definitions/names/check-servers.js";
import type { ToolsConfig } from "./tools/definitions/read-config.js";
import { readToolsConfig } from "./tools/definitions/read-config.js";
import type { ServerConfig } from "./tools/server-config.js";
import { readServer } from "./tools/server-config.js";
import { isLoopback, readUrl } from "./upstreams/read-url.js";
import type { UpstreamConfig } from "./upstreams/upstream.js";
import type { Json, ListenerTls } from "../sidecar/contract.js";
import { credentialHeaders, Fields, Problems, readListenerTls } from "../sidecar/contract.js";
import type { StorageConfig, UploadsConfig } from "./models/operations/read-storage.js";
import { readStorage, readUploads } from "./models/operations/read-storage.js";
import type { ModelConfig } from "./routing/deployment.js";
import { checkFallbacks, readModel } from "./routing/read-model.js";
import type { PricesConfig } from "./observe/price-table.js";
import { readPricesConfig } from "./observe/price-table.js";
import type { TelemetryConfig } from "./observe/telemetry/read-config.js";
import { readTelemetryConfig } from "./observe/telemetry/read-config.js";
import type { StreamsConfig } from "./observe/read-streams.js";
import { readStreamsConfig } from "./observe/read-streams.js";
import type { SecretConfig } from "./secrets/read-config.js";
import { readSecretConfig } from "./secrets/read-config.js";

export type { ModelConfig } from "./routing/deployment.js";
export type { UpstreamConfig } from "./upstreams/upstream.js";

export interface GatewayConfig {
  readonly listen: string;
  /** Absent: plain HTTP. */
  readonly tls?: ListenerTls;
  /** Local proxies, each with a Unix socket of its own: what only a proxy may say is believed from there alone. */
  readonly proxies: readonly { readonly name: string; readonly socket: string }[];
  readonly sidecar: {
    readonly socket: string;
    readonly deadlineMs: number;
    /** What becomes of live things while it can't be reached. */
    readonly fences: VigilConfig;
    /** Whether its decisions may be given again to the same question of the same caller; read at start. */
    readonly reuse: boolean;
  };
  readonly environment?: string;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly servers: ReadonlyMap<string, ServerConfig>;
  readonly mcp: McpConfig;
  readonly tools: ToolsConfig;
  /** Stores of documents, each with its collections; what `collections` names is a store, too. */
  readonly stores: ReadonlyMap<string, StoreConfig>;
  /** Agents that are spoken to by A2A. */
  readonly agents: ReadonlyMap<string, AgentConfig>;
  /** Signs the cards of agents; absent: they aren't signed. */
  readonly agentsCardKey?: SecretConfig;
  /** The door for agents' own HTTPS; absent: there is none. */
  readonly forwardProxy?: ForwardProxyConfig;
  /** Named routes: other model servers, web interfaces, tools. */
  readonly routes: ReadonlyMap<string, RouteConfig>;
  /** Origins of browsers that may speak to `/mcp`; requests without Origin are from programs. */
  readonly allowedOrigins: readonly string[];
  /** The address that clients know, without a slash at its end; where it listens unless given. */
  readonly publicUrl?: string;
  /** Who gives out tokens; named in the protected resource metadata (RFC 9728). */
  readonly authorizationServers: readonly string[];
  readonly resourceMetadata: ResourceMetadataConfig;
  /** Request headers, lower-case, that policy sees under `context.claimed.headers`: what a caller merely says. */
  readonly claimedHeaders: readonly string[];
  /** CIDRs whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Names and addresses, beside the web's, that a request may send a model's server to for images and files. */
  readonly mediaHosts: readonly string[];
  readonly maxBody: number;
  /** Where what callers upload is kept; absent: nowhere. */
  readonly storage?: StorageConfig;
  readonly uploads: UploadsConfig;
  /** Binds the ids that clients get; absent: a key that lives as long as the process. */
  readonly idKey?: SecretConfig;
  /** What is looked for in requests of models; absent: nothing. */
  readonly content?: ContentConfig;
  /** Hooks that policy may have told of decisions. */
  readonly notify?: ReadonlyMap<string, HookConfig>;
  readonly prices?: PricesConfig;
  readonly limits: LimitsConfig;
  readonly streams?: StreamsConfig;
  /** Absent: by the environment alone. */
  readonly telemetry?: TelemetryConfig;
}

/** All that is wrong with a gateway configuration, at once. */
export class GatewayConfigRefused extends Error {
  override readonly name = "GatewayConfigRefused";
  constructor(readonly problems: readonly string[]) {
    super(`the gateway's configuration has problems:\n  ${problems.join("\n  ")}`);
  }
}

/** Where a kind of store looks for its key. */
function keyOf(kind: Json | undefined): Pick<KindSettings, "keyIn" | "keyScheme"> {
  const { keyIn, keyScheme } = Object.entries(kindSettings).find(([name]) => name === kind)?.[1] ?? {};
  return { ...(keyIn === undefined ? {} : { keyIn }), ...(keyScheme === undefined ? {} : { keyScheme }) };
}

/** Credentials are never policy input. */
const secretHeaders: ReadonlySet<string> = new Set([
  ...credentialHeaders,
  ...["api-key", "cookie", "proxy-authorization", "x-countersign-task", "x-goog-api-key"],
]);

/** Model ids may hold slashes, too, as `org/model:tag` does. */
const modelName = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const plainName = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * Reads the gateway's configuration (docs/gateway.md).
 * @throws GatewayConfigRefused with every problem by its place
 */
export function parseGatewayConfig(value: Json): GatewayConfig {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  const sidecar = top.nested("sidecar");
  const environment = top.string("environment");
  const publicUrl = top.string("public_url")?.replace(/\/+$/, "");
  if (publicUrl !== undefined) readUrl(publicUrl, "public_url", problems);
  const named = (name: string, form = plainName): [string, Fields][] =>
    top.entries(name).filter(([key]) => {
      if (!form.test(key))
        problems.add(`${name}.${key}`, "the name may hold letters, digits and . _ : - only");
      return form.test(key);
    });
  const upstreams = new Map(
    named("upstreams").map(([name, fields]) => [name, readModelUpstream(fields, problems)]),
  );
  const models = new Map(
    named("models", modelName).map(([name, fields]) => [name, readModel(fields, upstreams, problems)]),
  );
  checkFallbacks(models, problems);
  const stores = new Map(
    named("stores").map(([name, fields]) => [
      name,
      readStore(name, fields, problems, {
        settings: kindSettings,
        readUpstream: () =>
          fields.raw("kind") === "postgres"
            ? readDatabase(fields, problems)
            : readUpstream(fields, problems, { tokens: true, ...keyOf(fields.raw("kind")) }),
      }),
    ]),
  );
  for (const [name, fields] of named("collections")) {
    const { upstream, ...store } = readCollectionStore(name, fields, problems, () =>
      readUpstream(fields, problems),
    );
    stores.set(store.name, { ...store, upstream });
  }
  checkCollections(stores, problems);
  const servers = new Map(
    named("servers").map(([name, fields]): [string, ServerConfig] => [name, readServer(fields, problems)]),
  );
  checkServerNames(servers.keys(), problems);
  const idKey = top.has("id_key") ? readSecretConfig(top.nested("id_key"), problems) : undefined;
  const cardKey = top.has("agents_card_key")
    ? readSecretConfig(top.nested("agents_card_key"), problems)
    : undefined;
  const maxBody = top.integer("max_body_bytes", 1_024, 2 ** 30) ?? 4 * 2 ** 20;
  const prices = readPricesConfig(top, problems);
  const config: GatewayConfig = {
    listen: top.string("listen") ?? "127.0.0.1:8080",
    ...(top.has("tls") ? { tls: readListenerTls(top.nested("tls"), problems) } : {}),
    proxies: readProxies(top.items("proxies"), problems),
    sidecar: {
      socket: sidecar.required("socket"),
      deadlineMs: sidecar.integer("deadline_ms", 1, 60_000) ?? 250,
      fences: readVigil(sidecar.nested("fences")),
      reuse: sidecar.boolean("reuse") ?? false,
    },
    ...(environment === undefined ? {} : { environment }),
    upstreams,
    models,
    servers,
    tools: readToolsConfig(top.nested("tools")),
    mcp: readMcp(top.nested("mcp"), new Set(servers.keys()), problems),
    stores,
    agents: new Map(named("agents").map(([name, fields]) => [name, readAgent(fields, problems)])),
    ...(cardKey === undefined ? {} : { agentsCardKey: cardKey }),
    ...(top.has("forward_proxy")
      ? { forwardProxy: readForwardProxy(top.nested("forward_proxy"), problems) }
      : {}),
    routes: new Map(
      named("routes").map(([name, fields]) => [
        name,
        readRoute(name, fields, problems, () => readUpstream(fields, problems)),
      ]),
    ),
    allowedOrigins: top.strings("allowed_origins") ?? [],
    ...(publicUrl === undefined ? {} : { publicUrl }),
    authorizationServers: top.strings("authorization_servers") ?? [],
    resourceMetadata: readResourceMetadata(top.nested("resource_metadata"), problems),
    claimedHeaders: (top.strings("claimed_headers") ?? []).map((name) => name.toLowerCase()),
    trustedProxies: top.strings("trusted_proxies") ?? [],
    mediaHosts: (top.strings("media_hosts") ?? []).map((host) => host.toLowerCase()),
    maxBody,
    ...(top.has("storage") ? { storage: readStorage(top.nested("storage"), upstreams, problems) } : {}),
    uploads: readUploads(top.nested("uploads"), maxBody),
    ...(idKey === undefined ? {} : { idKey }),
    ...(prices === undefined ? {} : { prices }),
    limits: readLimitsConfig(top.nested("limits")),
    ...(top.has("telemetry") ? { telemetry: readTelemetryConfig(top.nested("telemetry"), problems) } : {}),
    ...(top.has("streams") ? { streams: readStreamsConfig(top.nested("streams")) } : {}),
    ...(top.has("notify") ? { notify: readNotifyConfig(named("notify"), problems) } : {}),
    ...(top.has("content") ? { content: readContentConfig(top.nested("content"), problems) } : {}),
  };
  sidecar.end();
  top.end();
  for (const name of config.claimedHeaders) {
    if (!/^[a-z][a-z0-9-]*$/.test(name) || secretHeaders.has(name))
      problems.add("claimed_headers", `${name} is no header that policy may see`);
  }
  for (const cidr of config.trustedProxies) {
    if (!/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/.test(cidr)) problems.add("trusted_proxies", `${cidr} is not a CIDR`);
  }
  if (problems.list.length > 0) throw new GatewayConfigRefused(problems.list);
  return config;
}

/** INVARIANT: a database's password, and its rows, don't leave the machine in clear. */
function readDatabase(fields: Fields, problems: Problems): UpstreamConfig {
  const upstream = readUpstream(fields, problems, { schemes: ["postgres", "postgresql"] });
  const { url, tls } = upstream;
  if (tls === undefined && !isLoopback(url) && url.hostname !== "invalid.invalid")
    problems.add(fields.at("tls"), "is required for a database that isn't on this machine");
  return upstream;
}

function readProxies(items: readonly Fields[], problems: Problems): GatewayConfig["proxies"] {
  const proxies = items.map((fields) => {
    const proxy = { name: fields.required("name"), socket: fields.required("socket") };
    if (!plainName.test(proxy.name)) problems.add(fields.at("name"), "must be letters, digits and . _ : -");
    if (!/^\/[^/]/.test(proxy.socket)) problems.add(fields.at("socket"), "must be an absolute path");
    fields.end();
    return proxy;
  });
  if (new Set(proxies.map(({ name }) => name)).size < proxies.length)
    problems.add("proxies", "give each a name");
  return proxies;
}
