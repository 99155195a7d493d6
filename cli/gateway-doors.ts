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
    connect: tls.connect,
    close: tls.close,
  };
}
