/** A tool server on the official SDK, with sessions, that remembers what it gets. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { z } from "zod";

export interface ToolServer {
  readonly url: string;
  readonly received: {
    readonly method: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[];
  close(): Promise<void>;
}

function buildServer(): McpServer {
  const server = new McpServer({ name: "files", version: "1" });
  server.registerTool("read_file", { inputSchema: { path: z.string() } }, ({ path }) => ({
    content: [{ type: "text", text: `content of ${path}` }],
  }));
  server.registerTool("delete_file", { inputSchema: { path: z.string() } }, () => ({
    content: [{ type: "text", text: "gone" }],
  }));
  server.registerTool("count", { inputSchema: {} }, async (_args, extra) => {
    const token = extra._meta?.progressToken;
    if (token !== undefined) {
      for (const progress of [1, 2]) {
        await extra.sendNotification({
          method: "notifications/progress",
          params: { progressToken: token, progress, total: 2 },
        });
      }
    }
    return { content: [{ type: "text", text: "two" }] };
  });
  server.registerPrompt("greet", {}, () => ({ messages: [] }));
  return server;
}

export async function startToolServer(json: boolean): Promise<ToolServer> {
  const received: ToolServer["received"] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ method: req.method ?? "", headers: req.headers, body });
      const value: unknown = body === "" ? undefined : JSON.parse(body);
      const known = sessions.get(String(req.headers["mcp-session-id"]));
      const serve = async (): Promise<void> => {
        if (known !== undefined) return known.handleRequest(req, res, value);
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          enableJsonResponse: json,
          onsessioninitialized: (id) => {
            sessions.set(id, transport);
          },
        });
        // the SDK's own types disagree under exactOptionalPropertyTypes
        await buildServer().connect(transport as Transport);
        return transport.handleRequest(req, res, value);
      };
      serve().catch(() => res.destroy());
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    received,
    close: () =>
      new Promise((resolve) => {
        http.close(() => {
          resolve();
        });
        http.closeAllConnections();
      }),
  };
}
