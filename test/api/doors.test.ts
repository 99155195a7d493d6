/** The sidecar's doors: OPA's shapes, who may ask, and bad input. */
import { request as httpRequest } from "node:http";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Decision } from "../../sidecar/contract.js";
import { startSidecar } from "../../sidecar/main.js";
import type { World } from "../world.js";
import { bundleCache, policies, startWorld } from "../world.js";

let world: World;
let folder: string;
const pepToken = "a-token-of-at-least-thirty-two-characters";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-pep-"));
  await writeFile(join(folder, "pep"), pepToken, { mode: 0o600 });
  world = await startWorld({ sets: [`pep.peers=[{"name":"edge","token_file":"${join(folder, "pep")}"}]`] });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function call(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${world.sidecarUrl}${path}`, init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const post = (
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  call(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

/** Asks over the gateway's Unix socket, as an enforcement point does. */
function ask(body: unknown, path = "/v1/decisions"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      {
        socketPath: join(world.directory, "pdp.sock"),
        path,
        method: "POST",
        headers: { "content-type": "application/json" },
      },
      (res) => {
        let text = "";
        res.on("data", (chunk: Buffer) => (text += chunk.toString()));
        res.on("end", () => {
          resolve({
            status: res.statusCode ?? 0,
            body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
          });
        });
      },
    );
    req.on("error", reject);
    req.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

const input = {
  subject: {
    type: "agent",
    id: "a",
    properties: { tenant: "acme", groups: ["ml-engineering", "ml-senior"] },
  },
  action: { name: "model.invoke", properties: { phase: "request" } },
  resource: {
    type: "model",
    id: "gpt-4o",
    properties: { provider: "openai", region: "us", environment: "prod" },
  },
  context: { source: { ip: "10.0.0.1", network: "internal" } },
};
const modelCall = { kind: "model", action: input.action, resource: input.resource };
const context = { source: { ip: "10.0.0.1" }, request: { id: "r-12345678", method: "POST", path: "/" } };
const request = async (more: object = {}): Promise<object> => ({
  call: modelCall,
  credentials: { bearer: await world.issuer.token("senior") },
  context,
  obligations: [],
  ...more,
});

describe("OPA's data API", () => {
  test("answers an entrypoint with decision_id and result", async () => {
    const { status, body } = await post("/v1/data/countersign/decision", JSON.stringify({ input }));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      decision_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      result: { allow: true },
    });
  });

  test("answers what lies under an entrypoint", async () => {
    const { body } = await post("/v1/data/countersign/decision/allow", JSON.stringify({ input }));
    expect(body["result"]).toBe(true);
    const none = await post("/v1/data/countersign/decision/none", JSON.stringify({ input }));
    expect(none.status).toBe(200);
    expect(none.body).not.toHaveProperty("result");
  });

  test("answers GET with ?input, and without input as OPA does", async () => {
    const query = await call(
      `/v1/data/countersign/decision/allow?input=${encodeURIComponent(JSON.stringify(input))}`,
    );
    expect(query.body["result"]).toBe(true);
    const without = await call("/v1/data/countersign/decision", { method: "POST" });
    expect(without.body).toMatchObject({ result: { allow: false }, warning: { code: "api_usage_warning" } });
    expect((await call("/v1/data/countersign/decision")).body).not.toHaveProperty("warning");
  });

  test("answers data where there are no rules, and says so where nothing can answer", async () => {
    expect((await call("/v1/data/facts/ttl")).body["result"]).toEqual({ allow: 60, deny: 10 });
    const { status, body } = await call("/v1/data/none/such");
    expect(status).toBe(200);
    expect(body).toMatchObject({ warning: { code: "api_usage_warning" } });
    expect(body).not.toHaveProperty("result");
  });

  test("takes curl's default content type, pretty, metrics and provenance", async () => {
    const response = await fetch(
      `${world.sidecarUrl}/v1/data/countersign/decision?pretty&metrics&provenance`,
      {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: JSON.stringify({ input }),
      },
    );
    const text = await response.text();
    expect(text).toContain('\n  "decision_id"');
    expect(JSON.parse(text)).toMatchObject({
      metrics: { timer_server_handler_ns: expect.any(Number) },
      provenance: { bundles: { default: { revision: expect.any(String) } } },
    });
  });

  test.each([
    ["false", { allow: false }],
    ["0", { allow: false }],
    ['""', { allow: false }],
    ["null", { allow: false }],
    ["[]", { allow: false }],
    ["{}", { allow: false }],
  ])("input %s is evaluated, not dropped", async (text, expected) => {
    const { status, body } = await post("/v1/data/countersign/decision", `{"input":${text}}`);
    expect(status).toBe(200);
    expect(body["result"]).toMatchObject(expected);
    expect(body).not.toHaveProperty("warning");
  });
});

describe("bad input at the data door", () => {
  test.each<[string, string | Uint8Array, number, string]>([
    ["no JSON", "hello", 400, "invalid_parameter"],
    ["a list", "[]", 400, "invalid_parameter"],
    ["a duplicate key", '{"input":{"a":1,"a":2}}', 400, "invalid_parameter"],
    ["two inputs", '{"input":1,"input":2}', 400, "invalid_parameter"],
    ["deep nesting", `{"input":${"[".repeat(5_000)}`, 400, "invalid_parameter"],
    ["bytes that aren't UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), 400, "invalid_parameter"],
    ["a lone surrogate", '{"input":"\\udc00"}', 400, "invalid_parameter"],
    ["NaN", '{"input":NaN}', 400, "invalid_parameter"],
    ["10 MB", `{"input":"${"x".repeat(10_000_000)}"}`, 413, "body_too_large"],
  ])("%s", async (_name, body, status, code) => {
    const answer = await post("/v1/data/countersign/decision", body);
    expect({ status: answer.status, code: answer.body["code"] }).toEqual({ status, code });
    expect((await call("/health")).status).toBe(200);
  });

  test.each([
    ["PUT", "/v1/data/facts", 403],
    ["OPTIONS", "/v1/data/facts", 405],
    ["DELETE", "/v1/decisions", 405],
    ["POST", "/v1/policies/x", 405],
    ["PUT", "/v1/policies/x", 403],
    ["GET", "/v1/data/%zz", 400],
    ["GET", "/nothing", 404],
    ["POST", "/V1/DATA/countersign/decision", 404],
  ])("%s %s gives %d", async (method, path, status) => {
    expect((await call(path, { method })).status).toBe(status);
  });
});

describe("POST /v1/decisions", () => {
  test("decides for who is proven, over the socket", async () => {
    const { status, body } = await ask(await request());
    expect(status).toBe(200);
    expect(body).toMatchObject({
      allow: true,
      subject: { type: "agent", id: "agent:senior-assistant", tenant: "acme" },
      reasons: [{ rule: "model.use" }],
      rules: expect.arrayContaining(["model.use"]),
      bundles: { default: { revision: expect.any(String) } },
    });
  });

  test("never outlives the token", async () => {
    const exp = Math.floor(Date.now() / 1000) + 5;
    const bearer = await world.issuer.token("senior", { exp });
    const { body } = await ask(await request({ credentials: { bearer } }));
    const { expires_at, ttl } = body as unknown as Decision;
    expect(Date.parse(expires_at)).toBeLessThanOrEqual(exp * 1000);
    expect(ttl).toBeLessThanOrEqual(5);
  });

  test("gives a decision per call, in order", async () => {
    const other = { ...modelCall, resource: { ...modelCall.resource, id: "nope" } };
    const { body } = await ask({
      ...(await request({ call: undefined })),
      calls: [modelCall, other, modelCall],
    });
    expect((body["decisions"] as Decision[]).map(({ allow }) => allow)).toEqual([true, false, true]);
  });

  test("a token that doesn't prove anybody is a deny with its code", async () => {
    for (const [credentials, code] of [
      [{}, "unauthenticated"],
      [{ bearer: "" }, "unauthenticated"],
      [{ bearer: "x" }, "token_malformed"],
      [{ bearer: await world.issuer.token("senior", { aud: "other" }) }, "token_audience"],
      [{ bearer: await world.issuer.token("senior", { tenant: "umbrella" }) }, "token_tenant"],
    ] as const) {
      const { status, body } = await ask(await request({ credentials }));
      expect(status).toBe(200);
      expect(body).toMatchObject({ allow: false, reasons: [{ code }] });
    }
  });

  test("an obligation that the caller can't carry out is a deny", async () => {
    const query = {
      kind: "retrieval",
      action: { name: "retrieval.query", properties: { phase: "request" } },
      resource: {
        type: "collection",
        id: "handbook",
        properties: {
          classification: "internal",
          region: "eu",
          environment: "prod",
          query: { bytes: 1, top_k: 3 },
        },
      },
    };
    const able = await ask(await request({ call: query, obligations: ["filter"] }));
    expect(able.body).toMatchObject({ allow: true, obligations: [{ type: "filter" }] });
    const unable = await ask(await request({ call: query, obligations: ["limit_tokens"] }));
    expect(unable.body).toMatchObject({
      allow: false,
      reasons: [{ code: "obligation_unsatisfiable" }],
      obligations: [],
    });
  });

  test("two requests that differ only in what the policy never reads share one evaluation", async () => {
    const unique = {
      ...modelCall,
      resource: { ...modelCall.resource, properties: { ...modelCall.resource.properties, note: "n1" } },
    };
    const levels: unknown[] = [];
    for (const id of ["r-aaaaaaaa", "r-bbbbbbbb"]) {
      const asked = await request({
        call: unique,
        context: { ...context, source: { ip: "10.9.8.7" }, request: { ...context.request, id } },
      });
      levels.push((await ask(asked)).body["cache"]);
    }
    expect(levels[1]).toBe("l1");
  });

  test("over TCP it answers nobody without the enforcement point's token", async () => {
    const body = JSON.stringify(await request());
    expect((await post("/v1/decisions", body)).status).toBe(401);
    expect((await post("/v1/decisions", body, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await post("/v1/outcomes", "{}")).status).toBe(401);
    const answer = await post("/v1/decisions", body, { authorization: `Bearer ${pepToken}` });
    expect(answer.body).toMatchObject({ allow: true });
  });

  const malformed: [string, (body: Record<string, unknown>) => unknown][] = [
    ["no call", ({ call: _call, ...rest }) => rest],
    ["call and calls", (body) => ({ ...body, calls: [] })],
    ["513 calls", ({ call, ...rest }) => ({ ...rest, calls: Array.from({ length: 513 }, () => call) })],
    ["an unknown field", (body) => ({ ...body, allow: true })],
    ["an unknown action", (body) => ({ ...body, call: { ...modelCall, action: { name: "model.own" } } })],
    ["an unknown kind", (body) => ({ ...body, call: { ...modelCall, kind: "x" } })],
    ["a subject of the caller's own", (body) => ({ ...body, subject: { id: "root" } })],
    ["a time of the caller's own", (body) => ({ ...body, context: { ...context, time: { hour: 9 } } })],
    [
      "a network of the caller's own",
      (body) => ({ ...body, context: { ...context, source: { ip: "1.2.3.4", network: "internal" } } }),
    ],
    ["a bearer that is a list", (body) => ({ ...body, credentials: { bearer: ["x"] } })],
    ["no request id", (body) => ({ ...body, context: { request: {} } })],
    ["obligations as text", (body) => ({ ...body, obligations: "all" })],
    ["a list", (body) => [body]],
  ];
  test.each(malformed)("refuses %s", async (_name, change) => {
    const { status, body } = await ask(change((await request()) as Record<string, unknown>));
    expect({ status, code: body["code"] }).toEqual({ status: 400, code: "invalid_request" });
  });
});

describe("the doors themselves", () => {
  test("the socket is its owner's alone", async () => {
    expect((await stat(join(world.directory, "pdp.sock"))).mode & 0o777).toBe(0o600);
    expect((await stat(world.directory)).mode & 0o777).toBe(0o700);
  });

  test("health, status, config and metrics answer", async () => {
    expect((await call("/health?bundles")).body).toEqual({});
    expect((await call("/v1/status")).body).toMatchObject({
      result: { bundles: { default: { active_revision: expect.any(String) } } },
    });
    expect(JSON.stringify((await call("/v1/config")).body)).not.toContain(pepToken);
    const metrics = await (await fetch(`${world.sidecarUrl}/metrics`)).text();
    expect(metrics).toMatch(/countersign_decisions_total\{[^}]*result="allow"[^}]*\} \d+/);
  });

  test("on loopback, a page that had its name point here is refused", async () => {
    const { hostname, port } = new URL(world.sidecarUrl);
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        httpRequest({ hostname, port, path: "/v1/data/facts", headers: { host } }, (res) => {
          res.resume();
          resolve(res.statusCode);
        })
          .on("error", reject)
          .end();
      });
    expect(await status("evil.example")).toBe(403);
    expect(await status(`localhost.evil.example:${port}`)).toBe(403);
    expect(await status(`localhost:${port}`)).toBe(200);
  });

  test("in strict mode, no record means no access", async () => {
    const strict = await startWorld({ sets: ["audit.mode=strict", "decision_logs.file=/dev/full"] });
    try {
      const response = await fetch(`${strict.gatewayUrl}/v1/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${await strict.issuer.token("senior")}`,
        },
        body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] }),
      });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: "record_failed" } });
      expect(strict.upstreams.model.received).toHaveLength(0);
      const raw = await fetch(`${strict.sidecarUrl}/v1/data/countersign/decision`, {
        method: "POST",
        body: "{}",
      });
      expect(raw.status).toBe(503);
    } finally {
      await strict.close();
    }
  });

  test("a configuration with mistakes names them all", async () => {
    const options = {
      bundles: [policies],
      addresses: [],
      diagnosticAddresses: [],
      watch: false,
      cacheDir: bundleCache,
      log: { level: "error", format: "json" },
      version: "test",
    } as const;
    const start = startSidecar({
      ...options,
      config: { cahce: {}, decision: { budget: "much" }, cache: { l2: "sometimes", redis_url: "http://x" } },
      sets: ["time_zone=Mars/Olympus"],
    });
    await expect(start).rejects.toThrow(
      /decision\.budget[\s\S]*cache\.l2[\s\S]*time_zone[\s\S]*cahce: unknown field; did you mean cache/,
    );
    await expect(
      startSidecar({ ...options, config: {}, sets: [], bundles: ["/no/such/bundle"] }),
    ).rejects.toThrow(/\/no\/such\/bundle/);
  });
});
