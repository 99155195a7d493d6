/** A tool server in a few lines, of either era, that remembers what it gets; and a client that says what a test wants. */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Served, World } from "../../world.js";
import { callerToken, startUpstream, startWorld } from "../../world.js";

export interface Rpc {
  readonly jsonrpc: "2.0";
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

/** What a server can say to one request. */
export interface Saying {
  readonly headers: IncomingHttpHeaders;
  /** Answers; the id is the request's own. */
  reply(result: Record<string, unknown>): void;
  fail(code: number, message: string, data?: unknown): void;
  /** Sends a message before the reply: the answer becomes a stream. */
  say(message: Record<string, unknown>): void;
  readonly res: ServerResponse;
}

export type Serve = (message: Rpc & { readonly params: Record<string, unknown> }, saying: Saying) => void;

export interface ToolServer {
  readonly url: string;
  readonly http: Served;
  /** Messages that came, without what the gateway does for itself (handshake, lists of tools). */
  readonly got: Rpc[];
  readonly all: Rpc[];
  serve: Serve;
  tools: Record<string, unknown>[];
  close(): Promise<void>;
}

export const tool = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  name,
  inputSchema: { type: "object" },
  ...more,
});

const own: ReadonlySet<string> = new Set([
  ...["initialize", "notifications/initialized", "server/discover", "tools/list"],
]);

export async function startServer(
  era: "session" | "stateless",
  capabilities: Record<string, unknown> = {
    tools: {},
    resources: {},
    prompts: {},
    completions: {},
    logging: {},
  },
): Promise<ToolServer> {
  const [got, all]: [Rpc[], Rpc[]] = [[], []];
  let sessions = 0;
  const http = await startUpstream((req, res, body) => {
    if (req.method !== "POST") {
      res.writeHead(req.method === "DELETE" ? 200 : 405).end();
      return;
    }
    const message = JSON.parse(body) as Rpc;
    all.push(message);
    const params = message.params ?? {};
    if (!own.has(message.method ?? "")) got.push(message);
    if (message.id === undefined || message.method === undefined) {
      if (!own.has(message.method ?? ""))
        server.serve({ ...message, params }, saying(res, message, req.headers));
      if (!res.headersSent) res.writeHead(202).end();
      return;
    }
    const said = saying(res, message, req.headers);
    if (message.method === "initialize") {
      if (era === "stateless") {
        said.fail(-32601, "no such method");
        return;
      }
      res.setHeader("mcp-session-id", `upstream-${++sessions}`);
      said.reply({ protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "lab", version: "1" } });
    } else if (message.method === "server/discover") {
      if (era === "session") said.fail(-32601, "no such method");
      else said.reply({ supportedVersions: ["2026-07-28"], capabilities, ttlMs: 0, cacheScope: "public" });
    } else if (message.method === "tools/list") said.reply({ tools: server.tools });
    else server.serve({ ...message, params }, said);
  });
  const server: ToolServer = {
    ...{ url: `${http.url}/mcp`, http, got, all, tools: [tool("read"), tool("write")] },
    serve: (_message, { reply }) => {
      reply({ content: [{ type: "text", text: "done" }] });
    },
    close: () => http.close(),
  };
  const saying = (res: ServerResponse, message: Rpc, headers: IncomingHttpHeaders): Saying => {
    const write = (value: Record<string, unknown>, last: boolean): void => {
      const text = JSON.stringify({ jsonrpc: "2.0", ...value });
      if (last && !res.headersSent) {
        res.writeHead(200, { "content-type": "application/json" }).end(text);
        return;
      }
      if (!res.headersSent) res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`event: message\ndata: ${text}\n\n`);
      if (last) res.end();
    };
    const complete = era === "stateless" ? { resultType: "complete" } : {};
    return {
      ...{ headers, res },
      reply: (result) => {
        write({ id: message.id, result: { ...complete, ...result } }, true);
      },
      fail: (code, text, data) => {
        write({ id: message.id, error: { code, message: text, data } }, true);
      },
      say: (value) => {
        write(value, false);
      },
    };
  };
  return server;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** All messages of the answer, in order. */
  readonly messages: Rpc[];
  /** The last. */
  readonly last: Rpc;
  /** The ids of its events. */
  readonly events: string[];
}

export interface LabClient {
  readonly session: string | undefined;
  /** Posts a message as it is. */
  post(message: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Sends a request and reads all of its answer. */
  ask(method: string, params?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answered>;
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** Reads all of an answer. `onMessage` hears what comes before the end. */
export async function readAnswer(
  response: Response,
  onMessage: (message: Rpc) => void = () => undefined,
): Promise<Answered> {
  const messages: Rpc[] = [];
  const events: string[] = [];
  const take = (text: string): void => {
    if (text === "") return;
    const message = JSON.parse(text) as Rpc;
    messages.push(message);
    onMessage(message);
  };
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      rest += decoder.decode(chunk, { stream: true });
      const parts = rest.split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const id = /^id: (.*)$/m.exec(part)?.[1];
        if (id !== undefined) events.push(id);
        take(/^data: (.*)$/m.exec(part)?.[1] ?? "");
      }
    }
  } else take(await response.text());
  const last = messages.at(-1) ?? { jsonrpc: "2.0" };
  return { status: response.status, headers: response.headers, messages, last, events };
}

const takes = "application/json, text/event-stream";
let ids = 0;

/** Opens a client with a session. */
export async function openSession(
  world: Pick<World, "url">,
  route = "/mcp/lab",
  capabilities: Record<string, unknown> = {},
  token = callerToken,
): Promise<LabClient> {
  const url = `${world.url}${route}`;
  const base = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: takes };
  const hello = await fetch(url, {
    ...{ method: "POST", headers: base },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: "hello", method: "initialize" },
      params: { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "t", version: "1" } },
    }),
  });
  await hello.text();
  const session = hello.headers.get("mcp-session-id") ?? undefined;
  const headers =
    session === undefined
      ? base
      : { ...base, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
  const post: LabClient["post"] = (message, more = {}) =>
    fetch(url, {
      ...{ method: "POST", headers: { ...headers, ...more } },
      body: typeof message === "string" ? message : JSON.stringify(message),
    });
  return {
    ...{ session, url, headers, post },
    ask: async (method, params, more) =>
      readAnswer(await post({ jsonrpc: "2.0", id: ++ids, method, params }, more)),
  };
}

/** Makes a client of the stateless era. */
export function stateless(
  world: Pick<World, "url">,
  route = "/mcp/lab",
  capabilities: Record<string, unknown> = {},
  token = callerToken,
): LabClient {
  const url = `${world.url}${route}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: takes };
  const post: LabClient["post"] = (message, more = {}) =>
    fetch(url, {
      ...{ method: "POST", headers: { ...headers, ...more } },
      body: typeof message === "string" ? message : JSON.stringify(message),
    });
  return {
    ...{ session: undefined, url, headers, post },
    ask: async (method, params = {}, more = {}) => {
      const _meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities,
        ...(params["_meta"] as object | undefined),
      };
      const name = params["name"] ?? params["uri"];
      const named =
        ["tools/call", "prompts/get", "resources/read"].includes(method) && typeof name === "string";
      return readAnswer(
        await post(
          { jsonrpc: "2.0", id: ++ids, method, params: { ...params, _meta } },
          {
            ...{ "mcp-protocol-version": "2026-07-28", "mcp-method": method },
            ...(named ? { "mcp-name": name } : {}),
            ...more,
          },
        ),
      );
    },
  };
}

/** Starts a gateway before tool servers. */
export function startLab(
  servers: Record<string, ToolServer>,
  config: Record<string, unknown> = {},
): Promise<World> {
  return startWorld({
    config: {
      servers: Object.fromEntries(Object.entries(servers).map(([name, { url }]) => [name, { url }])),
      ...config,
    },
  });
}
