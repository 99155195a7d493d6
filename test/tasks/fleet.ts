/** Sidecars with a gateway each, on one Redis or alone: real sockets, real tokens, an upstream that streams. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gateway, GatewayOptions } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream } from "../gateway/world.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../identify/world.js";
import { bundleCache, root } from "../world.js";
import { policy } from "./policy.js";

/** Where one asks. */
export interface Asked {
  readonly url: string;
}

export interface Replica extends Asked {
  readonly sidecar: Sidecar;
  readonly gateway: Gateway;
  readonly log: string;
  /** The sidecar's socket. */
  readonly socket: string;
  close(): Promise<void>;
}

/** A gateway in a process of its own. */
export interface OtherGateway extends Asked {
  kill(): void;
}

export interface Fleet {
  readonly replicas: readonly Replica[];
  readonly upstream: Served;
  /** A token for a user of the tenant; `claims` are laid over its own. */
  tokenOf(user: string, claims?: Claims): string;
  /** Starts one more. */
  add(more?: Record<string, unknown>): Promise<Replica>;
  /** Starts another gateway in this process, for the sidecar at a socket. */
  gatewayAt(socket: string): Promise<Gateway>;
  /** Starts another gateway for a replica's sidecar. */
  addGateway(replica: Replica): Promise<OtherGateway>;
  /** Asks a model through a gateway. */
  ask(gateway: Asked, model: string, how?: How): Promise<Answer>;
  /** Asks anything of a gateway. */
  request(gateway: Asked, path: string, body?: unknown, how?: How, method?: string): Promise<Answer>;
  close(): Promise<void>;
}

export type Claims = Readonly<Record<string, unknown>>;

export interface How {
  readonly user?: string;
  /** Laid over the token's. */
  readonly claims?: Claims;
  readonly headers?: Readonly<Record<string, string>>;
  readonly task?: string | undefined;
  readonly stream?: boolean;
  /** `max_tokens` */
  readonly most?: number;
  readonly signal?: AbortSignal;
  /** Called when the answer has begun: what is a stream is in the middle of it. */
  readonly begun?: () => void;
}

export interface Answer {
  readonly status: number;
  /** The token that came back. */
  readonly task: string | undefined;
  readonly code: string | undefined;
  readonly text: string;
  readonly headers: Headers;
}

const models = [
  "reads-private",
  "reads-untrusted-web",
  "sends",
  "proven",
  "few",
  "metered",
  "alone",
  "plain",
  "writes",
  "twenty",
  "five-at-once",
];

/**
 * @param config laid over each sidecar's: what isn't said there waits longer than a busy machine stands still
 * @param behind more of each gateway's
 */
export async function startFleet(
  count: number,
  config: Record<string, unknown> = {},
  behind: Record<string, unknown> = {},
  resolve?: NonNullable<GatewayOptions["resolve"]>,
): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-fleet-"));
  await mkdir(join(folder, "policy"));
  await writeFile(join(folder, "policy", "test.rego"), policy);
  const key = ec();
  const tokenOf = (user: string, claims: Claims = {}): string => {
    const now = Math.floor(Date.now() / 1000);
    return token(header, { ...payload, sub: user, iat: now - 5, exp: now + 300, ...claims }, es256(key));
  };
  const upstream = await startUpstream((req, res, body) => {
    const { stream } = JSON.parse(body === "" ? "{}" : body) as { stream?: boolean };
    // whatever was asked for, it goes on and on
    if (req.url?.includes("/messages") === true)
      return stream === true ? streamTo(res, claude) : json(res, {});
    if (req.url?.includes(":streamGenerateContent") === true) return streamTo(res, gemini);
    if (stream !== true) return json(res, completion);
    streamTo(res, openai);
  });
  const replicas: Replica[] = [];
  const children = new Set<ChildProcess>();
  const gatewayConfig = (socket: string) => ({
    listen: "127.0.0.1:0",
    sidecar: { socket, deadline_ms: 30_000 },
    upstreams: {
      main: { url: upstream.url },
      claude: { url: upstream.url, protocol: "anthropic" },
      google: { url: upstream.url, protocol: "gemini" },
    },
    models: {
      ...Object.fromEntries(models.map((name) => [name, { ...place, upstream: "main", provider: "openai" }])),
      "metered-claude": { ...place, upstream: "claude", provider: "anthropic" },
      "metered-gemini": { ...place, upstream: "google", provider: "google" },
    },
    ...behind,
  });
  const gatewayAt: Fleet["gatewayAt"] = (socket) =>
    startGateway({
      config: gatewayConfig(socket) as unknown as Json,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      ...(resolve === undefined ? {} : { resolve }),
    });
  const add = async (more: Record<string, unknown> = {}): Promise<Replica> => {
    const n = replicas.length;
    const socket = join(folder, `s${n}`, "pdp.sock");
    const log = join(folder, `decisions-${n}.jsonl`);
    const { state, fences, ...rest }: Record<string, object | undefined> = { ...config, ...more } as never;
    const sidecar = await startSidecar({
      bundles: [join(folder, "policy")],
      addresses: [`unix://${socket}`, "127.0.0.1:0"],
      diagnosticAddresses: [],
      config: {
        decision_logs: { console: false, file: log },
        identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
        ...(state === undefined ? {} : { state: { wait_ms: 5_000, ...state } }),
        fences: { stale_after_ms: 30_000, ...fences },
        ...rest,
      } as never,
      sets: [],
      watch: false,
      cacheDir: bundleCache,
      log: { level: "error", format: "json" },
      version: "test",
    });
    const gateway = await gatewayAt(socket);
    const replica: Replica = {
      ...{ sidecar, gateway, url: gateway.address, log, socket },
      async close() {
        await gateway.close();
        await sidecar.close();
      },
    };
    replicas.push(replica);
    return replica;
  };
  for (let n = 0; n < count; n++) await add();
  const request: Fleet["request"] = async ({ url }, path, body, how = {}, method = "POST") => {
    const { user = "alice", claims, task, signal } = how;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(user, claims)}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(task === undefined ? {} : { "x-countersign-task": task }),
        ...how.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    how.begun?.();
    const text = await response.text();
    const { headers, status } = response;
    const reasons = /"code":"([a-z_]+)"/.exec(text.replace(/\s/g, ""));
    return {
      ...{ status, text, headers },
      task: headers.get("x-countersign-task") ?? undefined,
      code: status === 200 && how.stream !== true ? undefined : reasons?.[1],
    };
  };
  return {
    ...{ replicas, upstream, tokenOf, add, gatewayAt },
    async addGateway({ socket }) {
      const file = join(folder, `gateway-${children.size}.json`);
      await writeFile(file, JSON.stringify(gatewayConfig(socket)));
      const child = spawn(process.execPath, [join(root, "bin/countersign.js"), "gateway", "-c", file], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.add(child);
      const url = await new Promise<string>((resolve, reject) => {
        let said = "";
        const listen = (chunk: Buffer): void => {
          said += String(chunk);
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
          if (found !== null) resolve(found[0]);
        };
        child.stdout.on("data", listen);
        child.stderr.on("data", listen);
        child.on("exit", () => {
          reject(new Error(`the gateway ended: ${said.slice(0, 500)}`));
        });
      });
      return { url, kill: () => void child.kill("SIGKILL") };
    },
    request,
    ask: (gateway, model, how = {}) =>
      request(
        gateway,
        "/v1/chat/completions",
        {
          ...{ model, stream: how.stream ?? false, max_tokens: how.most },
          messages: [{ role: "user", content: "hi" }],
        },
        how,
      ),
    async close() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(replicas.map((one) => one.close()));
      await upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const place = { region: "eu", environment: "prod" };

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

/** What a stream begins with, and says again and again. */
interface Said {
  readonly first?: readonly object[];
  readonly word: object;
}

const openai: Said = {
  word: {
    ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" },
    choices: [{ index: 0, delta: { content: "word " }, finish_reason: null }],
  },
};
const claude: Said = {
  first: [
    {
      type: "message_start",
      message: {
        ...{ id: "msg", type: "message", role: "assistant", model: "m", content: [], stop_reason: null },
        ...{ stop_sequence: null, usage: { input_tokens: 7, output_tokens: 1 } },
      },
    },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  ],
  word: { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "word " } },
};
const gemini: Said = {
  word: { candidates: [{ index: 0, content: { role: "model", parts: [{ text: "word " }] } }] },
};

/** Streams one token after the other until the client goes, or very many are sent. */
function streamTo(res: ServerResponse, { first = [], word }: Said): void {
  res.writeHead(200, { "content-type": "text/event-stream" });
  const say = (event: object): void => {
    const type = (event as { type?: string }).type;
    res.write(`${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`);
  };
  first.forEach(say);
  let sent = 0;
  const timer = setInterval(() => {
    say(word);
    if (++sent < 1_000) return;
    clearInterval(timer);
    res.end("data: [DONE]\n\n");
  }, 5);
  res.on("close", () => {
    clearInterval(timer);
  });
}
