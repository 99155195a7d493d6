import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import type { ToolServer } from "./mcp-server.js";
import { startToolServer } from "./mcp-server.js";
import type { Served, World } from "./world.js";
import { allow, callerToken, deny, post, startUpstream, startWorld, subject } from "./world.js";

const rpc = (method: string, params?: unknown, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

const notify = (method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", method, params });

describe.each([
  ["answers in JSON", true],
  ["streams", false],
])("the official client, with a server that %s", (_name, json) => {
  let world: World;
  let server: ToolServer;
  let transport: StreamableHTTPClientTransport;
  let client: Client;

  const connect = async (name = "files"): Promise<Client> => {
    transport = new StreamableHTTPClientTransport(new URL(`${world.url}/mcp/${name}`), {
      requestInit: { headers: { authorization: `Bearer ${callerToken}` } },
    });
    const made = new Client({ name: "test", version: "1" }, { capabilities: { sampling: {} } });
    await made.connect(transport as Transport);
    return made;
  };

  beforeAll(async () => {
    server = await startToolServer(json);
    world = await startWorld({ mcpUrl: server.url });
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });
  beforeEach(async () => {
    world.sidecar.decide = allow;
    client = await connect();
    server.received.length = 0;
    world.sidecar.asked.length = 0;
  });
  afterEach(() => client.close());

  test("calls a tool: decided on name and arguments", async () => {
    const result = await client.callTool({ name: "read_file", arguments: { path: "/a" } });
    expect(result.content).toEqual([{ type: "text", text: "content of /a" }]);
    expect(world.sidecar.asked.at(-1)?.calls?.[0]).toMatchObject({
      kind: "tool",
      action: { name: "tool.call" },
      resource: {
        type: "tool",
        id: "files/read_file",
        properties: { server: "files", tool: "read_file", arguments: { path: "/a" } },
      },
    });
    expect(JSON.stringify(server.received)).not.toContain(callerToken);
  });

  test("a denied call raises its McpError, with decision and reasons, and does nothing", async () => {
    world.sidecar.decide = (call) =>
      call.resource.id === "files/delete_file" ? deny("tool.delete")(call, {} as never) : { allow: true };
    const error: unknown = await client
      .callTool({ name: "delete_file", arguments: { path: "/a" } })
      .catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(McpError);
    expect(error).toMatchObject({
      code: -32001,
      data: { reasons: [{ code: "tool.delete", rule: "model.tier" }] },
    });
    expect((error as { data: { decision_id: string } }).data.decision_id).toMatch(/^d-/);
    expect(server.received).toEqual([]);
  });

  test("a duty that nobody carries out for tools denies, on a call and in a list", async () => {
    const obligations = [{ id: "o", type: "limit_tokens", properties: { max_tokens: 1 } }];
    world.sidecar.decide = (call) =>
      call.resource.type === "tool" ? { allow: true, obligations } : { allow: true };
    await expect(client.callTool({ name: "read_file", arguments: { path: "/a" } })).rejects.toBeInstanceOf(
      McpError,
    );
    expect(server.received).toEqual([]);
    await expect(client.listTools()).rejects.toBeInstanceOf(McpError);
  });

  test("lists what may be called, and no word of the rest", async () => {
    world.sidecar.decide = (call) => ({ allow: call.resource.id !== "files/delete_file" });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["read_file", "count"]);
  });

  test("is told of tools only: what isn't carried isn't offered, in either direction", async () => {
    expect(Object.keys(client.getServerCapabilities() ?? {})).toEqual(["tools"]);
    server.received.length = 0;
    const other = await connect();
    const hello = JSON.parse(server.received[0]?.body ?? "") as { params: { capabilities: unknown } };
    expect(hello.params.capabilities).toEqual({});
    await other.close();
  });

  test("ends its session", async () => {
    await transport.terminateSession();
    expect(server.received.map(({ method }) => method)).toContain("DELETE");
  });

  test("gets progress while a call runs, where the server streams", async () => {
    const seen: number[] = [];
    const result = await client.callTool({ name: "count", arguments: {} }, undefined, {
      onprogress: ({ progress }) => seen.push(progress),
    });
    expect(result.content).toEqual([{ type: "text", text: "two" }]);
    expect(seen).toEqual(json ? [] : [1, 2]);
  });

  describe("a session", () => {
    const call = (server: string, session: string): Promise<Response> =>
      post(world, `/mcp/${server}`, rpc("tools/list"), {
        "mcp-session-id": session,
        accept: "application/json, text/event-stream",
      });
    test("isn't the upstream's own id", () => {
      expect(transport.sessionId).toMatch(/\./);
    });
    const others: readonly (readonly [string, string, Partial<typeof subject>])[] = [
      ["another caller", "files", { id: "agent-2" }],
      ["another tenant", "files", { tenant: "globex" }],
      ["another type of caller", "files", { type: "user" }],
      ["another server", "other", {}],
    ];
    test.each(others)("is nothing to %s", async (_name, at, other) => {
      expect((await call("files", transport.sessionId ?? "")).status).toBe(200);
      server.received.length = 0;
      world.sidecar.decide = () => ({ allow: true, subject: { ...subject, ...other } });
      expect((await call(at, transport.sessionId ?? "")).status).toBe(404);
      expect(server.received).toEqual([]);
    });
    test("can't be made up", async () => {
      expect((await call("files", `${transport.sessionId ?? ""}x`)).status).toBe(404);
      expect((await call("files", "e30.e30")).status).toBe(404);
      expect(server.received).toEqual([]);
    });
  });
});

describe("what is refused before it is forwarded", () => {
  let world: World;
  let server: Served;
  beforeAll(async () => {
    server = await startUpstream((_req, res) => res.end());
    world = await startWorld({ mcpUrl: server.url, config: { allowed_origins: ["https://app.example"] } });
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });
  beforeEach(() => {
    world.sidecar.decide = allow;
    server.received.length = 0;
  });

  const call = { name: "read_file", arguments: { path: "/a" } };
  type Case = readonly [
    name: string,
    body: string,
    status: number,
    code: number,
    headers?: Record<string, string>,
  ];
  const cases: readonly Case[] = [
    ["a batch", `[${rpc("tools/call", call)}]`, 400, -32600],
    ["no JSON", "{", 400, -32700],
    ["a method twice", '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', 400, -32600],
    ["no version", '{"id":1,"method":"ping"}', 400, -32600],
    ["another member", '{"jsonrpc":"2.0","id":1,"method":"ping","x":1}', 400, -32600],
    ["an unknown method", rpc("resources/read", { uri: "file:///etc/passwd" }), 403, -32601],
    ["a method named as a property", rpc("constructor"), 403, -32601],
    ["prompts", rpc("prompts/get", { name: "greet" }), 403, -32601],
    ["an unknown notification", notify("notifications/x"), 403, -32601],
    ["an answer to a server's request", '{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32600],
    ["a null id", rpc("ping", undefined, null), 400, -32600],
    ["a call as a notification", notify("tools/call", call), 400, -32600],
    ["a notification with an id", rpc("notifications/initialized"), 400, -32600],
    ["a call without a name", rpc("tools/call", {}), 400, -32600],
    ["a name with a line feed", rpc("tools/call", { name: "a\nb" }), 400, -32600],
    ["arguments that are a list", rpc("tools/call", { name: "a", arguments: [] }), 400, -32600],
    ["a task", rpc("tools/call", { ...call, task: {} }), 400, -32600],
    ["answers within a call", rpc("tools/call", { ...call, inputResponses: {} }), 400, -32600],
    ["params that are a list", rpc("tools/call", []), 400, -32600],
    ["an unknown revision", rpc("ping"), 400, -32600, { "mcp-protocol-version": "2024-11-05" }],
    ["another method in the header", rpc("tools/call", call), 400, -32020, { "mcp-method": "tools/list" }],
    ["another name in the header", rpc("tools/call", call), 400, -32020, { "mcp-name": "delete_file" }],
    ["another name, encoded", rpc("tools/call", call), 400, -32020, { "mcp-name": "=?base64?eA==?=" }],
    ["a name where there is none", rpc("tools/list"), 400, -32020, { "mcp-name": "read_file" }],
    ["a parameter in a header", rpc("tools/call", call), 400, -32020, { "mcp-param-path": "/b" }],
    [
      "no headers where the revision wants them",
      rpc("tools/call", call),
      400,
      -32020,
      { "mcp-protocol-version": "2026-07-28" },
    ],
    ["a foreign origin", rpc("tools/call", call), 403, -32001, { origin: "https://evil.example" }],
    ["an unknown session", rpc("tools/call", call), 404, -32001, { "mcp-session-id": "x" }],
  ];
  test.each(cases)("%s", async (_name, body, status, code, headers = {}) => {
    const response = await post(world, "/mcp/files", body, headers);
    expect([response.status, await response.json()]).toMatchObject([
      status,
      { jsonrpc: "2.0", error: { code } },
    ]);
    expect(server.received).toEqual([]);
  });

  test("an unknown server", async () => {
    const response = await post(world, "/mcp/nope", rpc("ping"));
    expect(response.status).toBe(404);
  });
  test("a GET stream", async () => {
    const response = await fetch(`${world.url}/mcp/files`, { headers: { accept: "text/event-stream" } });
    expect(response.status).toBe(405);
  });

  test("nobody: 401 with a challenge that says where tokens come from", async () => {
    world.sidecar.decide = deny("unauthenticated", "x");
    const response = await post(world, "/mcp/files", rpc("ping"));
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate") ?? "";
    const url = /^Bearer resource_metadata="([^"]+)"$/.exec(challenge)?.[1] ?? "";
    expect(await (await fetch(url)).json()).toMatchObject({ resource: `${world.url}/mcp/files` });
  });
  test("a token that doesn't hold: 401 that says so", async () => {
    world.sidecar.decide = deny("token_expired", "x");
    const response = await post(world, "/mcp/files", rpc("ping"));
    expect(response.headers.get("www-authenticate")).toMatch(
      /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="/,
    );
  });

  test("an origin that is allowed, and headers that agree, pass", async () => {
    server.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "application/json" });
      res.end('{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[]}}');
    };
    const body = rpc("tools/call", call).replace('"id":1', '"id":9007199254740993');
    const response = await post(world, "/mcp/files", body, {
      origin: "https://app.example",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": `=?base64?${Buffer.from("read_file").toString("base64")}?=`,
    });
    expect(await response.text()).toBe('{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[]}}');
    expect(server.received[0]?.headers).toMatchObject({ "mcp-method": "tools/call" });
    expect(server.received[0]?.body).toBe(body);
  });

  const event = (value: unknown): string => `event: message\ndata: ${JSON.stringify(value)}\n\n`;
  const response = { jsonrpc: "2.0", id: 1, result: { content: [] } };
  const streams: readonly (readonly [string, string, string | undefined, string[]])[] = [
    [
      "a request of the server's own",
      event({ jsonrpc: "2.0", id: 7, method: "sampling/createMessage", params: {} }) + event(response),
      "upstream_invalid",
      ["sampling"],
    ],
    ["somebody else's response", event({ ...response, id: "1" }) + event(response), "upstream_invalid", []],
    [
      "no response",
      event({ jsonrpc: "2.0", method: "notifications/progress", params: {} }),
      "upstream_invalid",
      [],
    ],
    [
      "an unknown notification",
      event({ jsonrpc: "2.0", method: "notifications/odd" }) + event(response),
      undefined,
      ["odd"],
    ],
    [
      "something after the response",
      event(response) + event({ jsonrpc: "2.0", method: "notifications/message", params: { data: "late" } }),
      undefined,
      ["late"],
    ],
  ];
  test.each(streams)("a stream with %s", async (_name, text, code, absent) => {
    server.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    };
    const answer = await (await post(world, "/mcp/files", rpc("tools/call", call))).text();
    const last = JSON.parse(/data: (.*)\n\n$/.exec(answer)?.[1] ?? "") as {
      error?: { data: { code: string } };
    };
    expect(last.error?.data.code).toBe(code);
    for (const word of absent) expect(answer).not.toContain(word);
  });
});
