/** The composition root of the gateway: reads the environment, wires the parts, listens. */
import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import { Pool } from "undici";
import type { Json, ListenerTls, UpstreamTls } from "../sidecar/contract.js";
import { createGateway } from "./app.js";
import { createDetectors } from "./content/create-detectors.js";
import { createDescribeContent } from "./content/describe.js";
import { createAsk } from "./ask.js";
import type { GatewayConfig, UpstreamConfig } from "./config.js";
import { parseGatewayConfig } from "./config.js";
import type { GatewayLog, GatewayMetrics, GatewayParts } from "./exchange.js";
import type { ConnectTls } from "./forward/forward.js";
import { createForwarder } from "./forward/forward.js";
import { readIdKey } from "./id-key.js";
import { createFetchKeys } from "./keys.js";
import type { Listening } from "./listen.js";
import { listenPlain } from "./listen.js";
import { createReporter } from "./record.js";
import type { RoutingParts } from "./routing/route.js";
import { createRouting } from "./routing/route.js";
import { sleep } from "./routing/sleep.js";

export interface GatewayOptions {
  readonly config: Json;
  readonly log: GatewayLog;
  readonly metrics?: GatewayMetrics;
  /** Needed for what is configured under `tls` and `proxies`. */
  readonly doors?: GatewayDoors;
  /** The clock and the chance that routing goes by; the process's own unless given. */
  readonly routing?: Partial<RoutingParts>;
}

/** How the gateway listens and connects with certificates, and at Unix sockets: given by who starts it. */
export interface GatewayDoors {
  /** @throws Error where the address, or a certificate, can't be had */
  listen(address: string, listener: RequestListener, tls: ListenerTls | undefined): Promise<Listening>;
  /** @throws Error where a certificate can't be had */
  connect(tls: UpstreamTls): Promise<ConnectTls>;
  close(): void;
}

export interface Gateway {
  /** `http://host:port` */
  readonly address: string;
  close(): Promise<void>;
}

const noMetrics: GatewayMetrics = {
  gatewayAnswered: () => undefined,
  gatewayAsked: () => undefined,
  gatewayFirstByte: () => undefined,
  gatewayTried: () => undefined,
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
}: GatewayOptions): Promise<Gateway> {
  const config = parseGatewayConfig(json);
  let address = config.listen;
  const sidecar = { socketPath: config.sidecar.socket };
  const asking = new Pool("http://sidecar", sidecar);
  const telling = new Pool("http://sidecar", { ...sidecar, connections: 4, pipelining: 4 });
  const collections = [...config.collections.values()].map(({ upstream }) => upstream);
  const upstreams = [...config.upstreams.values(), ...config.servers.values(), ...collections];
  const forwarder = createForwarder(process.env, await secure(upstreams, doors));
  for (const one of upstreams) forwarder.check(one);
  const reporter = createReporter({ dispatcher: telling, log });
  const parts: GatewayParts = {
    config,
    ask: createAsk({ dispatcher: asking, deadlineMs: config.sidecar.deadlineMs }),
    forward: forwarder.forward,
    routing: createRouting({
      ...ownRouting,
      tried: (upstream, result) => {
        metrics.gatewayTried(upstream, result);
      },
      ...routing,
    }),
    fetchKeys: createFetchKeys({ dispatcher: asking, clock: () => performance.now() }),
    report: reporter.report,
    ...(await describing(config)),
    log,
    metrics,
    newId: randomUUID,
    publicUrl: () => config.publicUrl ?? address,
    sessionSecret: readIdKey(config.idKey, process.env),
    now: Date.now,
    clock: () => performance.now(),
  };
  const listening = await listenAll(config, parts, doors);
  address = listening[0]?.address ?? address;
  return {
    address,
    async close() {
      await Promise.all(listening.map((one) => one.close()));
      await reporter.flush();
      await Promise.all([forwarder.close(), asking.destroy(), telling.destroy()]);
      doors?.close();
    },
  };
}

async function describing({ content }: GatewayConfig): Promise<Pick<GatewayParts, "describeContent">> {
  if (content === undefined) return {};
  const detectors = await createDetectors(content.detectors);
  return {
    describeContent: createDescribeContent({ ...content, detectors, clock: () => performance.now() }),
  };
}

const noDoors = (): never => {
  throw new Error("tls and proxies need the doors that the command line gives");
};

/** Listens for clients first, then for each proxy at a socket of its own. */
async function listenAll(
  config: GatewayConfig,
  parts: GatewayParts,
  doors: GatewayDoors | undefined,
): Promise<Listening[]> {
  const gateway = createGateway(parts);
  const listening: Listening[] = [];
  try {
    if (config.tls === undefined) listening.push(await listenPlain(config.listen, gateway));
    else listening.push(await (doors ?? noDoors()).listen(config.listen, gateway, config.tls));
    for (const { name, socket } of config.proxies) {
      const listener = createGateway(parts, name);
      listening.push(await (doors ?? noDoors()).listen(`unix://${socket}`, listener, undefined));
    }
    return listening;
  } catch (error) {
    await Promise.all(listening.map((one) => one.close()));
    doors?.close();
    throw error;
  }
}

async function secure(
  upstreams: readonly UpstreamConfig[],
  doors: GatewayDoors | undefined,
): Promise<Map<UpstreamConfig, ConnectTls>> {
  const secured = new Map<UpstreamConfig, ConnectTls>();
  try {
    for (const one of upstreams) {
      if (one.tls !== undefined) secured.set(one, await (doors ?? noDoors()).connect(one.tls));
    }
    return secured;
  } catch (error) {
    doors?.close();
    throw error;
  }
}
