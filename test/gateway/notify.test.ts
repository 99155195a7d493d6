/** `notify`: configured hooks are told of decisions, signed; what they do never harms more than was asked for. */
import { createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseGatewayConfig } from "../../gateway/config.js";
import { startGateway } from "../../gateway/main.js";
import type { NotifyResult } from "../../gateway/notify/notifier.js";
import { createNotifier } from "../../gateway/notify/notifier.js";
import { readHookSecret, signHook } from "../../gateway/notify/sign.js";
import type { Decision, Json, JsonObject } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import type { Served, World } from "./world.js";
import {
  callerToken,
  chatBody,
  json,
  post,
  startFakeSidecar,
  startUpstream,
  startWorld,
  subject,
  until,
} from "./world.js";

const key = Buffer.alloc(32, 7);
const secret = `whsec_${key.toString("base64")}`;
const decision: Decision = {
  ...{
    decision_id: "d-1",
    allow: true,
    obligations: [],
    labels: ["l"],
    ttl: 0,
    cache: "none",
    bundles: {},
    subject,
  },
  ...{ rules: ["model.use"], expires_at: "2026-01-01T00:00:00.000Z" },
  reasons: [{ code: "tier_granted", message: "a message that says much", rule: "model.use" }],
};

const ok = (_req: IncomingMessage, res: ServerResponse): void => void res.writeHead(204).end();
const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;

describe("a signature", () => {
  // Source: Standard Webhooks, the example of its reference libraries
  test("is that of the specification", () => {
    const known = readHookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const headers = signHook("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}', [
      known ?? Buffer.alloc(0),
    ]);
    expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("is made by each key, while one takes the other's place", () => {
    const { "webhook-signature": both = "" } = signHook("m", 1, "{}", [key, Buffer.alloc(24, 1)]);
    expect(both.split(" ").map((one) => one.slice(0, 3))).toEqual(["v1,", "v1,"]);
  });

  test.each(["", "whsec_", "whsec_AAAA", key.toString("base64"), `whsec_${"!".repeat(44)}`, `${secret} `])(
    "isn't made by %j",
    (text) => {
      expect(readHookSecret(text)).toBeUndefined();
    },
  );
});

test("a secret that isn't one is found at the start", () => {
  const url = new URL("https://hooks.example/");
  const parts = {
    hooks: new Map([["soc", { url, secret: { id: "s", value: "short" }, timeoutMs: 1 }]]),
    secretsOf: () => ["short"],
    newId: () => "1",
    now: Date.now,
    random: Math.random,
    sleep: () => Promise.resolve(),
    notified: () => undefined,
  };
  expect(() => createNotifier(parts)).toThrow(/notify\.soc/);
});

describe("a hook", () => {
  let hook: Served;
  let results: NotifyResult[];
  let pauses: number[];
  beforeEach(async () => {
    hook = await startUpstream(ok);
    results = [];
    pauses = [];
  });
  afterEach(() => hook.close());
  const notifier = (timeoutMs = 20_000, random = () => 0) =>
    createNotifier({
      hooks: new Map([
        ["soc", { url: new URL(`${hook.url}/in?x=1`), secret: { id: "s", value: secret }, timeoutMs }],
      ]),
      secretsOf: () => [secret],
      newId: () => "1",
      now: () => 1_700_000_000_000,
      random,
      sleep: (ms) => {
        pauses.push(ms);
        return new Promise((resolve) => setImmediate(resolve));
      },
      notified: (_name, result) => results.push(result),
    });
  const optional = { hook: "soc", required: false };
  const required = { hook: "soc", required: true };

  test("gets codes and ids, signed; no message and no content", async () => {
    const one = notifier();
    expect(await one.notify(required, decision, "request")).toBe(true);
    const [got] = hook.received;
    expect(JSON.parse(got?.body ?? "")).toEqual({
      type: "countersign.decision",
      timestamp: "2023-11-14T22:13:20.000Z",
      data: {
        ...{ decision_id: "d-1", phase: "request", allow: true, tenant: "acme" },
        ...{ reasons: ["tier_granted"], rules: ["model.use"] },
      },
    });
    const signed = createHmac("sha256", key)
      .update(`msg_1.1700000000.${got?.body ?? ""}`)
      .digest("base64");
    expect(got).toMatchObject({
      ...{ method: "POST", path: "/in?x=1" },
      headers: {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": `v1,${signed}`,
      },
    });
    expect(results).toEqual(["delivered"]);
    await one.close(100);
  });

  type Answer = (req: IncomingMessage, res: ServerResponse) => void;
  /** With a timeout where nothing else ends it: a busy machine may reach it before the request has come. */
  const faults: readonly (readonly [string, Answer, number | undefined])[] = [
    ["a 500", (_req, res) => void res.writeHead(500).end(), undefined],
    ["a 404", (_req, res) => void res.writeHead(404).end(), undefined],
    ["a redirect", (_req, res) => void res.writeHead(307, { location: "/elsewhere" }).end(), undefined],
    ["a hang", () => undefined, 60],
    ["a lost connection", (_req, res) => void res.destroy(), undefined],
    ["half an answer's head", (_req, res) => void res.socket?.write("HTTP/1.1 200 O"), 60],
  ];
  test.each(faults)(
    "that answers by %s hasn't taken it: a request that needs it isn't let through",
    async (_name, answer, timeoutMs) => {
      hook.answer = answer;
      const one = notifier(timeoutMs);
      expect(await one.notify(required, decision, "request")).toBe(false);
      expect([results, pauses]).toEqual([["failed"], []]);
      const paths = hook.received.map(({ path }) => path);
      if (timeoutMs === undefined || paths.length > 0) expect(paths).toEqual(["/in?x=1"]);
      await one.close(100);
    },
  );

  test.each(faults)(
    "that answers by %s is tried again, under the same id, and given up",
    async (_name, answer, timeoutMs) => {
      hook.answer = answer;
      const one = notifier(timeoutMs);
      expect(await one.notify(optional, decision, "request")).toBe(true);
      await until(() => results.length > 0);
      expect(results).toEqual(["failed"]);
      expect(pauses).toEqual([250, 1_000, 4_000, 15_000]);
      const ids = hook.received.map(({ headers }) => headers["webhook-id"]);
      expect(ids).toEqual(Array.from({ length: timeoutMs === undefined ? 5 : ids.length }, () => "msg_1"));
      expect(ids.length).toBeLessThanOrEqual(5);
      await one.close(0);
    },
  );

  test("that comes back gets it", async () => {
    hook.answer = (_req, res) => void res.writeHead(hook.received.length > 2 ? 200 : 503).end();
    const one = notifier();
    await one.notify(optional, decision, "request");
    await until(() => results.length > 0);
    expect([results, hook.received.length]).toEqual([["delivered"], 3]);
    await one.close(100);
  });

  test("isn't flooded: so many wait, so many are under way, what is beyond is dropped", async () => {
    let underWay = 0;
    let most = 0;
    hook.answer = (_req, res) => {
      most = Math.max(most, ++underWay);
      setTimeout(() => {
        underWay--;
        res.writeHead(204).end();
      }, 2);
    };
    const one = notifier();
    for (let i = 0; i < 1_500; i++) void one.notify(optional, decision, "request");
    const dropped = results.filter((result) => result === "dropped").length;
    expect(dropped).toBe(1_500 - 1_000 - 8);
    await until(() => results.length === 1_500);
    expect(most).toBeLessThanOrEqual(8);
    await one.close(100);
  });

  test("that hangs keeps no more than so many requests waiting", async () => {
    hook.answer = () => undefined;
    const one = notifier(300);
    const all = await Promise.all(
      Array.from({ length: 80 }, () => one.notify(required, decision, "request")),
    );
    expect(all.every((taken) => !taken)).toBe(true);
    expect(results.filter((result) => result === "dropped").length).toBe(16);
    await one.close(0);
  });

  test("that answers without end is cut off", async () => {
    hook.answer = (_req, res) => {
      res.writeHead(200);
      const more = (): void => {
        if (!res.destroyed) res.write("x".repeat(65_536), more);
      };
      more();
    };
    const one = notifier();
    expect(await one.notify(required, decision, "request")).toBe(true);
    await until(() => hook.aborted() === 1);
    await one.close(100);
  });

  test("that isn't configured is nobody's", async () => {
    const one = notifier();
    expect(one.has("other")).toBe(false);
    expect(await one.notify({ hook: "other", required: true }, decision, "request")).toBe(false);
    expect(await one.notify({ hook: "constructor", required: true }, decision, "request")).toBe(false);
    await one.close(100);
  });
});

describe("the gateway", () => {
  let world: World | undefined;
  let hook: Served | undefined;
  afterEach(async () => {
    await world?.close();
    await hook?.close();
  });
  const start = async (): Promise<World> => {
    hook = await startUpstream(ok);
    const soc = { url: `${hook.url}/hook`, secret: { value: secret }, timeout_ms: 20_000 };
    world = await startWorld({ config: { notify: { soc } } });
    return world;
  };
  const oblige =
    (...all: readonly object[]) =>
    () => ({
      allow: true,
      reasons: [{ code: "tier_granted", message: "m" }],
      obligations: all.map((properties) => ({ id: "n", type: "notify", properties: parse(properties) })),
    });

  test("tells a hook, and doesn't wait", async () => {
    const one = await start();
    let answerHook: (() => void) | undefined;
    if (hook !== undefined) hook.answer = (_req, res) => (answerHook = () => void res.writeHead(204).end());
    one.sidecar.decide = oblige({ hook: "soc" });
    expect((await post(one, "/v1/chat/completions", chatBody())).status).toBe(200);
    await until(() => hook?.received.length === 1);
    expect(hook?.received[0]?.body).toContain('"decision_id":"d-1"');
    expect(hook?.received[0]?.body).not.toContain('"hi"');
    // closing waits for what is under way
    answerHook?.();
  });

  test.each([
    [204, 200, 1],
    [500, 403, 0],
    [302, 403, 0],
  ])("waits where it must: a hook's %d gives %d", async (said, status, sent) => {
    const one = await start();
    if (hook !== undefined) hook.answer = (_req, res) => void res.writeHead(said, { location: "/x" }).end();
    one.sidecar.decide = oblige({ hook: "soc", required: true });
    expect((await post(one, "/v1/chat/completions", chatBody())).status).toBe(status);
    expect([hook?.received.length, one.model.received.length]).toEqual([1, sent]);
    await until(() => one.sidecar.outcomes.length > 0);
    expect(one.sidecar.outcomes[0]?.outcome).toBe(sent === 1 ? "forwarded" : "obligation_unsatisfiable");
  });

  test.each([
    { hook: "other" },
    { hook: "https://attacker.example/" },
    { hook: "soc", url: "https://attacker.example/" },
    { url: "https://attacker.example/" },
    { hook: "__proto__" },
    { hook: ["soc"] },
    { hook: "soc", required: "true" },
    {},
  ])("doesn't take an address from a policy: %j is a deny", async (properties) => {
    const one = await start();
    one.sidecar.decide = oblige(properties);
    expect((await post(one, "/v1/chat/completions", chatBody())).status).toBe(403);
    expect([hook?.received, one.model.received]).toEqual([[], []]);
  });

  test("nobody is told of what isn't done", async () => {
    const one = await start();
    one.sidecar.decide = () => ({
      allow: true,
      obligations: [
        { id: "n", type: "notify", properties: parse({ hook: "soc" }) },
        { id: "l", type: "limit_tokens", properties: {} },
      ],
    });
    expect((await post(one, "/v1/chat/completions", chatBody())).status).toBe(403);
    expect(hook?.received).toEqual([]);
  });

  test("operations tell, too", async () => {
    const one = await start();
    one.sidecar.decide = oblige({ hook: "soc", required: true });
    one.model.answer = (_req, res) => {
      json(res, { data: [], usage: { prompt_tokens: 1 } });
    };
    expect((await post(one, "/v1/embeddings", JSON.stringify({ model: "small", input: "hi" }))).status).toBe(
      200,
    );
    expect(hook?.received.length).toBe(1);
  });

  test.each([
    { url: "http://hooks.example/" },
    { url: "https://u:p@hooks.example/" },
    { url: "file:///etc/passwd" },
    { url: "https://hooks.example/", secret: {} },
    { url: "https://hooks.example/", timeout_ms: 0 },
    { url: "https://hooks.example/", retries: 3 },
    {},
  ])("refuses the configuration %j", (given) => {
    const notify = { soc: { secret: { value: secret }, ...given } };
    expect(() => parseGatewayConfig({ sidecar: { socket: "/s" }, notify } as unknown as Json)).toThrow(
      /notify\.soc/,
    );
  });

  test("a reload puts another hook in its place; what the first has still to be told, it is told", async () => {
    const [sidecar, model, first, second] = await Promise.all([
      startFakeSidecar(),
      startUpstream((_req, res) => {
        json(res, { choices: [] });
      }),
      startUpstream((_req, res) => void res.writeHead(first.received.length > 1 ? 204 : 503).end()),
      startUpstream(ok),
    ]);
    sidecar.decide = oblige({ hook: "soc" });
    const config = (url: string): Json =>
      ({
        listen: "127.0.0.1:0",
        sidecar: { socket: sidecar.socket, deadline_ms: 2_000 },
        upstreams: { main: { url: model.url } },
        models: { small: { upstream: "main", provider: "p", region: "eu", environment: "prod" } },
        notify: { soc: { url, secret: { value: secret } } },
      }) as unknown as Json;
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const gateway = await startGateway({ config: config(first.url), log });
    const ask = (): Promise<Response> =>
      fetch(`${gateway.address}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
        body: chatBody(),
      });
    await (await ask()).text();
    await until(() => first.received.length === 1);
    expect(await gateway.reload(() => config(second.url))).toEqual({ kind: "applied" });
    await (await ask()).text();
    await until(() => first.received.length === 2 && second.received.length === 1);
    expect(second.received[0]?.body).toContain('"decision_id":"d-2"');
    await gateway.close();
    await Promise.all([sidecar, model, first, second].map((one) => one.close()));
  });

  test("add_label: labels are recorded with the policy's own", async () => {
    const one = await start();
    const labels = parse({ labels: ["restricted-data", "a"] });
    one.sidecar.decide = () => ({
      allow: true,
      labels: ["own"],
      obligations: [{ id: "l", type: "add_label", properties: labels }],
    });
    await post(one, "/v1/chat/completions", chatBody());
    await until(() => one.sidecar.outcomes.length > 0);
    expect(one.sidecar.outcomes[0]?.labels).toEqual(["a", "own", "restricted-data"]);
  });

  test.each([
    ["add_label", { labels: [] }],
    ["add_label", { labels: ["With Blank"] }],
    ["add_label", { labels: ["a\nb"] }],
    ["add_label", { labels: "a" }],
    ["add_label", { labels: Array.from({ length: 40 }, (_, i) => `l${i}`) }],
    ["add_label", { labels: ["a"], header: "x" }],
    // no detectors are configured
    ["inspect_answer", { mode: "decide" }],
    ["inspect_answer", { mode: "maybe" }],
  ])("%s %j is a deny", async (type, properties) => {
    const one = await start();
    one.sidecar.decide = () => ({
      allow: true,
      obligations: [{ id: "x", type, properties: parse(properties) }],
    });
    expect((await post(one, "/v1/chat/completions", chatBody())).status).toBe(403);
    expect(one.model.received).toEqual([]);
  });
});
