/** The composition root of the gateway: reads the environment, wires the parts, listens. */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { Pool } from "undici";
import type { Json, Outcome } from "../sidecar/contract.js";
import { stringifyJson } from "../sidecar/contract.js";
import { createGateway } from "./app.js";
import { createFetchCard } from "./agents/card/cards.js";
import { openCardSigner } from "./agents/card/sign.js";
import type { GatewayDoors } from "./doors.js";
import { forwardDoor, listenAll, listenDatabases, noDoors } from "./doors.js";
import { createDetectors } from "./content/create-detectors.js";
import { createDescribeContent } from "./content/describe.js";
import type { OwnSidecar } from "./ask.js";
import { createAsk, createOwnAsk } from "./ask.js";
import type { GatewayConfig } from "./config.js";
import { parseGatewayConfig } from "./config.js";
import type { GatewayLog, GatewayMetrics, GatewayParts } from "./exchange.js";
import { createUpstreams } from "./reload/upstreams.js";
import { readIdKey } from "./id-key.js";
import { createFetchKeys } from "./keys.js";
import { createExtend, createOwnExtend } from "./limits/extend.js";
import type { LinkParts } from "./link.js";
import { createLink } from "./link.js";
import type { OpenHooks } from "./notify/open-hooks.js";
import { openHooks } from "./notify/open-hooks.js";
import { createReporter } from "./record.js";
import type { Generation } from "./reload/generations.js";
import { createGenerations } from "./reload/generations.js";
import type { Reload } from "./reload/reload.js";
import { createReload } from "./reload/reload.js";
import { defaultTelemetry } from "./observe/telemetry/read-config.js";
import type { Telemetry } from "./observe/telemetry/trace.js";
import { readPriceFile } from "./observe/price-table.js";
import type { Live } from "./live/live.js";
import { openLive } from "./live/open.js";
import type { Resolve } from "./proxy/reach.js";
import { resolveByMachine } from "./proxy/reach.js";
import { createForwardProxy } from "./proxy/serve.js";
import { createAddresses } from "./retrieval/serve/addresses.js";
import { createRecent } from "./retrieval/serve/recent.js";
import type { Reuse } from "./reuse/reuse.js";
import { createReuse } from "./reuse/reuse.js";
import type { RoutingParts } from "./routing/route.js";
import { createRouting } from "./routing/route.js";
import { sleep } from "./routing/sleep.js";
import { openApprovals } from "./tools/definitions/approvals/open.js";
import { createDefinitions } from "./tools/definitions/create.js";
import { createLinks } from "./tools/links/open-link.js";
import { openMcp } from "./tools/mcp/open.js";
import { createDatabases } from "./retrieval/postgres/databases.js";
import { createSecrets } from "./secrets/open-secrets.js";
import type { SecretEvent } from "./secrets/secret.js";
import { createOpenApis } from "./tools/openapi/open-apis.js";

export interface GatewayOptions {
  readonly config: Json;
  readonly log: GatewayLog;
  readonly metrics?: GatewayMetrics;
  /** Needed for what is configured under `tls` and `proxies`. */
  readonly doors?: GatewayDoors;
  /** The clock and the chance that routing goes by; the process's own unless given. */
  readonly routing?: Partial<RoutingParts>;
  /** Gives the addresses of names that the forward proxy connects to; the machine's own way unless given. */
  readonly resolve?: Resolve;
  /** Asked instead of the one at `sidecar.socket`. */
  readonly ownSidecar?: OwnSidecar;
}

export type { GatewayDoors } from "./doors.js";

export interface Gateway {
  /** `http://host:port` */
  readonly address: string;
  /** Where the forward proxy listens, where it is configured. */
  readonly forwardProxy?: string;
  /** Where stores listen that have a port of their own, by their names. */
  readonly stores: ReadonlyMap<string, string>;
  /** Puts another configuration into effect without dropping what is under way; one at a time. Never rejects. */
  readonly reload: Reload;
  /** Ends what is live by a decision, or for a subject, that no longer holds; gives how many. */
  readonly endConnections: Live["end"];
  /** All that is live. */
  readonly live: Live;
  close(): Promise<void>;
}

const noMetrics: GatewayMetrics = {
  gatewayAnswered: () => undefined,
  gatewayAsked: () => undefined,
  gatewayReused: () => undefined,
  gatewayFirstByte: () => undefined,
  gatewayTried: () => undefined,
  gatewayUsed: () => undefined,
  gatewayBetweenTokens: () => undefined,
  gatewayNotified: () => undefined,
  gatewayReloaded: () => undefined,
  gatewayCredential: () => undefined,
  gatewayTool: () => undefined,
  gatewayToolServer: () => undefined,
  gatewayDocuments: () => undefined,
};

const ownRouting: RoutingParts = {
  clock: () => performance.now(),
  now: Date.now,
  random: Math.random,
  sleep,
};

/**
 * Starts a gateway.
 * @throws GatewayConfigRefused with every problem; Error where the address can't be had
 */
export async function startGateway({
  config: json,
  log,
  metrics = noMetrics,
  doors,
  routing = {},
  ownSidecar,
  resolve = resolveByMachine,
}: GatewayOptions): Promise<Gateway> {
  const config = parseGatewayConfig(json);
  const approvals = await openApprovals(config.tools, { now: Date.now, log });
  let address = config.listen;
  let inForce: GatewayParts | undefined;
  const sidecar = { socketPath: config.sidecar.socket };
  const asking = new Pool("http://sidecar", sidecar);
  const secrets = createSecrets({
    environment: process.env,
    clock: () => performance.now(),
    onEvent: tellSecrets(log, metrics),
  });
  const upstreams = createUpstreams({
    secrets,
    connect: (tls) => (doors ?? noDoors()).connect(tls),
    tokenFailed: (credential, why) => {
      log.warn("no access token for an upstream", { id: credential, why });
    },
  });
  const reporter = createReporter({ log });
  const alive = openLive({ log, now: Date.now, config: () => (inForce?.config ?? config).sidecar.fences });
  // one in the same process is asked faster than it is remembered what it said
  const reuse =
    !config.sidecar.reuse || ownSidecar !== undefined
      ? undefined
      : createReuse({
          live: alive.live,
          newId: randomUUID,
          now: Date.now,
          clock: () => performance.now(),
          count: metrics.gatewayReused,
        });
  const link = createLink({
    connect: () => connect(config.sidecar.socket),
    onLost: reporter.lose,
    onForeign: reporter.foreign,
    point: reuse === undefined ? alive.far : hearing(alive.far, reuse),
  });
  const sessionSecret = await readIdKey(config.idKey, secrets);
  const cardSigner =
    config.agentsCardKey === undefined ? undefined : await openCardSigner(config.agentsCardKey, secrets);
  const openApis = createOpenApis({ log });
  const telemetry = await openTelemetry(config, sessionSecret);
  let mcpConfig = config.mcp;
  const clock = (): number => performance.now();
  const happened = (server: string, event: string): void => {
    metrics.gatewayToolServer(server, event);
  };
  const links = createLinks({
    happened,
    ...{ forward: upstreams.forward, openApis, newId: randomUUID, random: Math.random, clock, sleep, log },
    ...{ environment: process.env, readSecret: upstreams.readSecret },
  });
  const mcp = openMcp({
    openLink: links.open,
    live: alive.live,
    definitions: createDefinitions({ approvals, now: Date.now, log, happened }),
    clock,
    limits: () => mcpConfig,
  });
  const common = {
    forward: upstreams.forward,
    pass: upstreams.pass,
    dial: upstreams.dial,
    resolve,
    live: alive.live,
    mcp: mcp.parts,
    openApis,
    routing: createRouting({
      ...ownRouting,
      tried: (upstream, result) => {
        metrics.gatewayTried(upstream, result);
      },
      ...routing,
    }),
    recentQueries: createRecent(clock),
    addresses: createAddresses(clock),
    fetchKeys: createFetchKeys({ dispatcher: asking, clock: () => performance.now() }),
    fetchCard: createFetchCard({ forward: upstreams.forward, clock: () => performance.now() }),
    cardSigner,
    report(outcome: Outcome) {
      if (ownSidecar === undefined) link.tell(stringifyJson(outcome as unknown as Json));
      else ownSidecar.record(outcome);
    },
    telemetry,
    log,
    metrics,
    newId: randomUUID,
    sessionSecret,
    now: Date.now,
    clock: () => performance.now(),
  };
  const databases = createDatabases(upstreams.readSecret);
  const told = new Set<OpenHooks>();
  const close = async (): Promise<void> => {
    await Promise.all([...told].map((hooks) => hooks.close(5_000)));
    await Promise.all([upstreams.close(), asking.destroy(), telemetry?.close(), databases.close()]);
    doors?.close();
  };
  /** All that serves the requests of one configuration. */
  const generation = async (now: GatewayConfig): Promise<Generation> => {
    await openApis.load(now.servers);
    const described = await describing(now);
    const prices = now.prices === undefined ? undefined : readPriceFile(now.prices);
    const hooks = await openHooks(now.notify, secrets, metrics);
    if (hooks !== undefined) told.add(hooks);
    const leave = await upstreams.enter(now).catch(async (error: unknown) => {
      await hooks?.close(0);
      if (hooks !== undefined) told.delete(hooks);
      throw error;
    });
    reuse?.clear();
    const parts: GatewayParts = {
      ...common,
      reuse: now.sidecar.reuse ? reuse : undefined,
      ...described,
      databases,
      ...(hooks === undefined ? {} : { notifier: hooks.notifier }),
      prices,
      config: now,
      ask:
        ownSidecar === undefined
          ? createAsk({ link, deadlineMs: now.sidecar.deadlineMs })
          : createOwnAsk(ownSidecar, now.sidecar.deadlineMs),
      extend:
        ownSidecar === undefined
          ? createExtend(link, now.sidecar.deadlineMs)
          : createOwnExtend(ownSidecar, now.sidecar.deadlineMs),
      publicUrl: () => now.publicUrl ?? address,
    };
    inForce = parts;
    return {
      listener: (proxy) =>
        proxy === forwardDoor && now.forwardProxy !== undefined
          ? createForwardProxy(parts, now.forwardProxy)
          : createGateway(parts, proxy),
      end() {
        leave();
        // what a hook has still to be told is told under the configuration that it came under
        hooks?.close(60_000).finally(() => told.delete(hooks));
      },
    };
  };
  try {
    const stores = new Map<string, string>();
    const generations = createGenerations(await generation(config));
    const listening = await listenAll(config, generations.listener, doors, stores);
    address = listening[0]?.address ?? address;
    listening.push(
      ...(await listenDatabases(config, doors, stores, {
        parts: () => inForce as GatewayParts,
        database: databases.of,
      })),
    );
    metrics.gatewayReloaded("started");
    // a sidecar in this process isn't lost
    const leave = ownSidecar?.attach?.(alive.near);
    if (ownSidecar === undefined) link.keep();
    const apply = async (next: GatewayConfig): Promise<void> => {
      generations.replace(await generation(next));
      mcpConfig = next.mcp;
      mcp.reloaded(next);
    };
    return {
      address,
      ...(config.forwardProxy === undefined
        ? {}
        : { forwardProxy: listening[1 + config.proxies.length]?.address ?? "" }),
      stores,
      endConnections: alive.live.end,
      live: alive.live,
      reload: createReload({ first: config, apply, log, metrics }),
      async close() {
        leave?.();
        alive.close();
        mcp.close();
        await Promise.all([links.close(), approvals.close()]);
        await Promise.all(listening.map((one) => one.close()));
        await link.flush(5_000);
        link.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Has what is told of fences end the reuse of decisions, too, and asks to be told of epochs. */
function hearing(far: NonNullable<LinkParts["point"]>, reuse: Reuse): NonNullable<LinkParts["point"]> {
  return {
    ...far,
    epochs: reuse.epochs,
    change(what) {
      reuse.fences(what);
      far.change(what);
    },
    lost() {
      reuse.lost();
      far.lost();
    },
  };
}

/** Says and counts what happens to credentials. INVARIANT: events hold ids, codes and digests, never a value. */
function tellSecrets(log: GatewayLog, metrics: GatewayMetrics): (event: SecretEvent) => void {
  return ({ kind, credential, ...fields }) => {
    metrics.gatewayCredential(credential, kind.slice("credential_".length));
    // the log takes a field of that name for one itself
    const said = { id: credential, ...fields };
    log[kind === "credential_failed" || kind === "credential_previous_used" ? "warn" : "info"](kind, said);
  };
}

/** Connects to a collector where one is named. Its SDK is loaded then only: it takes memory. */
async function openTelemetry(
  { telemetry }: GatewayConfig,
  secret: Uint8Array,
): Promise<Telemetry | undefined> {
  const said = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  const endpoint = telemetry?.endpoint ?? (said === undefined ? undefined : said.replace(/\/+$/, ""));
  if (endpoint === undefined || endpoint === "") return undefined;
  const { createOtlp } = await import("./observe/telemetry/otlp.js");
  const config = telemetry ?? defaultTelemetry;
  return createOtlp({ config, endpoint, secret, clock: () => performance.now() });
}

async function describing({
  content,
}: GatewayConfig): Promise<Pick<GatewayParts, "describeContent" | "answers">> {
  if (content === undefined) return {};
  const { answers: mode, ...limits } = content;
  const detectors = await createDetectors(content.detectors);
  const parts = { ...limits, detectors, clock: () => performance.now() };
  return {
    describeContent: createDescribeContent(parts),
    answers: { content: parts, ...(mode === undefined ? {} : { mode }) },
  };
}
