/** A door in front of the gateway for clients that can't send a token: it adds one, and passes on all else as it is. */
import type { Server, ServerResponse } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Door {
  readonly url: string;
  /** Breaks all answers off that are streams. */
  readonly cut: () => void;
  close(): Promise<void>;
}

/** @param to gives the address of the gateway, without a path */
export async function openDoor(to: () => string, token: string): Promise<Door> {
  const streams = new Set<ServerResponse>();
  const server: Server = createServer((req, res) => {
    const { hostname, port } = new URL(to());
    const headers = { ...req.headers, authorization: `Bearer ${token}` };
    const sent = request({ hostname, port, path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      res.flushHeaders();
      if (answer.headers["content-type"]?.startsWith("text/event-stream") === true) streams.add(res);
      answer.pipe(res);
      answer.on("error", () => res.destroy());
    });
    sent.on("error", () => res.destroy());
    res.on("close", () => {
      streams.delete(res);
      sent.destroy();
    });
    req.pipe(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      for (const res of streams) res.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
