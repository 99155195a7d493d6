/** No header of a caller's reaches an upstream, whatever it is called: attacks on the three kinds of routes. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { upstreamHeaders } from "../../gateway/forward/headers.js";
import { heads, value } from "./stripping.cases.js";
import type { FakeSidecar } from "./world.js";
import { callerToken, providerKey, sendRaw, startWorld, type World } from "./world.js";

interface Recorder {
  readonly url: string;
  /** Names and values as they came, one list for each request. */
  readonly raw: string[][];
  close(): Promise<void>;
}

/** An upstream that answers every protocol and keeps the raw headers. */
async function startRecorder(): Promise<Recorder> {
  const raw: string[][] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as {
        id?: unknown;
        method?: string;
      };
      // what links do for themselves carries less
      const own = method === "server/discover" || method === "tools/list";
      if (!own) raw.push([...req.rawHeaders, ...req.rawTrailers]);
      const results: Record<string, object> = {
        "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
        "tools/list": { tools: [{ name: "read", inputSchema: { type: "object" } }] },
      };
      const result = { resultType: "complete", ...(results[method ?? ""] ?? { content: [] }) };
      const answers: Record<string, object> = {
        "/mcp": { jsonrpc: "2.0", id, result },
        "/v1/messages": {
          ...{ id: "m", type: "message", role: "assistant", model: "m", content: [] },
          ...{ stop_reason: "end_turn", usage: { input_tokens: 1, output_tokens: 1 } },
        },
      };
      const answer = answers[req.url ?? ""] ?? { documents: [], choices: [], object: "chat.completion" };
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    raw,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

const token = "header.payload.signature";
const assertion = { audience: "https://upstream.internal" };
const place = { region: "eu", environment: "prod" };
const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "read", arguments: {} } };

const routes = [
  {
    name: "model",
    path: "/v1/chat/completions",
    body: { model: "m", messages: [{ role: "user", content: "hi" }] },
    own: [
      "accept",
      "accept-encoding",
      "authorization",
      "connection",
      "content-length",
      "content-type",
      "host",
    ],
  },
  {
    name: "messages",
    path: "/v1/messages",
    body: { model: "claude", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
    own: [
      ...["accept", "accept-encoding", "anthropic-version", "connection", "content-length", "content-type"],
      ...["host", "x-api-key"],
    ],
  },
  {
    name: "tool",
    path: "/mcp/files",
    body: call,
    own: [
      ...["accept", "accept-encoding", "connection", "content-length", "content-type", "host"],
      ...["mcp-method", "mcp-name", "mcp-protocol-version"],
    ],
  },
  {
    name: "retrieval",
    path: "/v1/retrieval/handbook/query",
    body: { query: "q", top_k: 1 },
    own: ["accept", "accept-encoding", "connection", "content-length", "content-type", "host"],
  },
] as const;

describe.each([
  ["gets an assertion", true],
  ["gets none", false],
])("an upstream that %s", (_name, asserted) => {
  let world: World;
  let sidecar: FakeSidecar;
  let recorder: Recorder;
  beforeAll(async () => {
    recorder = await startRecorder();
    const more = asserted ? { assertion } : {};
    world = await startWorld({
      config: {
        upstreams: {
          main: { url: recorder.url, api_key: { value: providerKey }, ...more },
          claude: { url: recorder.url, protocol: "anthropic", api_key: { value: providerKey }, ...more },
        },
        models: {
          m: { upstream: "main", provider: "p", ...place },
          claude: { upstream: "claude", provider: "anthropic", ...place },
        },
        servers: { files: { url: `${recorder.url}/mcp`, ...more } },
        collections: {
          handbook: { url: `${recorder.url}/query`, classification: "internal", ...place, ...more },
        },
      },
    });
    ({ sidecar } = world);
    sidecar.decide = () => ({ allow: true, assertion: { token, id: "j" } });
  });
  afterAll(async () => {
    await world.close();
    await recorder.close();
  });
  beforeEach(() => {
    recorder.raw.length = 0;
  });

  const send = (path: string, body: unknown, lines: readonly string[]): Promise<string> => {
    const text = JSON.stringify(body);
    const head = [
      `POST ${path} HTTP/1.1`,
      "host: localhost",
      "content-type: application/json",
      `content-length: ${text.length}`,
      ...(lines.some((line) => line.startsWith("authorization"))
        ? []
        : [`authorization: Bearer ${callerToken}`]),
      ...(lines.some((line) => line.startsWith("connection")) ? [] : ["connection: close"]),
      ...lines,
    ];
    return sendRaw(world.port, Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`).toString());
  };

  describe.each(routes)("on the $name route", ({ path, body, own }) => {
    test("gets its own headers, and only those", async () => {
      expect(await send(path, body, [])).toMatch(/^HTTP\/1\.1 200/);
      const [headers = []] = recorder.raw;
      const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
      expect(names.sort()).toEqual([...own, ...(asserted ? ["x-countersign-assertion"] : [])].sort());
      expect(headers.includes(token)).toBe(asserted);
    });

    test.each(heads)("sees nothing of %s", async (_attack, lines) => {
      const answer = await send(path, body, lines);
      // refused, or forwarded without it
      expect(answer).toMatch(/^HTTP\/1\.1 (?:200|4\d\d)/);
      const seen = recorder.raw.flat().join("\n");
      expect(seen).not.toContain(value);
      expect(seen).not.toContain(callerToken);
      for (const headers of recorder.raw) {
        const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
        const extra = names.filter((name) => !(own as readonly string[]).includes(name));
        expect(extra).toEqual(asserted ? ["x-countersign-assertion"] : []);
      }
    });
  });

  test("most attacks reach the upstream: what is compared above isn't an empty list", async () => {
    let forwarded = 0;
    for (const [, lines] of heads) {
      if ((await send("/v1/chat/completions", routes[0].body, lines)).startsWith("HTTP/1.1 200")) forwarded++;
    }
    expect(forwarded).toBeGreaterThan(heads.length / 2);
    expect(recorder.raw.length).toBe(forwarded);
  });
});

describe("the headers of a request to an upstream", () => {
  const sources = {
    protocol: { accept: "a" },
    hasBody: true,
    own: {},
    wanted: undefined,
    assertion: undefined,
  } as const;
  const plain = { accept: "a", "content-type": "application/json", "accept-encoding": "identity" };
  const wanted = { header: "x-who", request: assertion };

  test("take no name that isn't listed, even from our own code", () => {
    const protocol = { accept: "a", "x-countersign-assertion": value, X_User: value };
    expect(upstreamHeaders({ ...sources, protocol })).toEqual(plain);
  });
  test("hold an assertion where one is wanted; without it there are none at all", () => {
    const signed = { token, id: "j" };
    expect(upstreamHeaders({ ...sources, wanted, assertion: signed })).toEqual({ ...plain, "x-who": token });
    expect(upstreamHeaders({ ...sources, assertion: signed })).toEqual(plain);
    expect(upstreamHeaders({ ...sources, wanted })).toBeUndefined();
  });
});
