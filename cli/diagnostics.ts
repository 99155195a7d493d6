/** Serves `/metrics` and `/health` of a gateway that runs by itself, apart from where clients connect. */
import type { RequestListener } from "node:http";
import { listenPlain } from "../gateway/listen.js";
import type { Metrics } from "../sidecar/record/metrics.js";

export interface Diagnostics {
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Listens at each address. @throws Error where one can't be had */
export async function serveDiagnostics(
  addresses: readonly string[],
  metrics: Pick<Metrics, "registry" | "text">,
): Promise<Diagnostics> {
  const answer: RequestListener = (req, res) => {
    const known = req.url === "/metrics" || req.url === "/health";
    if (!known || req.method !== "GET") {
      res.writeHead(known ? 405 : 404).end();
      return;
    }
    if (req.url === "/health") {
      res.writeHead(200, { "content-type": "application/json" }).end("{}");
      return;
    }
    metrics.text().then(
      (text) => res.writeHead(200, { "content-type": metrics.registry.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  };
  const listening = await Promise.all(addresses.map((address) => listenPlain(address, answer)));
  return {
    addresses: listening.map(({ address }) => address),
    async close() {
      await Promise.all(listening.map((one) => one.close()));
    },
  };
}
