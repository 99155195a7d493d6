/** A tool server of both eras that does nothing else, a process of its own: `/{server}` has the tools of that name. */
import { createServer } from "node:http";

const [, , count = "20"] = process.argv;
const tools = Array.from({ length: Number(count) }, (_, i) => ({
  name: `tool_${String(i).padStart(2, "0")}`,
  description: `Looks something up, in the way of number ${i}: give the text to look for, and get what was found.`,
  inputSchema: {
    type: "object",
    properties: { text: { type: "string", description: "what to look for" } },
    required: ["text"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
}));

interface Message {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: { readonly arguments?: { readonly text: string }; readonly _meta?: object };
}

const version = "io.modelcontextprotocol/protocolVersion";
const capabilities = { tools: {} };
let sessions = 0;

function resultOf({ method, params }: Message): object | undefined {
  switch (method) {
    case "initialize":
      return { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "bench", version: "1" } };
    case "server/discover":
      return { supportedVersions: ["2026-07-28"], capabilities, ttlMs: 0, cacheScope: "public" };
    case "tools/list":
      return { tools, ttlMs: 0, cacheScope: "public" };
    case "tools/call":
      return { content: [{ type: "text", text: `found ${params?.arguments?.text ?? ""}` }] };
    case "ping":
      return {};
    default:
      return undefined;
  }
}

/** Answers a message. Servers whose name begins with `m` are of 2026-07-28 only, all others of 2025-11-25 only. */
function answer(path: string, message: Message): object {
  const { id, params } = message;
  const modern = path.startsWith("/m");
  const meta = (params?._meta ?? {}) as Record<string, unknown>;
  const other = modern ? message.method === "initialize" : meta[version] !== undefined;
  const result = other ? undefined : resultOf(message);
  if (result === undefined) return { jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } };
  return { jsonrpc: "2.0", id, result: modern ? { resultType: "complete", ...result } : result };
}

const server = createServer((req, res) => {
  const parts: Buffer[] = [];
  req.on("data", (part: Buffer) => parts.push(part));
  req.on("end", () => {
    if (req.method !== "POST") {
      res.writeHead(req.method === "DELETE" ? 200 : 405).end();
      return;
    }
    const message = JSON.parse(Buffer.concat(parts).toString()) as Message;
    if (message.id === undefined) {
      res.writeHead(202).end();
      return;
    }
    if (message.method === "initialize") res.setHeader("mcp-session-id", `s-${++sessions}`);
    const text = JSON.stringify(answer(req.url ?? "", message));
    res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    res.end(text);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.stderr.write(`listens on http://127.0.0.1:${port}\n`);
});
