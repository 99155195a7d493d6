import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What an upstream got, to the byte: tests compare it with what was decided. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Set once the client has gone before the answer was whole. */
  aborted: boolean;
}

export interface Upstream {
  readonly url: string;
  readonly received: Received[];
  close(): Promise<void>;
}

/** Listens on loopback; port 0 takes any free one. */
export async function listenOn(
  port: number,
  received: Received[],
  listener: RequestListener,
): Promise<Upstream> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Reads a request and notes it. */
export async function receive(req: IncomingMessage, received: Received[]): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  const noted = {
    method: req.method ?? "",
    path: req.url ?? "",
    headers: req.headers,
    body: Buffer.concat(chunks),
    aborted: false,
  };
  received.push(noted);
  return noted;
}
