/** Generic routes: each request decided, what is sent chosen name by name. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { parseGatewayConfig } from "../../gateway/config.js";
import type { Json } from "../../sidecar/contract.js";
import { root } from "../world.js";
import { pathCases, requestCases } from "./routes.cases.js";
import type { Served, World } from "./world.js";
import { allow, callerToken, deny, json, sendRaw, startUpstream, startWorld, until } from "./world.js";

const key = "route-key-1a2b";
let world: World;
let ui: Served;
const place = { region: "eu", environment: "prod" };

/** Goes away in the middle of a request. */
const quitter = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", () => setTimeout(() => socket.destroy(), 50));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    quitter.listen(0, "127.0.0.1", resolve);
  });
  const { port } = quitter.address() as AddressInfo;
  ui = await startUpstream((_req, res) => {
    json(res, { hello: true });
  });
  world = await startWorld({
    config: {
      claimed_headers: ["x-team"],
      routes: {
        ui: {
          kind: "web",
          url: `${ui.url}/app`,
          ...place,
          methods: ["GET", "HEAD", "POST"],
          cookies: ["session"],
          headers: ["x-page"],
          query_values: ["tab"],
          max_body_bytes: 1_000,
          max_answer_bytes: 100_000,
        },
        strict: { kind: "web", url: ui.url, ...place, body: "json", api_key: { value: key } },
        dead: { kind: "web", url: `http://127.0.0.1:${port}`, ...place, body: "stream" },
        uploads: { kind: "web", url: ui.url, ...place, body: "stream", max_body_bytes: 50_000 },
      },
    },
  });
});
afterAll(async () => {
  await world.close();
  await ui.close();
  quitter.close();
});
afterEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  world.sidecar.outcomes.length = 0;
  ui.received.length = 0;
  ui.answer = (_req, res) => {
    json(res, { hello: true });
  };
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${world.url}${path}`, {
    redirect: "manual",
    ...init,
    headers: { authorization: `Bearer ${callerToken}`, ...(init.headers as Record<string, string>) },
  });

describe("a request", () => {
  test("is described: path, parameters, headers and cookies that are configured, the body's size and digest", async () => {
    const answer = await ask("/routes/ui/notes/caf%C3%A9%20au?tab=a&tab=b&token=secret", {
      method: "POST",
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "x-page": "7",
        "x-team": "blue",
        "x-other": "no",
        cookie: "session=s1; other=o1",
      },
      body: "hello",
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ hello: true });
    expect(answer.headers.get("x-countersign-decision-id")).toBe(`d-${world.sidecar.decided()}`);
    const [{ calls, context } = { calls: [], context: {} }] = world.sidecar.asked;
    expect(calls).toEqual([
      {
        kind: "route",
        action: {
          name: "http.request",
          properties: {
            phase: "request",
            method: "POST",
            cookies: ["session"],
            body: {
              type: "text/plain",
              bytes: 5,
              sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            },
          },
        },
        resource: {
          type: "route",
          id: "ui",
          properties: {
            route: "ui",
            ...place,
            path: "/notes/café au",
            query: { names: ["tab", "token"], values: { tab: ["a", "b"] } },
          },
        },
      },
    ]);
    expect(context).toMatchObject({
      request: { method: "POST", path: "/routes/ui/notes/caf%C3%A9%20au" },
      claimed: { headers: { "x-team": "blue", "x-page": "7" } },
    });
    expect(JSON.stringify(world.sidecar.asked)).not.toMatch(/secret|s1|o1/);
  });

  test("is sent as it was decided: its own headers only, no credential of the caller", async () => {
    await ask("/routes/ui/notes?tab=a+b", {
      method: "POST",
      headers: {
        "content-type": "text/plain",
        "x-page": "7",
        "x-other": "no",
        "x-api-key": "",
        "x-forwarded-for": "1.2.3.4",
        "x-http-method-override": "DELETE",
        "accept-encoding": "br",
        cookie: 'other=o1; session="s 1"; session2=s2',
        forwarded: "for=1.2.3.4",
        te: "trailers",
      },
      body: "hello",
    });
    const [got] = ui.received;
    expect(got).toMatchObject({ method: "POST", path: "/app/notes?tab=a+b", body: "hello" });
    expect(Object.keys(got?.headers ?? {}).sort()).toEqual(
      [
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "host",
      ].concat(["x-forwarded-prefix", "x-page"]),
    );
    expect(got?.headers).toMatchObject({
      "accept-encoding": "identity",
      "x-forwarded-prefix": "/routes/ui",
      "content-length": "5",
    });
  });

  test("that is denied isn't sent, and says why", async () => {
    world.sidecar.decide = deny("not_granted", "not for you");
    const answer = await ask("/routes/ui/admin");
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: "denied",
      decision_id: `d-${world.sidecar.decided()}`,
      reasons: [{ code: "not_granted" }],
    });
    expect(ui.received).toEqual([]);
    const told = (): unknown =>
      world.sidecar.outcomes.find(({ decision_id }) => decision_id === `d-${world.sidecar.decided()}`);
    await until(() => told() !== undefined);
    expect(told()).toMatchObject({ kind: "route", outcome: "denied", status: 403 });
  });

  test("that nobody decides isn't sent", async () => {
    world.sidecar.raw = (say) => {
      say.text("{}");
    };
    const answer = await ask("/routes/ui/a");
    world.sidecar.raw = undefined;
    expect(answer.status).toBe(503);
    expect(ui.received).toEqual([]);
  });

  test("under an obligation isn't sent: there is none that can be carried out here", async () => {
    world.sidecar.decide = () => ({ allow: true, obligations: [{ id: "o", type: "mask", properties: {} }] });
    expect((await ask("/routes/ui/a")).status).toBe(403);
    expect(ui.received).toEqual([]);
  });
});

describe("bodies", () => {
  test("of JSON are parsed, seen by policy, and sent as they were read", async () => {
    const body = '{"a" : 1.0, "b":[9007199254740993]}';
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await ask("/routes/strict/x", { ...init, body })).status).toBe(200);
    expect(ui.received[0]?.body).toBe('{"a":1.0,"b":[9007199254740993]}');
    expect(ui.received[0]?.headers.authorization).toBe(`Bearer ${key}`);
    expect(world.sidecar.asked[0]?.calls?.[0]?.action.properties).toMatchObject({ body: { json: { a: 1 } } });
    for (const [wrong, code] of [
      ['{"a":1,"a":2}', "duplicate_key"],
      ["{", "invalid_json"],
    ] as const) {
      const answer = await ask("/routes/strict/x", { ...init, body: wrong });
      expect(await answer.json()).toMatchObject({ code });
    }
    const plain = await ask("/routes/strict/x", {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body,
    });
    expect(await plain.json()).toMatchObject({ code: "unsupported_media_type" });
    expect(ui.received).toHaveLength(1);
  });

  const chunks = (count: number): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (let i = 0; i < count; i++) controller.enqueue(new Uint8Array(10_000));
        controller.close();
      },
    });

  test("stream through where the route says so, up to their size", async () => {
    const upload = (count: number): Promise<Response> =>
      ask("/routes/uploads/f", {
        method: "PUT",
        body: chunks(count),
        duplex: "half",
        headers: { "content-type": "application/octet-stream" },
      } as RequestInit);
    expect((await upload(5)).status).toBe(200);
    expect(ui.received[0]?.body).toHaveLength(50_000);
    expect(world.sidecar.asked[0]?.calls?.[0]?.action.properties["body"]).toEqual({
      type: "application/octet-stream",
      streamed: true,
    });
    ui.received.length = 0;
    // who still sends gets to see what went wrong
    const slow = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        controller.enqueue(new Uint8Array(1_000));
      },
    });
    const dead = await ask("/routes/dead/f", { method: "PUT", body: slow, duplex: "half" } as RequestInit);
    expect(await dead.json()).toMatchObject({ code: "upstream_unavailable" });
    expect(await (await upload(6)).json()).toMatchObject({ code: "body_too_large" });
    expect(ui.received).toEqual([]);
  });
});

describe("an answer", () => {
  const answering = (status: number, headers: Record<string, string | string[]>, body = ""): void => {
    ui.answer = (_req, res) => {
      res.writeHead(status, headers).end(body);
    };
  };

  test("keeps what belongs to it, and nothing that belongs to a connection, an origin or a cache", async () => {
    answering(
      200,
      {
        "content-type": "text/html",
        etag: '"1"',
        "cache-control": "public, max-age=600",
        connection: "close, x-hop",
        "x-hop": "1",
        "keep-alive": "timeout=5",
        "alt-svc": 'h3=":443"',
        "clear-site-data": '"cookies"',
        "service-worker-allowed": "/",
        "access-control-allow-origin": "*",
        "x-countersign-decision-id": "forged",
        "strict-transport-security": "max-age=1",
        refresh: "0; url=https://evil.example",
        "content-security-policy": "default-src 'self'",
      },
      "<p>",
    );
    const answer = await ask("/routes/ui/page");
    expect(await answer.text()).toBe("<p>");
    const names = [...answer.headers.keys()].filter(
      (name) => !/^x-countersign-cache|^date|^x-request-id/.test(name),
    );
    expect(names.sort()).toEqual(
      ["cache-control", "connection", "content-security-policy", "content-type", "etag", "keep-alive"]
        .concat(["transfer-encoding", "x-content-type-options", "x-countersign-decision-id"])
        .sort(),
    );
    expect(answer.headers.get("cache-control")).toBe("private, no-cache");
    expect(answer.headers.get("x-countersign-decision-id")).toBe(`d-${world.sidecar.decided()}`);
  });

  test("sets cookies that are listed, within the route", async () => {
    answering(200, {
      "set-cookie": [
        "session=abc; Domain=example.com; Path=/app/sub; HttpOnly; Max-Age=60",
        "session=abc; Path=/; SameSite=None; Secure",
        "session=abc; Path=/app/../x",
        "other=1; Path=/",
        "__Host-session=1; Path=/; Secure",
      ],
    });
    expect((await ask("/routes/ui/a")).headers.getSetCookie()).toEqual([
      "session=abc; HttpOnly; Max-Age=60; Path=/routes/ui/sub; SameSite=Lax",
      "session=abc; Secure; Path=/routes/ui; SameSite=None",
      "session=abc; Path=/routes/ui; SameSite=Lax",
    ]);
  });

  test.each([
    ["/app/b?x=1#top", "/routes/ui/b?x=1#top"],
    ["c", "/routes/ui/c"],
    ["UPSTREAM/app/b", "/routes/ui/b"],
    ["/app", "/routes/ui/"],
  ])("that redirects to %s leads to %s, and isn't followed", async (location, expected) => {
    answering(302, { location: location.replace("UPSTREAM", ui.url) });
    const answer = await ask("/routes/ui/a");
    expect(answer.status).toBe(302);
    expect(answer.headers.get("location")).toBe(expected);
    expect(ui.received).toHaveLength(1);
  });

  test.each([
    "https://evil.example/",
    "//evil.example/app/",
    "/elsewhere",
    "/app/../secret",
    "/application",
    "\\\\evil.example/app",
    "javascript:alert(1)",
    "http://user:pass@127.0.0.1/app/",
    "/app/%2e%2e/x",
    "",
  ])("that redirects to %j is refused", async (location) => {
    answering(307, { location });
    const answer = await ask("/routes/ui/a");
    expect(answer.status).toBe(502);
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.json()).toMatchObject({ code: "redirect_refused" });
  });

  test("in an encoding that nobody asked for is refused", async () => {
    answering(200, { "content-encoding": "gzip" }, "x");
    expect((await ask("/routes/ui/a")).status).toBe(502);
  });

  test("401 passes without its challenge; where the gateway's own key was refused it doesn't", async () => {
    answering(401, { "www-authenticate": "Basic" }, key);
    const answer = await ask("/routes/ui/a");
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, null]);
    const own = await ask("/routes/strict/a");
    expect(own.status).toBe(502);
    expect(await own.text()).not.toContain(key);
  });

  test("comes as it is written, no more than it may, and looks cut where it was", async () => {
    let go = (): void => undefined;
    ui.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      go = () => res.end("data: 2\n\n");
    };
    const answer = await ask("/routes/ui/stream");
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("data: 1\n\n");
    go();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("data: 2\n\n");
    ui.answer = (_req, res) => {
      res.writeHead(200).end("x".repeat(100_001));
    };
    const large = await ask("/routes/ui/large")
      .then((one) => one.text())
      .catch(() => "cut");
    expect(large).toBe("cut");
    ui.answer = (_req, res) => {
      res.writeHead(200).write("x");
      setImmediate(() => res.destroy());
    };
    expect(
      await ask("/routes/ui/cut")
        .then((one) => one.text())
        .catch(() => "cut"),
    ).toBe("cut");
  });

  test("HEAD has no body; a client that goes away ends the upstream's work", async () => {
    answering(200, { "content-length": "5" });
    const head = await ask("/routes/ui/a", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "5"]);
    const before = ui.aborted();
    ui.answer = () => undefined;
    const gone = new AbortController();
    const asking = ask("/routes/ui/slow", { signal: gone.signal }).catch(() => undefined);
    await until(() => ui.received.some(({ path }) => path === "/app/slow"));
    gone.abort();
    await asking;
    await until(() => ui.aborted() === before + 1);
  });

  test("waits where the client doesn't read", async () => {
    let written = 0;
    const piece = Buffer.alloc(65_536);
    ui.answer = (_req, res) => {
      res.writeHead(200);
      const write = (): void => {
        while (written < 400 && !res.destroyed) {
          written++;
          if (!res.write(piece)) {
            res.once("drain", write);
            return;
          }
        }
      };
      write();
    };
    const socket = connect(world.port, "127.0.0.1");
    socket.pause();
    socket.write(`GET /routes/uploads/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${callerToken}\r\n\r\n`);
    await until(() => written > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // sockets hold some; what stands between them doesn't
    expect(written).toBeLessThan(300);
    socket.destroy();
    await until(() => ui.aborted() > 0);
  });

  test("an upgrade that isn't asked of this connection is no upgrade, and isn't passed on", async () => {
    const answer = await sendRaw(
      world.port,
      `GET /routes/ui/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${callerToken}\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(ui.received[0]?.headers).not.toHaveProperty("upgrade");
  });

  test("101 to a plain request is none", async () => {
    ui.answer = (_req, res) => {
      res.socket?.end(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
      );
    };
    const answer = await ask("/routes/ui/a");
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain("hello");
  });
});

test.each([...pathCases, ...requestCases].map((one) => [one.name, one] as const))(
  "refused, neither decided nor sent: %s",
  async (_name, { bytes, code }) => {
    const answer = await sendRaw(world.port, bytes);
    expect(answer).toContain(`"code":"${code ?? ""}"`);
    expect(ui.received).toEqual([]);
    expect(world.sidecar.asked).toEqual([]);
  },
);

test("the example in the docs is a valid configuration, and every key is named there", () => {
  const text = readFileSync(join(root, "docs/gateway-routes.md"), "utf8");
  const example = yaml.load(/```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "") as { routes: Json };
  const config = parseGatewayConfig({ ...example, sidecar: { socket: "/s" } });
  expect([...config.routes.keys()]).toEqual(["notes", "chains", "local-models", "triton"]);
  const source = ["config.ts", "websocket/config.ts"].map((file) =>
    readFileSync(join(root, "gateway/routes", file), "utf8"),
  );
  const keys = [
    ...source
      .join("")
      .matchAll(
        /fields\.(?:string|strings|integer|oneOf|boolean|required|entries|items)(?:<\w+>)?\(\s*"(\w+)"/g,
      ),
  ];
  const names = keys.map(([, key = ""]) => key);
  expect(names.length).toBeGreaterThan(25);
  expect(names.filter((key) => !new RegExp(`[\`.{ ]${key}[\`:,]`).test(text))).toEqual([]);
});

test("configuration that can't be meant is refused by its place", () => {
  const wrong = {
    sidecar: { socket: "/s" },
    routes: {
      a: { kind: "web", url: "http://x/?q=1", region: "eu" },
      b: { kind: "ftp", url: "http://x", ...place },
      c: {
        kind: "web",
        url: "http://x",
        ...place,
        headers: ["Cookie"],
        cookies: ["__Host-x"],
        chains: ["y"],
      },
      d: { kind: "http", url: "http://x", ...place },
      e: { kind: "web", url: "http://x", ...place, websocket: { idle: 1 }, methods: ["TRACE"] },
    },
  };
  expect(() => parseGatewayConfig(wrong as unknown as Json)).toThrow(
    expect.objectContaining({
      problems: expect.arrayContaining([
        "routes.a.environment: is required",
        "routes.a.url: must not have a query",
        "routes.b.kind: must be one of web, http, langserve, ollama, vllm",
        "routes.c.headers: cookie is no header that may pass",
        "routes.c.cookies: __Host-x is no name of a cookie that may pass",
        "routes.c.chains: is for routes of the kind langserve",
        "routes.d.operations: name at least one",
        "routes.e.websocket.idle: unknown field",
      ]) as unknown,
    }) as unknown as Error,
  );
});
