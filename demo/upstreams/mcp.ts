/** Two tool servers on the official MCP SDK: `/files` works on a real folder, `/search` on the demo's documents. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { z } from "zod";
import { collections } from "./documents.js";
import type { Received, Upstream } from "./listen.js";
import { listenOn, receive } from "./listen.js";
import { search } from "./search.js";

export interface McpServerOptions {
  readonly port: number;
  /** Folder that the file tools work in; filled with a few documents. */
  readonly root: string;
}

/** Starts both tool servers on loopback. */
export async function startMcpServer({ port, root }: McpServerOptions): Promise<Upstream> {
  await mkdir(join(root, "workspace"), { recursive: true });
  await mkdir(join(root, "public"), { recursive: true });
  await writeFile(join(root, "workspace", "plan.md"), "# Plan\n\nShip the evaluation report on Friday.\n");
  await writeFile(join(root, "public", "welcome.md"), "# Welcome\n\nThis folder is for everybody.\n");
  const received: Received[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const upstream = await listenOn(port, received, (req, res) => {
    void (async () => {
      const noted = await receive(req, received);
      const make = servers[(req.url ?? "").slice(1)];
      if (make === undefined) {
        res.writeHead(404).end();
        return;
      }
      await serve(req, res, noted, sessions, () => make(root));
    })();
  });
  return {
    ...upstream,
    async close() {
      for (const transport of sessions.values()) await transport.close();
      await upstream.close();
    },
  };
}

/** Streamable HTTP as in the SDK's guide; a request without session that opens none is answered statelessly. */
async function serve(
  req: IncomingMessage,
  res: ServerResponse,
  { body }: Received,
  sessions: Map<string, StreamableHTTPServerTransport>,
  make: () => McpServer,
): Promise<void> {
  const id = req.headers["mcp-session-id"];
  const known = typeof id === "string" ? sessions.get(id) : undefined;
  const message: unknown = body.length === 0 ? undefined : JSON.parse(body.toString());
  if (known !== undefined) return known.handleRequest(req, res, message);
  if (id !== undefined) {
    res.writeHead(404).end();
    return;
  }
  const opens = (message as { method?: string } | undefined)?.method === "initialize";
  const transport = opens
    ? new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session) => {
          sessions.set(session, transport);
        },
        onsessionclosed: (session) => {
          sessions.delete(session);
        },
      })
    : new StreamableHTTPServerTransport({ enableJsonResponse: true });
  // the SDK's own types disagree under exactOptionalPropertyTypes
  await make().connect(transport as unknown as Transport);
  await transport.handleRequest(req, res, message);
}

const servers: Readonly<Record<string, (root: string) => McpServer>> = {
  files: createFiles,
  search: createSearch,
};

function createFiles(root: string): McpServer {
  const server = new McpServer({ name: "demo-files", version: "1.0.0" });
  const path = z.string().describe("absolute, e.g. /workspace/plan.md");
  // the tools keep to their folder themselves, too: the gateway isn't the only guard
  const locate = (name: string): string => join(root, normalize(`/${name}`));
  server.registerTool(
    "read_file",
    { description: "Reads a text file", inputSchema: { path } },
    async (args) => text(await readFile(locate(args.path), "utf8")),
  );
  server.registerTool(
    "write_file",
    { description: "Writes a text file", inputSchema: { path, content: z.string() } },
    async (args) => {
      await writeFile(locate(args.path), args.content);
      return text("written");
    },
  );
  server.registerTool(
    "delete_file",
    { description: "Deletes a file", inputSchema: { path } },
    async (args) => {
      await rm(locate(args.path));
      return text("deleted");
    },
  );
  return server;
}

function createSearch(): McpServer {
  const server = new McpServer({ name: "demo-search", version: "1.0.0" });
  server.registerTool(
    "web_search",
    { description: "Searches the public documents", inputSchema: { query: z.string() } },
    ({ query }) =>
      text(
        search(collections["public-docs"] ?? [], query, 3)
          .map((found) => found.text)
          .join("\n"),
      ),
  );
  return server;
}

function text(content: string): { content: { type: "text"; text: string }[] } {
  return { content: [{ type: "text", text: content }] };
}
