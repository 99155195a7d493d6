/** A small world for the gateway: a sidecar on a Unix socket that says what a test wants, upstreams that remember. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayOptions } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Call, Decision, DecisionRequest, Json, Outcome } from "../../sidecar/contract.js";

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

/** What the sidecar answers to one call. */
export type Decide = (call: Call, request: DecisionRequest) => Partial<Decision>;
export const allow: Decide = () => ({ allow: true });
export const deny =
  (code = "model.tier", message = "the model is of a tier that you may not use"): Decide =>
  () => ({ allow: false, reasons: [{ code, message, rule: "model.tier" }] });

export const subject = { type: "agent", id: "agent-1", tenant: "acme" };

export interface FakeSidecar {
  readonly socket: string;
  readonly asked: DecisionRequest[];
  readonly outcomes: Outcome[];
  /** Decisions made so far; the last one's id is `d-` and this. */
  readonly decided: () => number;
  decide: Decide;
  /** Answers instead of deciding, where set: raw, for everything that a sidecar must not do. */
  raw: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

/** Starts a sidecar in a directory of its own. */
export async function startFakeSidecar(): Promise<FakeSidecar> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-gateway-"));
  const socket = join(directory, "pdp.sock");
  const asked: DecisionRequest[] = [];
  const outcomes: Outcome[] = [];
  let count = 0;
  const decision = (call: Call, request: DecisionRequest): Decision => {
    count++;
    const made = sidecar.decide(call, request);
    return {
      decision_id: `d-${count}`,
      allow: false,
      reasons: [],
      obligations: [],
      labels: [],
      ttl: 0,
      rules: [],
      cache: "none",
      expires_at: new Date(0).toISOString(),
      bundles: {},
      subject,
      ...made,
    };
  };
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await readAll(req);
    if (req.url === "/v1/outcomes") {
      outcomes.push(JSON.parse(body) as Outcome);
      res.writeHead(204).end();
      return;
    }
    if (sidecar.raw !== undefined) {
      sidecar.raw(req, res);
      return;
    }
    const request = JSON.parse(body) as DecisionRequest;
    asked.push(request);
    const { call, calls } = request;
    json(
      res,
      call === undefined
        ? { decisions: (calls ?? []).map((one) => decision(one, request)) }
        : decision(call, request),
    );
  };
  const { close } = await serve((req, res) => {
    handle(req, res).catch(() => undefined);
  }, socket);
  const sidecar: FakeSidecar = {
    socket,
    asked,
    outcomes,
    decided: () => count,
    decide: allow,
    raw: undefined,
    async close() {
      await close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return sidecar;
}

export interface World {
  readonly url: string;
  readonly port: number;
  readonly sidecar: FakeSidecar;
  readonly model: Served;
  readonly store: Served;
  readonly log: string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Laid over the configuration's top level. */
  readonly config?: Record<string, unknown>;
  readonly mcpUrl?: string;
  /** The clock and the chance that routing goes by. */
  readonly routing?: GatewayOptions["routing"];
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
export async function startWorld({ config = {}, mcpUrl, routing = {} }: WorldOptions = {}): Promise<World> {
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
      sidecar: { socket: sidecar.socket, deadline_ms: 2_000 },
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
    log: { info: write("info"), warn: write("warn"), error: write("error") },
  });
  return {
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

/** Writes bytes to the gateway's port and gives all that comes back until it closes. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let out = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => (out += String(chunk)));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(out);
    });
    socket.setTimeout(1_500, () => socket.destroy());
  });
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("it never held");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
