/** What is refused before anything is asked of a server, and in which words. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { allow, deny, post } from "../../world.js";
import type { ToolServer } from "./lab.js";
import { startLab, startServer, stateless } from "./lab.js";

let world: World;
let server: ToolServer;
beforeAll(async () => {
  server = await startServer("session");
  server.tools = [
    {
      name: "read",
      inputSchema: {
        type: "object",
        properties: { path: { type: "string" }, region: { type: "string", "x-mcp-header": "Region" } },
      },
    },
  ];
  world = await startLab({ lab: server }, { allowed_origins: ["https://app.example"] });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(() => {
  world.sidecar.decide = allow;
  server.got.length = 0;
});

const version = "2026-07-28";
const meta = {
  "io.modelcontextprotocol/protocolVersion": version,
  "io.modelcontextprotocol/clientCapabilities": {},
};
const call = (params: object, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { _meta: meta, ...params } });
const read = call({ name: "read", arguments: { path: "/a" } });
const heads = { "mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "read" };
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;

const cases: {
  name: string;
  body?: string;
  headers?: Record<string, string>;
  status: number;
  code: number;
}[] = [
  { name: "a batch", body: `[${read}]`, status: 400, code: -32600 },
  { name: "no JSON", body: "{", status: 400, code: -32700 },
  { name: "a member twice", body: read.replace('"id":1', '"id":1,"id":2'), status: 400, code: -32600 },
  {
    name: "an unknown method",
    body: read.replace("tools/call", "tools/run"),
    headers: { "mcp-method": "tools/run" },
    status: 404,
    code: -32601,
  },
  {
    name: "a method of sessions",
    body: read.replace("tools/call", "ping"),
    headers: { "mcp-method": "ping" },
    status: 400,
    code: -32602,
  },
  { name: "a notification", body: read.replace('"id":1,', ""), status: 400, code: -32600 },
  {
    name: "another method in the header",
    headers: { "mcp-method": "tools/list" },
    status: 400,
    code: -32020,
  },
  { name: "another name in the header", headers: { "mcp-name": "write" }, status: 400, code: -32020 },
  {
    name: "another name in the header, encoded",
    headers: { "mcp-name": base64("write") },
    status: 400,
    code: -32020,
  },
  {
    name: "a name encoded with more bits than it has",
    headers: { "mcp-name": "=?base64?cmVhZB==?=" },
    status: 400,
    code: -32020,
  },
  {
    name: "a name encoded for a method",
    headers: { "mcp-method": base64("tools/call") },
    status: 400,
    code: -32020,
  },
  {
    name: "another version in the header",
    headers: { "mcp-protocol-version": "2025-11-25" },
    status: 400,
    code: -32020,
  },
  { name: "no version in the header", headers: { "mcp-protocol-version": "" }, status: 400, code: -32020 },
  {
    name: "a version that nobody speaks",
    body: read.replace(version, "2030-01-01"),
    headers: { "mcp-protocol-version": "2030-01-01" },
    status: 400,
    code: -32022,
  },
  {
    name: "no capabilities",
    body: read.replace("clientCapabilities", "clientInfo"),
    status: 400,
    code: -32602,
  },
  {
    name: "an argument in a header that the tool doesn't know",
    headers: { "mcp-param-path": "/a" },
    status: 400,
    code: -32020,
  },
  {
    name: "an argument in a header that isn't given",
    headers: { "mcp-param-region": "eu" },
    status: 400,
    code: -32020,
  },
  {
    name: "an argument that its header doesn't repeat",
    body: call({ name: "read", arguments: { region: "eu" } }),
    status: 400,
    code: -32020,
  },
  {
    name: "an argument that its header repeats otherwise",
    body: call({ name: "read", arguments: { region: "eu" } }),
    headers: { "mcp-param-region": "us" },
    status: 400,
    code: -32020,
  },
  {
    name: "an argument of another type",
    body: call({ name: "read", arguments: { path: 7 } }),
    status: 200,
    code: -32602,
  },
  {
    name: "a state that nobody gave",
    body: call({ name: "read", requestState: "1.AAAA" }),
    status: 200,
    code: -32602,
  },
  { name: "a foreign origin", headers: { origin: "https://evil.example" }, status: 403, code: -32001 },
];
test.each(cases)("$name: $status, $code", async ({ body = read, headers = {}, status, code }) => {
  const sent: Record<string, string> = { ...heads, ...headers };
  for (const [name, value] of Object.entries(sent)) if (value === "") delete sent[name];
  const response = await post(world, "/mcp/lab", body, sent);
  expect([response.status, await response.json()]).toMatchObject([
    status,
    { jsonrpc: "2.0", error: { code } },
  ]);
  expect(server.got).toEqual([]);
});

describe("what agrees passes", () => {
  test.each([
    { name: "a name as it is", body: read, headers: {} },
    { name: "a name, encoded", body: read, headers: { "mcp-name": base64("read") } },
    { name: "an origin that is allowed", body: read, headers: { origin: "https://app.example" } },
    {
      name: "an argument and its header",
      body: call({ name: "read", arguments: { region: "eu" } }),
      headers: { "mcp-param-region": "eu" },
    },
    {
      name: "an argument and its header, encoded",
      body: call({ name: "read", arguments: { region: "ü" } }),
      headers: { "mcp-param-region": base64("ü") },
    },
  ])("$name", async ({ body, headers }) => {
    const response = await post(world, "/mcp/lab", body, { ...heads, ...headers });
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { result: { content: [{ text: "done" }] } },
    ]);
  });
  test("an id and a number that no double holds, to the letter", async () => {
    const body = read.replace('"id":1', '"id":9007199254740993').replace('"/a"', '"/a","n":1.00');
    const text = await (await post(world, "/mcp/lab", body, heads)).text();
    expect(text).toContain('"id":9007199254740993');
    expect(server.http.received.at(-1)?.body).toContain('"n":1.00');
  });
});

test("answers to what nobody asked stay here", async () => {
  const response = await post(
    world,
    "/mcp/lab",
    call({ name: "read", inputResponses: { a: { action: "accept" } } }),
    heads,
  );
  expect(response.status).toBe(200);
  expect(JSON.stringify(server.got)).not.toContain("inputResponses");
});
test("an unknown server is no server: to who isn't known, not even that", async () => {
  expect((await stateless(world, "/mcp/nope").ask("tools/list")).status).toBe(404);
  world.sidecar.decide = deny("unauthenticated", "x");
  expect((await stateless(world, "/mcp/nope").ask("tools/list")).status).toBe(401);
});
test("nobody: 401 with a challenge that says where tokens come from", async () => {
  world.sidecar.decide = deny("unauthenticated", "x");
  const response = await post(world, "/mcp/lab", read, heads);
  expect(response.status).toBe(401);
  const challenge = response.headers.get("www-authenticate") ?? "";
  const url = /^Bearer resource_metadata="([^"]+)"$/.exec(challenge)?.[1] ?? "";
  expect(await (await fetch(url)).json()).toMatchObject({ resource: `${world.url}/mcp/lab` });
});
test("a token that doesn't hold: 401 that says so", async () => {
  world.sidecar.decide = deny("token_expired", "x");
  const response = await post(world, "/mcp/lab", read, heads);
  expect(response.headers.get("www-authenticate")).toMatch(
    /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="/,
  );
});
test("more scopes would help: 403 with a challenge that names them", async () => {
  world.sidecar.decide = (one) =>
    one.action.name === "tool.call"
      ? {
          allow: false,
          reasons: [{ code: "insufficient_scope", message: "m", properties: { scope: "tools:write" } }],
        }
      : { allow: true };
  const response = await post(world, "/mcp/lab", read, heads);
  expect(response.status).toBe(403);
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(response.headers.get("www-authenticate")).toContain('scope="tools:write"');
});
