import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createSocketServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { NetworkOutcome } from "../../../sidecar/decide/builtins/network/http-builtin.js";
import { makeCertificate } from "./http-certificate.js";
import { createWorld, refusal, scopeAt, send } from "./http-world.js";

let world = createWorld();
afterEach(async () => {
  await world.close();
  world = createWorld();
});

const listed = (port: number): string[] => [`api.test:${port}=loopback`];

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
/** Answers with what was asked. */
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request);
  const { method, url, headers } = request;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method, url, headers, body }));
}
const echoing = (request: IncomingMessage, response: ServerResponse): void => void echo(request, response);

describe("a response", () => {
  test("is OPA's: status, body, raw_body, headers as lists by lower-case name", async () => {
    const server = await world.serve((_request, response) => {
      response.setHeader("Content-Type", "application/json; charset=utf-8");
      response.setHeader("X-Two", ["a", "b"]);
      response.setHeader("__proto__", "x");
      response.setHeader("constructor", "y");
      response.statusCode = 201;
      response.end('{"n": 9007199254740993, "__proto__": 1.50, "é": "\\ud800"}');
    });
    const network = world.network({ hosts: listed(server.port) });
    const response = await send(network, { method: "get", url: `${server.url}/x?a=1#f` });
    expect(stringifyJson(response["body"] as Json)).toBe(
      '{"n":9007199254740993,"__proto__":1.50,"é":"\ufffd"}',
    );
    expect(response).toMatchObject({
      status: "201 Created",
      status_code: 201,
      raw_body: '{"n": 9007199254740993, "__proto__": 1.50, "é": "\\ud800"}',
    });
    const headers = response["headers"] as JsonObject;
    expect(headers["x-two"]).toEqual(["a", "b"]);
    expect([headers["constructor"], Object.hasOwn(headers, "__proto__")]).toEqual([["y"], true]);
    expect(headers).not.toHaveProperty("transfer-encoding");
    expect(server.requests[0]?.url).toBe("/x?a=1");
  });

  const deep = "[".repeat(20_000) + "]".repeat(20_000);
  const laughs = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    .concat(
      [..."bcdefghi"].map(
        (c, i) =>
          `${c}: &${c} [${Array(9)
            .fill(`*${"abcdefgh"[i] ?? ""}`)
            .join(",")}]`,
      ),
    )
    .join("\n");
  test.each<[name: string, type: string | undefined, body: string, extra: JsonObject, decoded: Json]>([
    ["JSON by suffix", "application/problem+json", "[1]", {}, [1]],
    ["no JSON", "text/plain", "[1]", {}, null],
    ["no type", undefined, "[1]", {}, null],
    ["a type that only begins so", "application/jsonp", "[1]", {}, null],
    ["a type that can't be read", "application/json; =", "[1]", {}, null],
    ["forced JSON", "text/plain", "[1]", { force_json_decode: true }, [1]],
    ["broken JSON", "application/json", "[1", {}, null],
    ["JSON with more behind it", "application/json", "[1] x", {}, null],
    ["JSON that nests too deep", "application/json", deep, {}, null],
    ["YAML by type", "application/x-yaml", "a: [1, yes]", {}, { a: [1, "yes"] }],
    ["forced YAML", "text/plain", "a:\n- 1\n", { force_yaml_decode: true }, { a: [1] }],
    ["YAML that grows", "application/yaml", laughs, {}, null],
    ["YAML that isn't", "application/yaml", "a: [", {}, null],
    ["YAML that nests too deep", "application/yaml", deep, {}, null],
    ["empty JSON", "application/json", "", {}, null],
  ])("is decoded: %s", async (_name, type, body, extra, decoded) => {
    const server = await world.serve((_request, response) => {
      if (type !== undefined) response.setHeader("content-type", type);
      response.end(body);
    });
    const network = world.network({ hosts: listed(server.port) });
    const response = await send(network, { method: "GET", url: server.url, ...extra });
    expect(response).toMatchObject({ body: decoded, raw_body: body });
  });
});

describe("a request", () => {
  test.each<[name: string, request: JsonObject, seen: JsonObject]>([
    ["a GET", { method: "GET" }, { method: "GET", url: "/", body: "" }],
    ["a method in small letters", { method: "patch" }, { method: "PATCH" }],
    [
      "a body is Go's JSON",
      { method: "POST", body: { b: "<&>", a: [1, null, "é"] } },
      { body: '{"a":[1,null,"é"],"b":"\\u003c\\u0026\\u003e"}' },
    ],
    ["raw_body goes first", { method: "PUT", body: {}, raw_body: "é" }, { body: "é" }],
    ["a body with GET", { method: "GET", raw_body: "x" }, { body: "x" }],
    ["a body with DELETE", { method: "DELETE", raw_body: "x" }, { body: "x" }],
  ])("%s", async (_name, request, seen) => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: listed(server.port) });
    const response = await send(network, { url: server.url, ...request });
    expect(response["body"]).toMatchObject(seen);
  });

  test("carries its headers; those of the connection are Node's own", async () => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: listed(server.port) });
    const headers = {
      ...{ "x-a": "é", authorization: "Bearer t", "Content-Length": "999", "transfer-encoding": "chunked" },
      ...{ connection: "x-a", host: `api.test:${server.port}`, "user-agent": "mine" },
    };
    const response = await send(network, { method: "POST", url: server.url, raw_body: "ab", headers });
    const seen = (response["body"] as JsonObject)["headers"] as JsonObject;
    expect(seen).toMatchObject({ authorization: "Bearer t", "content-length": "2", "user-agent": "mine" });
    expect(Buffer.from(String(seen["x-a"]), "latin1").toString()).toBe("é");
    expect(seen).not.toHaveProperty("transfer-encoding");
    expect(seen["connection"]).toBe("keep-alive");
  });

  const wrong: readonly [name: string, request: JsonObject, message: string][] = [
    [
      "an unknown key",
      { foo: 1 },
      'eval_type_error: http.send: operand 1 invalid request parameters(s): {\\"foo\\"}',
    ],
    ["a CR in a header", { headers: { a: "b\r\nc: d" } }, "invalid header field value"],
    ["a NUL in a header", { headers: { a: "b\u0000" } }, "invalid header field value"],
    ["a header's name", { headers: { "a\r\nb": "c" } }, "invalid header field name"],
    ["a header that isn't a string", { headers: { a: 1 } }, "invalid type for headers value"],
    ["headers that are no object", { headers: [] }, "invalid type for headers key"],
    ["an upgrade", { headers: { upgrade: "websocket" } }, "the header Upgrade can't be set"],
    ["a method with more", { method: "GET / HTTP/1.1\r\nX: y" }, "invalid method"],
    ["CONNECT", { method: "CONNECT" }, "invalid method"],
    ["a method that is no string", { method: 1 }, '\\"method\\" must be a string'],
    ["a host that isn't listed", { url: "http://evil.test/" }, "disallowed host: evil.test"],
    ["a port that isn't listed", { url: "http://api.test:1/" }, "disallowed host: api.test:1"],
    ["another Host", { headers: { Host: "evil.test" } }, "disallowed host: evil.test"],
    ["another TLS server", { tls_server_name: "evil.test" }, "disallowed host: evil.test"],
    ["a URL with a user", { url: "http://api.test@evil.test/" }, "user or password"],
    ["a socket", { url: "unix://localhost/x?socket=%2Fs" }, 'unsupported protocol scheme \\"unix\\"'],
    ["a file", { tls_ca_cert_file: "/etc/passwd" }, "tls_ca_cert_file is not available"],
    ["a variable", { tls_client_key_env_variable: "HOME" }, "tls_client_key_env_variable is not available"],
    ["a certificate that is none", { tls_ca_cert: "x" }, "could not append certificates"],
    ["a key that is none", { tls_client_cert: "x", tls_client_key: "y" }, "can't be used"],
    ["enable_redirect", { enable_redirect: "yes" }, "strconv.ParseBool"],
    ["cache", { cache: "yes" }, 'invalid value for \\"cache\\" field'],
    ["force_cache alone", { force_cache: true }, "parameter is missing"],
    ["force_cache for ever", { force_cache: true, force_cache_duration_seconds: 1e10 }, "strconv.ParseInt"],
    ["retries below zero", { max_retry_attempts: -1 }, "invalid value -1 for field"],
    ["a timeout's unit", { timeout: "5x" }, "invalid timeout value"],
    ["a timeout's type", { timeout: true }, "eval_type_error: http.send: operand 1 'timeout' must be one of"],
    ["ignored headers", { headers: {}, cache_ignored_headers: [1] }, "must be an array of strings"],
  ];
  test.each(wrong)("that can't be made is not: %s", async (_name, request, message) => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: listed(server.port) });
    const whole = { method: "GET", url: server.url, ...request };
    expect(await refusal(network, whole)).toContain(message);
    await expect(send(network, whole)).rejects.toMatchObject({ name: "BuiltinFault" });
    expect(server.requests).toEqual([]);
  });

  test.each<[Json, string, string]>([
    ["x", "eval_type_error", "http.send: operand 1 must be object but got string"],
    [{ raise_error: 1 }, "eval_builtin_error", "http.send: invalid value for raise_error field"],
    [
      { raise_error: true },
      "eval_type_error",
      'http.send: operand 1 missing required request parameters(s): {"method", "url"}',
    ],
    [
      { method: "GET", url: "http://evil.test/" },
      "eval_builtin_error",
      "http.send: disallowed host: evil.test",
    ],
  ])("%j is an error in OPA's words", async (request, code, message) => {
    const network = world.network({ hosts: ["api.test"] });
    await expect(send(network, request)).rejects.toMatchObject({ code, message });
  });
});

describe("the address", () => {
  test.each<[name: string, entry: (port: number) => string, addresses: string[], reached: boolean]>([
    ["a public name that turns to loopback", (p) => `api.test:${p}`, ["127.0.0.1"], false],
    ["the same in IPv6's clothes", (p) => `api.test:${p}`, ["::ffff:127.0.0.1"], false],
    ["a private name that turns to loopback", (p) => `api.test:${p}=private`, ["127.0.0.1"], false],
    ["a name for loopback", (p) => `api.test:${p}=loopback`, ["127.0.0.1"], true],
    ["only what is allowed of several", (p) => `api.test:${p}=loopback`, ["10.255.255.1", "127.0.0.1"], true],
    ["a range", (p) => `api.test:${p}=127.0.0.0/30`, ["127.0.0.1"], true],
    ["another range", (p) => `api.test:${p}=127.0.0.4/30`, ["127.0.0.1"], false],
    ["no address at all", (p) => `api.test:${p}=loopback`, [], false],
  ])("%s", async (_name, entry, addresses, reached) => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: [entry(server.port)], lookup: () => Promise.resolve(addresses) });
    const response = await send(network, { method: "GET", url: server.url, raise_error: false });
    expect([response["status_code"], server.requests.length]).toEqual(reached ? [200, 1] : [0, 0]);
  });

  test("as a literal is its own permission", async () => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: [`127.0.0.1:${server.port}`] });
    const response = await send(network, { method: "GET", url: `http://127.0.0.1:${server.port}/` });
    expect(response["status_code"]).toBe(200);
  });

  test("is asked for again for each new connection, so that a name can't turn later", async () => {
    const server = await world.serve((_request, response) => response.setHeader("connection", "close").end());
    const answers = [["127.0.0.1"], ["10.0.0.1"]];
    const network = world.network({
      hosts: [`api.test:${server.port}=loopback`],
      lookup: () => Promise.resolve(answers.shift() ?? []),
    });
    const request = { method: "GET", url: server.url, raise_error: false };
    expect((await send(network, request))["status_code"]).toBe(200);
    expect(await refusal(network, request)).toContain("the host's address is not allowed");
  });
});

describe("a redirect", () => {
  test("isn't followed unless enabled", async () => {
    const server = await world.serve((_request, response) =>
      response.writeHead(302, { location: "/b" }).end(),
    );
    const network = world.network({ hosts: listed(server.port) });
    expect(await send(network, { method: "GET", url: server.url })).toMatchObject({ status_code: 302 });
    expect(server.requests).toHaveLength(1);
  });

  test.each<[status: number, method: string, seen: string, body: string]>([
    [301, "POST", "GET", ""],
    [302, "PUT", "GET", ""],
    [303, "DELETE", "GET", ""],
    [302, "HEAD", "HEAD", ""],
    [307, "POST", "POST", "x"],
    [308, "PUT", "PUT", "x"],
  ])("of %d takes %s along as %s", async (status, method, seen, body) => {
    const bodies: string[] = [];
    const server = await world.serve((request, response) => {
      void textOf(request).then((text) => {
        bodies.push(text);
        if (request.url === "/a") response.writeHead(status, { location: "b" }).end();
        else response.end();
      });
    });
    const network = world.network({ hosts: listed(server.port) });
    const request = { method, url: `${server.url}/a`, raw_body: "x", enable_redirect: true };
    const headers = { authorization: "t", "content-type": "text/plain" };
    expect(await send(network, { ...request, headers })).toMatchObject({ status_code: 200 });
    const second = server.requests[1];
    expect([second?.method, second?.url, bodies[1]]).toEqual([seen, "/b", body]);
    expect(second?.headers.authorization).toBe("t");
    expect(second?.headers["content-type"]).toBe(body === "" ? undefined : "text/plain");
  });

  test.each<[name: string, location: (other: string) => string, message: string]>([
    ["to a host that isn't listed", () => "http://evil.test/", "disallowed host: evil.test"],
    ["to a port that isn't listed", (url) => url.replace(/\d+$/, "1"), "disallowed host: api.test:1"],
    ["to loopback by address", () => "http://127.0.0.1/", "disallowed host: 127.0.0.1"],
    ["to metadata", () => "http://169.254.169.254/latest", "disallowed host: 169.254.169.254"],
    ["with a user", (url) => url.replace("//", "//a:b@"), "user or password"],
    ["to a file", () => "file:///etc/passwd", "unsupported protocol scheme"],
    ["without end", () => "/again", "stopped after 10 redirects"],
  ])("%s ends the request", async (_name, location, message) => {
    const server = await world.serve((_request, response) => {
      response.writeHead(302, { location: location(server.url) }).end();
    });
    const network = world.network({ hosts: listed(server.port) });
    expect(await refusal(network, { method: "GET", url: server.url, enable_redirect: true })).toContain(
      message,
    );
  });

  test("takes no secret to another origin", async () => {
    const other = await world.serve(echoing);
    const server = await world.serve((_request, response) => {
      response.writeHead(307, { location: `${other.url}/b` }).end();
    });
    const network = world.network({ hosts: [...listed(server.port), ...listed(other.port)] });
    const headers = { Authorization: "t", Cookie: "c", Host: `api.test:${server.port}`, "x-a": "b" };
    await send(network, { method: "GET", url: server.url, enable_redirect: true, headers });
    expect(other.requests[0]?.headers).toMatchObject({ "x-a": "b", host: `api.test:${other.port}` });
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
    expect(other.requests[0]?.headers).not.toHaveProperty("cookie");
  });
});

describe("a server that", () => {
  test.each<
    [name: string, listener: (request: IncomingMessage, response: ServerResponse) => void, message: string]
  >([
    [
      "announces a huge body",
      (_request, response) =>
        response.writeHead(200, { "content-length": "99999999" }).write("x".repeat(70_000)),
      "larger than 65536 bytes",
    ],
    [
      "sends without end",
      (_request, response) => {
        const write = (): void => {
          while (!response.destroyed && response.write("x".repeat(10_000)));
        };
        response.on("drain", write);
        write();
      },
      "larger than 65536 bytes",
    ],
    ["never answers", () => undefined, "context deadline exceeded"],
    [
      "drips a byte at a time",
      (_request, response) => {
        const timer = setInterval(() => response.write("x"), 10);
        response.on("close", () => clearInterval(timer));
      },
      "context deadline exceeded",
    ],
    ["hangs up", (request) => request.socket.destroy(), "connection reset"],
    [
      "hangs up within the body",
      (_request, response) => {
        response.writeHead(200, { "content-length": "100" }).write("x");
        setTimeout(() => response.destroy(), 20);
      },
      "connection reset",
    ],
    [
      "sends huge headers",
      (_request, response) => response.writeHead(200, { "x-a": "x".repeat(40_000) }).end(),
      "headers are too large",
    ],
    [
      "wants to speak something else",
      (_request, response) => response.writeHead(101, { upgrade: "websocket", connection: "upgrade" }).end(),
      "",
    ],
  ])("%s costs no more than its share", async (_name, listener, message) => {
    const server = await world.serve(listener);
    const outcomes: NetworkOutcome[] = [];
    const network = world.network({
      hosts: listed(server.port),
      maxBytes: 65_536,
      timeoutMs: message.startsWith("context") ? 300 : 25_000,
      count: (_builtin, outcome) => outcomes.push(outcome),
    });
    const text = await refusal(network, { method: "GET", url: server.url, timeout: "1h" });
    expect(text).toContain("eval_http_send_network_error");
    expect(text).toContain(message);
    expect(outcomes).toEqual([message.startsWith("context") ? "timeout" : "failed"]);
  });

  test("speaks no HTTP is no answer", async () => {
    const raw = createSocketServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("SSH-2.0-x\r\n"),
    );
    await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
    const { port } = raw.address() as AddressInfo;
    const network = world.network({ hosts: listed(port) });
    expect(await refusal(network, { method: "GET", url: `http://api.test:${port}` })).toContain("malformed");
    await new Promise((resolve) => raw.close(resolve));
    expect(await refusal(network, { method: "GET", url: `http://api.test:${port}` })).toContain("refused");
  });

  test("is too slow for the request's own timeout is told so in OPA's words", async () => {
    const server = await world.serve(() => undefined);
    const network = world.network({ hosts: listed(server.port) });
    await expect(
      send(network, { method: "GET", url: `${server.url}/x`, timeout: 50_000_000 }),
    ).rejects.toMatchObject({
      code: "eval_builtin_error",
      message: `http.send: Get ${server.url}/x: request timed out`,
    });
  });

  test("fails is asked again, as often as the request says, and after a status never", async () => {
    let left = 2;
    const server = await world.serve((request, response) => {
      if (left-- > 0) request.socket.destroy();
      else response.writeHead(503).end();
    });
    const network = world.network({ hosts: listed(server.port) });
    const request = { method: "POST", url: server.url, max_retry_attempts: 5, raw_body: "x" };
    expect(await send(network, request)).toMatchObject({ status_code: 503 });
    expect(server.requests).toHaveLength(3);
  });

  test("fails for longer than there is time is given up", async () => {
    const server = await world.serve((request) => request.socket.destroy());
    const network = world.network({ hosts: listed(server.port), timeoutMs: 400 });
    const request = { method: "POST", url: server.url, max_retry_attempts: 1_000_000 };
    // the time ends between two attempts, or on a busy machine within one
    expect(await refusal(network, request)).toMatch(/connection reset|deadline exceeded/);
    expect(server.requests.length).toBeLessThan(6);
  });

  test("closed a kept connection meanwhile is asked on another one", async () => {
    const server = await world.serve((request, response) => {
      if (request.url === "/last") request.socket.once("close", () => undefined);
      response.end("ok");
      // after the answer, so that the client keeps the connection for a moment
      if (request.url === "/first") setTimeout(() => request.socket.resetAndDestroy(), 0);
    });
    const network = world.network({ hosts: listed(server.port) });
    for (const path of ["/first", "/second", "/first", "/last"]) {
      expect(await send(network, { method: "GET", url: server.url + path })).toMatchObject({
        raw_body: "ok",
      });
    }
  });
});

describe("at once", () => {
  test("two decisions wait for their own answers only", async () => {
    const waiting: ServerResponse[] = [];
    const server = await world.serve((request, response) => {
      if (request.url === "/slow") waiting.push(response);
      else response.end("quick");
    });
    const network = world.network({ hosts: listed(server.port) });
    const slow = send(network, { method: "GET", url: `${server.url}/slow` });
    expect(await send(network, { method: "GET", url: `${server.url}/quick` })).toMatchObject({
      raw_body: "quick",
    });
    waiting[0]?.end("slow");
    expect(await slow).toMatchObject({ raw_body: "slow" });
  });

  test("so many run, so many wait, and one more ends its decision", async () => {
    const waiting: ServerResponse[] = [];
    const server = await world.serve((_request, response) => void waiting.push(response));
    const other = await world.serve((_request, response) => response.end("free"));
    const network = world.network({
      hosts: [...listed(server.port), ...listed(other.port)],
      maxConcurrent: 1,
      timeoutMs: 60_000,
    });
    const ask = (i: number): Promise<JsonObject> =>
      send(network, { method: "GET", url: `${server.url}/${i}`, timeout: "60s", raise_error: false });
    const nine = Array.from({ length: 9 }, (_, i) => ask(i));
    await expect(ask(9)).rejects.toMatchObject({ name: "HostBudgetExceeded" });
    // another host isn't concerned
    expect(await send(network, { method: "GET", url: other.url })).toMatchObject({ raw_body: "free" });
    for (let i = 0; i < 9; i++) {
      while (waiting.length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(waiting).toHaveLength(i + 1);
      waiting[i]?.end(String(i));
    }
    expect((await Promise.all(nine)).map(({ status_code: code }) => code)).toEqual(Array(9).fill(200));
  });

  test("an end of the network ends what is under way, and what comes later", async () => {
    const server = await world.serve(() => undefined);
    const network = world.network({ hosts: listed(server.port) });
    const request = { method: "GET", url: server.url, raise_error: false };
    const pending = refusal(network, { ...request, max_retry_attempts: 100 });
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await network.close();
    await expect(pending).rejects.toMatchObject({ name: "HostBudgetExceeded" });
    await expect(send(network, request)).rejects.toMatchObject({ name: "HostBudgetExceeded" });
  });
});

describe("within a decision", () => {
  test("the same request is made once, whatever it comes to", async () => {
    const server = await world.serve((_request, response) => response.writeHead(500).end());
    const network = world.network({ hosts: listed(server.port) });
    const scope = scopeAt(Date.now());
    const request = { method: "GET", url: server.url };
    await send(network, request, scope);
    await send(network, request, scope);
    expect(server.requests).toHaveLength(1);
    await send(network, { ...request, headers: { a: "b" } }, scope);
    await send(network, request);
    expect(server.requests).toHaveLength(3);
  });

  test("headers that are ignored make no other request", async () => {
    const server = await world.serve(echoing);
    const network = world.network({ hosts: listed(server.port) });
    const scope = scopeAt(Date.now());
    const request = { method: "GET", url: server.url, cache_ignored_headers: ["x-id"] };
    await send(network, { ...request, headers: { "x-id": "1", a: "b" } }, scope);
    await send(network, { ...request, headers: { "x-id": "2", a: "b" } }, scope);
    expect(server.requests).toHaveLength(1);
    await send(network, { ...request, headers: { "x-id": "2", a: "c" } }, scope);
    expect(server.requests).toHaveLength(2);
  });

  test("requests and what they bring have a bound", async () => {
    const server = await world.serve((_request, response) => response.end("x".repeat(1_000)));
    const few = world.network({ hosts: listed(server.port), maxPerDecision: 3 });
    const small = world.network({ hosts: listed(server.port), maxBytes: 1_000 });
    for (const network of [few, small]) {
      const scope = scopeAt(Date.now());
      const ask = async (): Promise<number> => {
        for (let i = 0; ; i++) {
          try {
            await send(network, { method: "GET", url: `${server.url}/${i}` }, scope);
          } catch (error) {
            expect(error).toMatchObject({ name: "HostBudgetExceeded" });
            return i;
          }
        }
      };
      expect(await ask()).toBe(network === few ? 3 : 6);
    }
  });
});

describe("TLS", () => {
  const { cert, key } = makeCertificate(["api.test"]);
  const client = makeCertificate(["client.test"]);

  test.each<[name: string, extra: JsonObject, outcome: string]>([
    ["an unknown authority", {}, "tls: failed to verify certificate"],
    ["its own authority", { tls_ca_cert: cert }, "200"],
    ["its own authority, line ends written out", { tls_ca_cert: cert.replaceAll("\n", "\\n") }, "200"],
    ["its own and all usual ones", { tls_ca_cert: cert, tls_use_system_certs: true }, "200"],
    ["another authority", { tls_ca_cert: client.cert }, "tls: failed to verify certificate"],
    ["no check at all", { tls_insecure_skip_verify: true }, "200"],
    ["another name", { tls_ca_cert: cert, tls_server_name: "other.test" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["another Host", { tls_ca_cert: cert, headers: { host: "other.test" } }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("%s", async (_name, extra, outcome) => {
    const server = await world.serve(echoing, { cert, key });
    const network = world.network({ hosts: [...listed(server.port), "other.test"] });
    const response = await send(network, { method: "GET", url: server.url, raise_error: false, ...extra });
    expect(stringifyJson(response["error"] ?? response["status_code"] ?? null)).toContain(outcome);
  });

  test("shows the client's certificate", async () => {
    const server = await world.serve(echoing, { cert, key, ca: client.cert, requestCert: true });
    const network = world.network({ hosts: listed(server.port) });
    const request = { method: "GET", url: server.url, tls_ca_cert: cert, raise_error: false };
    expect((await send(network, request))["status_code"]).toBe(0);
    const pair = { tls_client_cert: client.cert, tls_client_key: client.key };
    expect((await send(network, { ...request, ...pair }))["status_code"]).toBe(200);
  });

  test("isn't left by a redirect", async () => {
    const plain = await world.serve(echoing);
    const server = await world.serve(
      (_request, response) => response.writeHead(302, { location: plain.url }).end(),
      {
        cert,
        key,
      },
    );
    const network = world.network({ hosts: [...listed(server.port), ...listed(plain.port)] });
    const request = { method: "GET", url: server.url, tls_ca_cert: cert, enable_redirect: true };
    expect(await refusal(network, request)).toContain("from https to http is refused");
    expect(plain.requests).toEqual([]);
  });
});
