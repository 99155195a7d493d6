/** A small world for the gateway: a sidecar on a Unix socket that says what a test wants, upstreams that remember. */
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import type { Gateway, GatewayOptions } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import type { FakeSidecar } from "./fake-sidecar.js";
import { startFakeSidecar } from "./fake-sidecar.js";

export const callerToken = "caller-token-e30.e30.c2ln";
export const providerKey = "provider-key-5f2b";

/** One request as an upstream got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (req: IncomingMessage, res: ServerResponse, body: string) => void;

export interface Served {
  readonly url: string;
  readonly received: Received[];
  /** Times that a client went away before it was answered. */
  readonly aborted: () => number;
  answer: Answer;
  close(): Promise<void>;
}

const readAll = async (req: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

async function serve(
  listener: RequestListener,
  path?: string,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Starts an upstream that remembers what it gets. */
export async function startUpstream(answer: Answer): Promise<Served> {
  const received: Received[] = [];
  let aborted = 0;
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    res.on("close", () => {
      if (!res.writableFinished) aborted++;
    });
    const body = await readAll(req);
    received.push({ method: req.method ?? "", path: req.url ?? "", headers: req.headers, body });
    served.answer(req, res, body);
  };
  const { port, close } = await serve((req, res) => {
    handle(req, res).catch(() => undefined);
  });
  const served: Served = { url: `http://127.0.0.1:${port}`, received, aborted: () => aborted, answer, close };
  return served;
}

export const json = (res: ServerResponse, value: unknown, status = 200): void => {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
};

export * from "./fake-sidecar.js";

export interface World {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  readonly sidecar: FakeSidecar;
  readonly model: Served;
  readonly store: Served;
  readonly log: string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Laid over the configuration's top level. */
  readonly config?: Record<string, unknown>;
  /** How long the sidecar may take; more than a busy machine's pause unless given. */
  readonly deadlineMs?: number;
  readonly mcpUrl?: string;
  /** The clock and the chance that routing goes by. */
  readonly routing?: GatewayOptions["routing"];
  readonly metrics?: GatewayOptions["metrics"];
  /** Addresses of names, for the forward proxy. */
  readonly resolve?: NonNullable<GatewayOptions["resolve"]>;
}

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

/** Starts gateway, sidecar and upstreams. */
export async function startWorld({
  config = {},
  deadlineMs = 20_000,
  mcpUrl,
  routing = {},
  metrics,
  resolve,
}: WorldOptions = {}): Promise<World> {
  const sidecar = await startFakeSidecar();
  const model = await startUpstream((_req, res) => {
    json(res, completion);
  });
  const store = await startUpstream((_req, res) => {
    json(res, { documents: [] });
  });
  const log: string[] = [];
  const write =
    (level: string) =>
    (message: string, fields: unknown = {}): void => {
      log.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: sidecar.socket, deadline_ms: deadlineMs },
      environment: "test",
      upstreams: { main: { url: model.url, api_key: { value: providerKey } } },
      models: {
        small: { upstream: "main", provider: "openai", region: "eu", environment: "prod" },
        large: { upstream: "main", provider: "openai", region: "us", environment: "prod" },
        alias: {
          upstream: "main",
          provider: "openai",
          region: "us",
          environment: "prod",
          upstream_model: "real-name",
        },
      },
      servers: mcpUrl === undefined ? {} : { files: { url: mcpUrl }, other: { url: mcpUrl } },
      collections: {
        handbook: {
          url: `${store.url}/query`,
          classification: "internal",
          region: "eu",
          environment: "prod",
        },
      },
      ...config,
    } as unknown as Json,
    routing,
    ...(metrics === undefined ? {} : { metrics }),
    ...(resolve === undefined ? {} : { resolve }),
    log: { info: write("info"), warn: write("warn"), error: write("error") },
  });
  return {
    gateway,
    url: gateway.address,
    port: Number(new URL(gateway.address).port),
    sidecar,
    model,
    store,
    log,
    async close() {
      await gateway.close();
      await Promise.all([sidecar.close(), model.close(), store.close()]);
    },
  };
}

export const chatBody = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({ model: "small", messages: [{ role: "user", content: "hi" }], ...more });

/** Posts JSON text as the caller. */
export function post(
  world: World,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${world.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json", ...headers },
    body,
  });
}

/** Writes bytes to the gateway's port and gives all that comes back until it closes, or is silent for so long. */
export function sendRaw(port: number, text: string, milliseconds = 15_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let out = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => (out += String(chunk)));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(out);
    });
    socket.setTimeout(milliseconds, () => socket.destroy());
  });
}

/** Waits until something holds; as long as a slow machine may need, and less than a test may take. */
export async function until(holds: () => boolean, milliseconds = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > end) throw new Error("it never held");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
