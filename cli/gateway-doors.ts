import type { TLSSocket } from "node:tls";
import { createServer } from "node:tls";
import type { GatewayDoors } from "../gateway/main.js";
import { attachUpgrades } from "../gateway/upgrades.js";
import { listen, parseAddress } from "../sidecar/api/listen.js";
import type { Log } from "../sidecar/record/log.js";
import { createTls } from "../sidecar/tls.js";

/** Longest time for a whole request to come: prompts may be large, and clients slow. */
const requestTimeoutMs = 300_000;

/** Gives the gateway the sidecar's ways of listening and connecting with certificates. */
export function createGatewayDoors(log: Pick<Log, "info" | "warn">): GatewayDoors {
  const tls = createTls({
    now: Date.now,
    onEvent: (event) => {
      log[event.kind.endsWith("_changed") ? "info" : "warn"](event.kind, { ...event });
    },
  });
  return {
    async listen(address, listener, config) {
      const serve = config === undefined ? undefined : await tls.serve(config);
      return listen(parseAddress(address), listener, {
        ...{ tls: serve, requestTimeoutMs },
        attend: (server) => {
          attachUpgrades(server, listener);
        },
      });
    },
    async startTls(config) {
      const serve = await tls.serve(config);
      const server = createServer(serve.options());
      serve.attend(server);
      return (socket) =>
        new Promise((resolve, reject) => {
          const settle = (secured?: TLSSocket): void => {
            server.off("secureConnection", take);
            socket.off("close", gone);
            if (secured === undefined) reject(new Error("no TLS came about"));
            else resolve(secured);
          };
          const gone = (): void => {
            settle();
          };
          const take = (secured: TLSSocket): void => {
            // others may be on their way
            if (secured.remotePort === socket.remotePort && secured.remoteAddress === socket.remoteAddress)
              settle(secured);
          };
          server.on("secureConnection", take);
          socket.on("close", gone);
          server.emit("connection", socket);
        });
    },
    connect: tls.connect,
    close: tls.close,
  };
}
