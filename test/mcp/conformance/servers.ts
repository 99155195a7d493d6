/** Servers on the official SDKs of both lines that give what the conformance tool expects. */
import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { InMemoryEventStore } from "@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { ServerContext } from "@modelcontextprotocol/server";
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  Server as ModernServer,
  ProtocolError,
} from "@modelcontextprotocol/server";
import type { Asked, Values } from "./ask.js";
import { answerOf, Refused } from "./ask.js";
import * as contents from "./contents.js";
import { listTools, tools } from "./tools.js";

export interface Serving {
  readonly url: string;
  /** Says to all who subscribed that a resource changed. */
  readonly update: (uri: string) => void;
  /** Lets all calls go on that linger. */
  readonly release: () => void;
  readonly lingering: () => number;
  /** How many calls that lingered were cancelled. */
  readonly cancelled: () => number;
  close(): Promise<void>;
}

const who = { name: "conformance", version: "1" };

/** Takes requests for this machine only: a page in a browser can be led here under another name. */
async function listen(serve: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const http = createServer((req, res) => {
    const { host = "", origin } = req.headers;
    const isHere = (name: string): boolean => /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(name);
    if (!isHere(host) || (origin !== undefined && !isHere(origin.replace(/^https?:\/\//, "")))) {
      res.writeHead(403).end();
      return;
    }
    serve(req, res);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => {
          resolve();
        });
        http.closeAllConnections();
      }),
  };
}

/** Gives errors the SDK's own form. */
async function orFail<T>(
  make: (code: number, message: string, data: unknown) => Error,
  work: () => T,
): Promise<Awaited<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) throw make(error.code, error.message, error.data);
    throw error;
  }
}

interface Named {
  readonly name: string;
  readonly arguments?: unknown;
}

const asV1 = (code: number, message: string, data: unknown): Error => new McpError(code, message, data);
const asV2 = (code: number, message: string, data: unknown): Error => new ProtocolError(code, message, data);

interface Gate extends Pick<Serving, "release" | "lingering" | "cancelled"> {
  readonly hold: (signal: AbortSignal) => Promise<boolean>;
}

function createGate(): Gate {
  const waiting = new Set<(released: boolean) => void>();
  let cancelled = 0;
  return {
    ...{ cancelled: () => cancelled, lingering: () => waiting.size },
    release() {
      for (const resolve of waiting) resolve(true);
    },
    hold: (signal) =>
      new Promise((resolve) => {
        const settle = (released: boolean): void => {
          waiting.delete(settle);
          if (!released) cancelled++;
          resolve(released);
        };
        waiting.add(settle);
        signal.addEventListener("abort", () => {
          settle(false);
        });
      }),
  };
}

function buildSession(subscribed: Set<string>, gate: Gate): Server {
  const server = new Server(who, { capabilities: { ...contents.capabilities, logging: {} } });
  type Extra = Parameters<Parameters<typeof server.setRequestHandler>[1]>[1];
  const asked = (params: Named, extra: Extra): Asked => ({
    args: (params.arguments ?? {}) as Values,
    progressToken: extra._meta?.progressToken,
    capabilities: (server.getClientCapabilities() ?? {}) as Values,
    notify: (method, more) => extra.sendNotification({ method, params: more } as never),
    ask: (method, more) => extra.sendRequest({ method, params: more } as never, ResultSchema),
    ...{ answers: {}, state: undefined },
    closeStream: () => extra.closeSSEStream?.(),
    changed(what) {
      void (what === "tools" ? server.sendToolListChanged() : server.sendPromptListChanged());
    },
    held: () => gate.hold(extra.signal),
  });
  const handle = (schema: unknown, take: (params: never, extra: Extra) => unknown): void => {
    server.setRequestHandler(
      schema as typeof CallToolRequestSchema,
      (request, extra) =>
        orFail(asV1, () => take(request.params as never, extra as Extra)) as Promise<{ content: [] }>,
    );
  };
  handle(ListToolsRequestSchema, () => ({ tools: listTools() }));
  handle(CallToolRequestSchema, (params: Named, extra) => answerOf(tools, params.name, asked(params, extra)));
  handle(ListPromptsRequestSchema, () => ({ prompts: contents.listPrompts() }));
  handle(GetPromptRequestSchema, (params: Named, extra) =>
    answerOf(contents.prompts, params.name, asked(params, extra)),
  );
  handle(ListResourcesRequestSchema, () => ({ resources: contents.resources }));
  handle(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: contents.templates }));
  handle(ReadResourceRequestSchema, ({ uri }: { uri: string }) => contents.readResource(uri));
  handle(CompleteRequestSchema, ({ argument }: { argument: { value: string } }) =>
    contents.complete(argument.value),
  );
  handle(SubscribeRequestSchema, ({ uri }: { uri: string }) => (subscribed.add(uri), {}));
  handle(UnsubscribeRequestSchema, ({ uri }: { uri: string }) => (subscribed.delete(uri), {}));
  return server;
}

/** Starts a server with sessions, of 2025-11-25 and before. */
export async function serveSessions(): Promise<Serving> {
  const sessions = new Map<
    string,
    { transport: StreamableHTTPServerTransport; server: Server; subscribed: Set<string> }
  >();
  const gate = createGate();
  const handle: RequestListener = (req, res) => {
    const begin = async (): Promise<void> => {
      const id = req.headers["mcp-session-id"];
      const known = sessions.get(String(id));
      if (known !== undefined) return known.transport.handleRequest(req, res);
      if (id !== undefined) return void res.writeHead(404).end();
      const subscribed = new Set<string>();
      const server = buildSession(subscribed, gate);
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        ...{ eventStore: new InMemoryEventStore(), retryInterval: 50 },
        onsessioninitialized: (made) => void sessions.set(made, { transport, server, subscribed }),
        onsessionclosed: (gone) => void sessions.delete(gone),
      });
      // the SDK's own types disagree under exactOptionalPropertyTypes
      await server.connect(transport as Transport);
      return transport.handleRequest(req, res);
    };
    begin().catch(() => res.destroy());
  };
  const { url, close } = await listen(handle);
  return {
    ...gate,
    url,
    async close() {
      for (const { server } of sessions.values()) await server.close();
      await close();
    },
    update(uri) {
      for (const { server, subscribed } of sessions.values())
        if (subscribed.has(uri)) void server.sendResourceUpdated({ uri });
    },
  };
}

/** Starts a server of 2026-07-28. */
export async function serveStateless(): Promise<Serving> {
  const gate = createGate();
  const handler = createMcpHandler(
    () => {
      const server = new ModernServer(who, { capabilities: { ...contents.capabilities, logging: {} } });
      const asked = (params: { arguments?: unknown }, { mcpReq, http }: ServerContext): Asked => ({
        args: (params.arguments ?? {}) as Values,
        progressToken: mcpReq._meta?.progressToken,
        capabilities: ((mcpReq.envelope as Values | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ??
          {}) as Values,
        // holds to the level that the request says
        notify: (method, more) =>
          method === "notifications/message"
            ? mcpReq.log(more["level"] as "info", more["data"])
            : mcpReq.notify({ method, params: more }),
        answers: mcpReq.inputResponses ?? {},
        state: mcpReq.requestState<string>(),
        closeStream: () => http?.closeSSE?.(),
        changed(what) {
          if (what === "tools") handler.notify.toolsChanged();
          else handler.notify.promptsChanged();
        },
        held: () => gate.hold(mcpReq.signal),
      });
      const take = <T>(work: () => T): Promise<never> => orFail(asV2, work) as Promise<never>;
      server.setRequestHandler("tools/list", () => take(() => ({ tools: listTools() })));
      server.setRequestHandler("tools/call", ({ params }, context) =>
        take(() => answerOf(tools, params.name, asked(params, context))),
      );
      server.setRequestHandler("prompts/list", () => take(() => ({ prompts: contents.listPrompts() })));
      server.setRequestHandler("prompts/get", ({ params }, context) =>
        take(() => answerOf(contents.prompts, params.name, asked(params, context))),
      );
      server.setRequestHandler("resources/list", () => take(() => ({ resources: contents.resources })));
      server.setRequestHandler("resources/templates/list", () =>
        take(() => ({ resourceTemplates: contents.templates })),
      );
      server.setRequestHandler("resources/read", ({ params }) =>
        take(() => contents.readResource(params.uri)),
      );
      server.setRequestHandler("completion/complete", ({ params }) =>
        take(() => contents.complete(params.argument.value)),
      );
      return server;
    },
    { legacy: "reject" },
  );
  const node = toNodeHandler(handler);
  const { url, close } = await listen((req, res) => {
    node(req as Parameters<typeof node>[0], res).catch(() => res.destroy());
  });
  return {
    ...gate,
    url,
    update(uri) {
      handler.notify.resourceUpdated(uri);
    },
    async close() {
      await handler.close();
      await close();
    },
  };
}
