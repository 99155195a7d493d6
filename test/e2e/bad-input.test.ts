/** Every door of the gateway against bad input: a clear error, and not one byte for the upstream. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let token: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.issuer.token("senior");
});
afterAll(() => world.close());

const received = (): number =>
  world.upstreams.model.received.length +
  world.upstreams.mcp.received.length +
  world.upstreams.store.received.length;

const chat = '{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}';
const callOf = (params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const read = callOf('{"name":"read_file","arguments":{"path":"/workspace/plan.md"}}');

interface BadInput {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  readonly status: number;
  readonly code: string;
}

const cases: readonly BadInput[] = [
  // JSON
  { name: "no JSON", body: "hello", status: 400, code: "invalid_json" },
  { name: "an empty body", body: "", status: 400, code: "invalid_json" },
  { name: "half of a document", body: chat.slice(0, 30), status: 400, code: "invalid_json" },
  { name: "two documents", body: chat + chat, status: 400, code: "invalid_json" },
  {
    name: "two models",
    body: chat.replace("{", '{"model":"medical-llm",'),
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "two models, one escaped",
    body: chat.replace("{", '{"mod\\u0065l":"x",'),
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "a nested duplicate",
    body: chat.replace('"role"', '"role":"system","role"'),
    status: 400,
    code: "duplicate_key",
  },
  { name: "deep nesting", body: `{"model":${"[".repeat(200)}`, status: 400, code: "too_deep" },
  {
    name: "bytes that aren't UTF-8",
    body: new Uint8Array([0x7b, 0xff, 0x7d]),
    status: 400,
    code: "invalid_utf8",
  },
  { name: "a lone surrogate", body: chat.replace("hi", "\\ud800"), status: 400, code: "invalid_json" },
  { name: "10 MB", body: `{"model":"${"x".repeat(10_000_000)}"}`, status: 413, code: "body_too_large" },
  // shape
  { name: "an array", body: `[${chat}]`, status: 400, code: "invalid_request" },
  { name: "null", body: "null", status: 400, code: "invalid_request" },
  {
    name: "a model that is a number",
    body: chat.replace('"gpt-4o"', "4"),
    status: 400,
    code: "invalid_request",
  },
  { name: "no model", body: '{"messages":[]}', status: 400, code: "invalid_request" },
  { name: "no messages", body: '{"model":"gpt-4o"}', status: 400, code: "invalid_request" },
  {
    name: "stream as text",
    body: chat.replace("{", '{"stream":"true",'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "Model in capitals",
    body: chat.replace("{", '{"Model":"medical-llm",'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "an unknown field",
    body: chat.replace("{", '{"extra_body":{},'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "__proto__",
    body: chat.replace("{", '{"__proto__":{"model":"x"},'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "max_tokens negative",
    body: chat.replace("{", '{"max_tokens":-1,'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "a message without role",
    body: chat.replace('"role":"user",', ""),
    status: 400,
    code: "invalid_request",
  },
  // headers
  {
    name: "no content type",
    headers: { "content-type": "" },
    body: chat,
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "a form",
    headers: { "content-type": "text/plain" },
    body: chat,
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "another charset",
    headers: { "content-type": "application/json; charset=utf-16" },
    body: chat,
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "gzip",
    headers: { "content-encoding": "gzip" },
    body: chat,
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "identity twice",
    headers: { "content-encoding": "identity, gzip" },
    body: chat,
    status: 415,
    code: "unsupported_encoding",
  },
  // credentials
  { name: "no token", headers: { authorization: "" }, body: chat, status: 401, code: "unauthenticated" },
  {
    name: "basic credentials",
    headers: { authorization: "Basic c2VuaW9yOng=" },
    body: chat,
    status: 401,
    code: "credential_unsupported",
  },
  {
    name: "a token that is none",
    headers: { authorization: "Bearer x.y.z" },
    body: chat,
    status: 401,
    code: "token_malformed",
  },
  {
    name: "an unsigned token",
    headers: { authorization: `Bearer ${unsigned()}` },
    body: chat,
    status: 401,
    code: "token_algorithm",
  },
  // routes
  { name: "an unknown route", path: "/v1/fine_tuning/jobs", body: chat, status: 404, code: "unknown_route" },
  { name: "a route of the sidecar", path: "/v1/decisions", body: "{}", status: 404, code: "unknown_route" },
  { name: "a trailing slash", path: "/v1/chat/completions/", body: chat, status: 404, code: "unknown_route" },
  { name: "a double slash", path: "//v1/chat/completions", body: chat, status: 404, code: "unknown_route" },
  { name: "capitals", path: "/V1/chat/completions", body: chat, status: 404, code: "unknown_route" },
  { name: "percent", path: "/v1/chat%2Fcompletions", body: chat, status: 404, code: "unknown_route" },
  {
    name: "a query string",
    path: "/v1/chat/completions?model=x",
    body: chat,
    status: 404,
    code: "unknown_route",
  },
  { name: "a semicolon", path: "/v1/chat/completions;x", body: chat, status: 404, code: "unknown_route" },
  { name: "another method", method: "PUT", body: chat, status: 405, code: "method_not_allowed" },
  {
    name: "a method override",
    method: "PUT",
    headers: { "x-http-method-override": "POST" },
    body: chat,
    status: 405,
    code: "method_not_allowed",
  },
  // tools
  { name: "a batch", path: "/mcp/files", body: `[${read}]`, status: 400, code: "invalid_request" },
  {
    name: "no jsonrpc",
    path: "/mcp/files",
    body: read.replace('"jsonrpc":"2.0",', ""),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "two names",
    path: "/mcp/files",
    body: read.replace('"name"', '"name":"x","name"'),
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "a resource that nobody granted",
    path: "/mcp/files",
    body: '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}',
    status: 200,
    code: "denied",
  },
  {
    name: "a method in capitals",
    path: "/mcp/files",
    body: read.replace("tools/call", "Tools/Call"),
    status: 200,
    code: "unknown_method",
  },
  {
    name: "a method from the prototype",
    path: "/mcp/files",
    body: read.replace("tools/call", "constructor"),
    status: 200,
    code: "unknown_method",
  },
  {
    name: "an answer instead of a request",
    path: "/mcp/files",
    body: '{"jsonrpc":"2.0","id":1,"result":{}}',
    status: 400,
    code: "invalid_request",
  },
  {
    name: "a call without id",
    path: "/mcp/files",
    body: read.replace('"id":1,', ""),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "a null id",
    path: "/mcp/files",
    body: read.replace('"id":1', '"id":null'),
    status: 400,
    code: "invalid_request",
  },
  {
    name: "arguments as text",
    path: "/mcp/files",
    body: callOf('{"name":"read_file","arguments":"{}"}'),
    status: 400,
    code: "invalid_params",
  },
  {
    name: "arguments as a list",
    path: "/mcp/files",
    body: callOf('{"name":"read_file","arguments":[]}'),
    status: 400,
    code: "invalid_params",
  },
  {
    name: "another Mcp-Method",
    path: "/mcp/files",
    headers: { "mcp-method": "tools/list" },
    body: read,
    status: 400,
    code: "header_mismatch",
  },
  {
    name: "another Mcp-Name",
    path: "/mcp/files",
    headers: { "mcp-name": "web_search" },
    body: read,
    status: 400,
    code: "header_mismatch",
  },
  {
    name: "another Mcp-Name, encoded",
    path: "/mcp/files",
    headers: { "mcp-name": `=?base64?${btoa("web_search")}?=` },
    body: read,
    status: 400,
    code: "header_mismatch",
  },
  {
    name: "a page's origin",
    path: "/mcp/files",
    headers: { origin: "http://evil.example" },
    body: read,
    status: 403,
    code: "origin_not_allowed",
  },
  {
    name: "origin null",
    path: "/mcp/files",
    headers: { origin: "null" },
    body: read,
    status: 403,
    code: "origin_not_allowed",
  },
  {
    name: "a session of nobody",
    path: "/mcp/files",
    headers: { "mcp-session-id": "abc" },
    body: read,
    status: 404,
    code: "unknown_session",
  },
  { name: "a server that isn't there", path: "/mcp/none", body: read, status: 200, code: "denied" },
  {
    name: "a path to another server",
    path: "/mcp/../mcp/files",
    body: read,
    status: 404,
    code: "unknown_route",
  },
  {
    name: "a stream without a session",
    method: "GET",
    path: "/mcp/files",
    status: 400,
    code: "invalid_request",
  },
  // retrieval
  {
    name: "a query that is a number",
    path: "/v1/retrieval/handbook/query",
    body: '{"query":1}',
    status: 400,
    code: "invalid_request",
  },
  {
    name: "top_k as text",
    path: "/v1/retrieval/handbook/query",
    body: '{"query":"a","top_k":"5"}',
    status: 400,
    code: "invalid_request",
  },
  {
    name: "top_k of a million",
    path: "/v1/retrieval/handbook/query",
    body: '{"query":"a","top_k":1000000}',
    status: 400,
    code: "filter_refused",
  },
  {
    name: "top_k of a hundred",
    path: "/v1/retrieval/handbook/query",
    body: '{"query":"a","top_k":100}',
    status: 403,
    code: "denied",
  },
  {
    name: "a filter of the caller's own",
    path: "/v1/retrieval/handbook/query",
    body: '{"query":"a","filter":{"tenant":"globex"}}',
    status: 400,
    code: "filter_refused",
  },
  {
    name: "a collection that isn't there",
    path: "/v1/retrieval/none/query",
    body: '{"query":"a"}',
    status: 403,
    code: "denied",
  },
  {
    name: "a collection by dots",
    path: "/v1/retrieval/%2e%2e/query",
    body: '{"query":"a"}',
    status: 404,
    code: "unknown_route",
  },
];

function unsigned(): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "at+jwt" })}.${part({ iss: "https://issuer.countersign.demo", sub: "x" })}.`;
}

/** Finds the code in any of the protocols' forms. */
function codeOf(text: string): string {
  const { code, error } = JSON.parse(text) as {
    code?: string;
    error?: { code?: unknown; data?: { code: string } };
  };
  return code ?? error?.data?.code ?? String(error?.code);
}

describe("bad input is refused and nothing is forwarded", () => {
  test.each(cases.map((input) => [input.name, input] as const))("%s", async (_name, input) => {
    const before = received();
    const { method = "POST", path = "/v1/chat/completions", headers = {}, body } = input;
    const sent: Record<string, string> = {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      ...headers,
    };
    for (const [key, value] of Object.entries(sent)) if (value === "") delete sent[key];
    const { status, text } = await raw(method, path, sent, body);
    expect({ status, code: codeOf(text) }).toEqual({ status: input.status, code: input.code });
    expect(received()).toBe(before);
    expect(text).not.toContain(token);
  });
});

/** Sends a request with its path and headers to the letter. */
function raw(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Uint8Array,
): Promise<{ status: number; text: string }> {
  const payload = body === undefined ? Buffer.alloc(0) : Buffer.from(body as Uint8Array);
  const lines = Object.entries({
    ...headers,
    host: "gateway",
    connection: "close",
    "content-length": String(payload.length),
  });
  return exchange(
    Buffer.concat([
      Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`),
      payload,
    ]),
  );
}

/** Writes bytes to the gateway and reads what comes until it closes. */
function exchange(bytes: Buffer): Promise<{ status: number; text: string; all: string }> {
  const { hostname, port } = new URL(world.gatewayUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    // a refusal may come before all is sent: what was answered counts
    socket.on("error", (error) => {
      if (chunks.length === 0) reject(error);
    });
    socket.on("close", () => {
      const all = Buffer.concat(chunks).toString();
      const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(all) ?? [];
      resolve({ status: Number(status), text: all.slice(all.indexOf("\r\n\r\n") + 4), all });
    });
    socket.write(bytes);
    socket.setTimeout(5_000, () => socket.destroy());
  });
}

describe("raw sockets", () => {
  const head = (lines: string): Buffer =>
    Buffer.from(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\nauthorization: Bearer ${token}\r\n${lines}`,
    );

  test("content-length beside transfer-encoding is refused", async () => {
    const before = received();
    const { status } = await exchange(
      Buffer.concat([
        head("content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"),
        Buffer.from(`0\r\n\r\n${chat}`),
      ]),
    );
    expect(status).toBe(400);
    expect(received()).toBe(before);
  });

  test("two content-lengths are refused", async () => {
    const before = received();
    const { status } = await exchange(
      head(`content-length: 2\r\ncontent-length: ${chat.length}\r\n\r\n${chat}`),
    );
    expect(status).toBe(400);
    expect(received()).toBe(before);
  });

  test("a body that ends early forwards nothing", async () => {
    const before = received();
    const { hostname, port } = new URL(world.gatewayUrl);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.write(head(`content-length: 1000\r\n\r\n${chat}`), () => {
        socket.destroy();
        resolve();
      });
    });
    await fetch(`${world.gatewayUrl}/health`);
    expect(received()).toBe(before);
  });

  test("pipelined requests are each decided", async () => {
    const before = received();
    const bad = `POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${chat.length}\r\n\r\n${chat}`;
    const { all } = await exchange(
      Buffer.concat([head(`content-length: ${chat.length}\r\n\r\n${chat}`), Buffer.from(bad)]),
    );
    expect(all.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 401"]);
    expect(received()).toBe(before + 1);
  });
});

describe("what was decided is what is sent", () => {
  test.each(["9007199254740993", "1e400", "1.0", "0.10"])(
    "%s reaches the upstream as it came",
    async (number) => {
      const body = `{"model":"gpt-4o","temperature":${number},"messages":[{"role":"user","content":"h\\u0069"}],"logit_bias":{"__proto__":${number}}}`;
      const { status } = await raw(
        "POST",
        "/v1/chat/completions",
        { "content-type": "application/json", authorization: `Bearer ${token}` },
        body,
      );
      expect(status).toBe(200);
      expect(world.upstreams.model.received.at(-1)?.body.toString()).toBe(body.replace("h\\u0069", "hi"));
    },
  );

  test("the upstream gets the same bytes where there was nothing to change", async () => {
    await raw(
      "POST",
      "/v1/chat/completions",
      { "content-type": "application/json", authorization: `Bearer ${token}` },
      chat,
    );
    expect(world.upstreams.model.received.at(-1)?.body.toString()).toBe(chat);
  });
});
