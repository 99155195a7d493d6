/** What the demo's upstreams share: a loopback server that keeps what it was sent, byte for byte. */
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";

/** One request as it came; `body` holds its raw bytes. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** True once the client has gone before the answer was complete. */
  aborted: boolean;
}

export interface Upstream {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  readonly received: Received[];
  close(): Promise<void>;
}

export type Answer = (asked: Received, req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Longest body in bytes; more ends the connection. */
const LARGEST_BODY = 8 * 1024 * 1024;
/** Requests kept in `received`: the demo runs for long, a test doesn't. */
const KEPT = 1_000;

/** Listens on 127.0.0.1 (port 0 takes any free one). @throws Error where the port is taken. */
export async function startUpstream(port: number, answer: Answer): Promise<Upstream> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    void take(req, res, received, answer);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the upstream has no port");
  return { url: `http://127.0.0.1:${address.port}`, received, close: () => closeServer(server) };
}

/** Sends a JSON answer, whole. */
export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  res.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  res.end(body);
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a body as a JSON object; undefined where it is none. */
export function readRecord(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function take(
  req: IncomingMessage,
  res: ServerResponse,
  received: Received[],
  answer: Answer,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of req as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LARGEST_BODY) return void req.destroy();
      chunks.push(chunk);
    }
    const asked: Received = {
      method: req.method ?? "",
      path: req.url ?? "",
      headers: req.headers,
      body: Buffer.concat(chunks),
      aborted: false,
    };
    received.push(asked);
    if (received.length > KEPT) received.shift();
    // "close" comes after every answer; only one that wasn't finished was cut off
    res.once("close", () => {
      if (!res.writableFinished) asked.aborted = true;
    });
    await answer(asked, req, res);
  } catch {
    // a client that left while sending has no use for an answer; a fault of ours is a 500
    if (res.destroyed) return;
    if (res.headersSent) res.destroy();
    else sendJson(res, 500, { error: { message: "internal error" } });
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
