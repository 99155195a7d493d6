/** The composition root of the gateway: reads the environment, wires the parts, listens. */
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Pool } from "undici";
import type { Json } from "../sidecar/contract.js";
import { createGateway } from "./app.js";
import { createAsk } from "./ask.js";
import { parseGatewayConfig } from "./config.js";
import type { GatewayLog, GatewayMetrics } from "./exchange.js";
import { createForwarder } from "./forward/forward.js";
import { createFetchKeys } from "./keys.js";
import { createReporter } from "./record.js";

export interface GatewayOptions {
  readonly config: Json;
  readonly log: GatewayLog;
  readonly metrics?: GatewayMetrics;
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
};

/**
 * Starts a gateway.
 * @throws GatewayConfigRefused with every problem; Error where the address can't be had
 */
export async function startGateway({
  config: json,
  log,
  metrics = noMetrics,
}: GatewayOptions): Promise<Gateway> {
  const config = parseGatewayConfig(json);
  let address = config.listen;
  const sidecar = { socketPath: config.sidecar.socket };
  const asking = new Pool("http://sidecar", sidecar);
  const telling = new Pool("http://sidecar", { ...sidecar, connections: 4, pipelining: 4 });
  const forwarder = createForwarder(process.env);
  const collections = [...config.collections.values()].map(({ upstream }) => upstream);
  for (const one of [...config.upstreams.values(), ...config.servers.values(), ...collections]) {
    forwarder.check(one);
  }
  const reporter = createReporter({ dispatcher: telling, log });
  const gateway = createGateway({
    config,
    ask: createAsk({ dispatcher: asking, deadlineMs: config.sidecar.deadlineMs }),
    forward: forwarder.forward,
    fetchKeys: createFetchKeys({ dispatcher: asking, clock: () => performance.now() }),
    report: reporter.report,
    log,
    metrics,
    newId: randomUUID,
    publicUrl: () => config.publicUrl ?? address,
    sessionSecret: randomBytes(32),
    clock: () => performance.now(),
  });
  const server = createServer(
    { keepAliveTimeout: 60_000, headersTimeout: 10_000, maxHeaderSize: 32_768 },
    gateway,
  );
  const [, host = "", port = ""] = /^(?:http:\/\/)?(.*):([0-9]{1,5})$/.exec(config.listen) ?? [];
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      Number(port),
      host === "localhost" ? "127.0.0.1" : host.replace(/^\[|\]$/g, "") || "0.0.0.0",
      resolve,
    );
  });
  const bound = server.address();
  address =
    bound === null || typeof bound === "string"
      ? config.listen
      : `http://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
  return {
    address,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeIdleConnections();
      const limit = setTimeout(() => {
        server.closeAllConnections();
      }, 5_000);
      await closed;
      clearTimeout(limit);
      await reporter.flush();
      await Promise.all([forwarder.close(), asking.destroy(), telling.destroy()]);
    },
  };
}
