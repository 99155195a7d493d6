/** Tool servers on the official SDKs of both lines: one with sessions (and all that hangs on them), one without. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { InMemoryEventStore } from "@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  McpServer as ModernServer,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Received } from "../../world.js";

export interface Running {
  readonly url: string;
  readonly received: Received[];
  /** Has each of its sessions say that its tools changed. */
  readonly change: () => void;
  /** Forgets all sessions. */
  readonly forget: () => void;
  readonly cancelled: () => number;
  close(): Promise<void>;
}

function buildServer(onCancel: () => void): McpServer {
  const server = new McpServer(
    { name: "files", version: "1" },
    { capabilities: { logging: {}, tools: { listChanged: true } }, instructions: "be kind" },
  );
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, (args) => text(args.text));
  server.registerTool("count", { inputSchema: {} }, async (_args, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [1, 2]) {
      const params = { progressToken: progressToken ?? "", progress, total: 2 };
      await extra.sendNotification({ method: "notifications/progress", params });
    }
    return text("two");
  });
  server.registerTool("ask", { inputSchema: {} }, async (_args, extra) => {
    const params = {
      mode: "form" as const,
      message: "who?",
      requestedSchema: { type: "object" as const, properties: {} },
    };
    const answer = await extra.sendRequest({ method: "elicitation/create", params }, ElicitResultSchema);
    return text(answer.action);
  });
  server.registerTool("wait", { inputSchema: {} }, async (_args, { signal }) => {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        onCancel();
        resolve();
      });
    });
    return text("over");
  });
  server.registerTool("poll", { inputSchema: {} }, async (_args, extra) => {
    extra.closeSSEStream?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return text("after the break");
  });
  server.registerResource("note", "note://é", {}, () => ({ contents: [{ uri: "note://é", text: "hi" }] }));
  return server;
}

async function listen(
  received: Received[],
  serve: (req: IncomingMessage, body: unknown) => RequestListener,
): Promise<{ url: string; close(): Promise<void> }> {
  const http = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ method: req.method ?? "", path: req.url ?? "", headers: req.headers, body });
      const value: unknown = body === "" ? undefined : JSON.parse(body);
      Promise.resolve(serve(req, value)(req, res)).catch(() => res.destroy());
    });
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

/** @param json answers as JSON, where it is one message */
export async function startSessions({ json = false, resumable = false } = {}): Promise<Running> {
  const received: Received[] = [];
  const sessions = new Map<string, { transport: StreamableHTTPServerTransport; server: McpServer }>();
  let cancelled = 0;
  const { url, close } = await listen(received, (req, value) => async (_req, res) => {
    const known = sessions.get(String(req.headers["mcp-session-id"]));
    if (known !== undefined) return known.transport.handleRequest(req, res, value);
    if (req.headers["mcp-session-id"] !== undefined) {
      return void res
        .writeHead(404, { "content-type": "application/json" })
        .end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
    }
    const server = buildServer(() => cancelled++);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: json,
      ...(resumable ? { eventStore: new InMemoryEventStore(), retryInterval: 10 } : {}),
      onsessioninitialized: (id) => void sessions.set(id, { transport, server }),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    // the SDK's own types disagree under exactOptionalPropertyTypes
    await server.connect(transport as Transport);
    return transport.handleRequest(req, res, value);
  });
  return {
    ...{ url, received, close, cancelled: () => cancelled },
    change: () => {
      for (const { server } of sessions.values()) server.sendToolListChanged();
    },
    forget: () => {
      sessions.clear();
    },
  };
}

export async function startModern(legacy: "stateless" | "reject" = "reject"): Promise<Running> {
  const received: Received[] = [];
  let cancelled = 0;
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  const handler = createMcpHandler(
    () => {
      const server = new ModernServer(
        { name: "modern", version: "2" },
        { capabilities: { tools: { listChanged: true } } },
      );
      server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text: said }) =>
        text(said),
      );
      server.registerTool("count", { inputSchema: z.object({}) }, async (_args, ctx) => {
        const progressToken = ctx.mcpReq._meta?.progressToken;
        if (progressToken !== undefined)
          await ctx.mcpReq.notify({
            method: "notifications/progress",
            params: { progressToken, progress: 1 },
          });
        return text("two");
      });
      server.registerTool("ask", { inputSchema: z.object({}) }, () =>
        inputRequired({
          inputRequests: {
            who: inputRequired.elicit({
              message: "who?",
              requestedSchema: { type: "object", properties: {} },
            }),
          },
        }),
      );
      server.registerTool("wait", { inputSchema: z.object({}) }, async (_args, ctx) => {
        await new Promise<void>((resolve) => {
          ctx.mcpReq.signal.addEventListener("abort", () => {
            cancelled++;
            resolve();
          });
        });
        return text("over");
      });
      const region = { type: "string", "x-mcp-header": "Region" };
      const inputSchema = fromJsonSchema<{ region: string }>({ type: "object", properties: { region } });
      server.registerTool("place", { inputSchema }, (args) => text(args.region));
      server.registerPrompt("é", {}, () => ({ messages: [] }));
      return server;
    },
    { legacy },
  );
  const node = toNodeHandler(handler);
  const { url, close } = await listen(
    received,
    (_req, value) => (req, res) => node(req as Parameters<typeof node>[0], res, value),
  );
  return {
    ...{ url, received, cancelled: () => cancelled },
    change: () => {
      handler.notify.toolsChanged();
    },
    forget: () => undefined,
    async close() {
      await handler.close();
      await close();
    },
  };
}

/** A server of 2024-11-05. */
export async function startLegacy(): Promise<Running> {
  const received: Received[] = [];
  const sessions = new Map<string, { transport: SSEServerTransport; server: McpServer }>();
  let cancelled = 0;
  const { url, close } = await listen(received, (req, value) => async (_req, res) => {
    if (req.method === "GET") {
      const transport = new SSEServerTransport("/messages", res);
      const server = buildServer(() => cancelled++);
      sessions.set(transport.sessionId, { transport, server });
      return server.connect(transport);
    }
    const id = new URL(req.url ?? "", "http://here").searchParams.get("sessionId") ?? "";
    const known = sessions.get(id);
    if (known === undefined) return void res.writeHead(404).end();
    return known.transport.handlePostMessage(req, res, value);
  });
  return {
    ...{ url, received, close, cancelled: () => cancelled },
    change: () => {
      for (const { server } of sessions.values()) server.sendToolListChanged();
    },
    forget: () => {
      for (const { transport } of sessions.values()) void transport.close();
    },
  };
}
