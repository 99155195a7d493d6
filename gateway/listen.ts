import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import { attachUpgrades } from "./upgrades.js";

export interface Listening {
  /** The address in force: the port that was given where 0 was asked for. */
  readonly address: string;
  close(): Promise<void>;
}

/** Listens for plain HTTP at `host:port`. @throws Error where the address can't be had */
export async function listenPlain(listen: string, listener: RequestListener): Promise<Listening> {
  const server = createServer(
    {
      ...{ keepAliveTimeout: 60_000, headersTimeout: 10_000, maxHeaderSize: 32_768 },
      // how often the time that a head may take is looked at
      connectionsCheckingInterval: 2_000,
    },
    listener,
  );
  attachUpgrades(server, listener);
  // no header is left out silently: what isn't looked at can't contradict; the size of a head is limited
  server.maxHeadersCount = 0;
  const [, host = "", port = ""] = /^(?:http:\/\/)?(.*):([0-9]{1,5})$/.exec(listen) ?? [];
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      Number(port),
      host === "localhost" ? "127.0.0.1" : host.replace(/^\[|\]$/g, "") || "0.0.0.0",
      resolve,
    );
  });
  const bound = server.address();
  return {
    address:
      bound === null || typeof bound === "string"
        ? listen
        : `http://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`,
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
    },
  };
}
