import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { World } from "./world.js";
import { allow, callerToken, chatBody, deny, json, post, providerKey, startWorld, until } from "./world.js";

let world: World;
let client: OpenAI;
let answer: World["model"]["answer"];

beforeAll(async () => {
  world = await startWorld();
  client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 });
  ({ answer } = world.model);
});
afterAll(() => world.close());
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.raw = undefined;
  world.sidecar.asked.length = 0;
  world.sidecar.outcomes.length = 0;
  world.model.received.length = 0;
  world.model.answer = answer;
});

/** Waits for the outcome of the last decision. */
async function reported(expected: Record<string, unknown>): Promise<void> {
  const id = `d-${world.sidecar.decided()}`;
  await until(() => world.sidecar.outcomes.some(({ decision_id }) => decision_id === id));
  expect(world.sidecar.outcomes.find(({ decision_id }) => decision_id === id)).toMatchObject(expected);
}

const chat = { model: "small", messages: [{ role: "user" as const, content: "secret prompt" }] };
const chunk = (text: string): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: text } }] })}\n\n`;

describe("an allowed call through the official client", () => {
  test("is answered; the upstream gets the provider's key, and nothing of the caller", async () => {
    const { data, response } = await client.chat.completions.create(chat).withResponse();
    expect(data.choices[0]?.message.content).toBe("hello");
    expect(response.headers.get("x-countersign-decision-id")).toMatch(/^d-/);
    const [got] = world.model.received;
    expect(got?.path).toBe("/v1/chat/completions");
    expect(got?.headers.authorization).toBe(`Bearer ${providerKey}`);
    expect(JSON.stringify(got)).not.toContain(callerToken);
    expect(Object.keys(got?.headers ?? {}).filter((name) => name.startsWith("x-stainless"))).toEqual([]);
    await reported({
      outcome: "forwarded",
      kind: "model",
      status: 200,
      usage: { input_tokens: 3, output_tokens: 2 },
    });
  });

  test("is streamed part by part", async () => {
    let release: () => void = () => undefined;
    world.model.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"));
      release = () => res.end(`${chunk("two")}data: [DONE]\n\n`);
    };
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    const parts: string[] = [];
    for await (const part of stream) {
      parts.push(part.choices[0]?.delta.content ?? "");
      // the second part exists only once the first has been seen: nothing is held back
      release();
    }
    expect(parts).toEqual(["one", "two"]);
  });

  test("is known to the sidecar by its facts, never by its content", async () => {
    await client.chat.completions.create({ ...chat, max_tokens: 7, temperature: 0.5 });
    const [request] = world.sidecar.asked;
    const call = request?.call ?? request?.calls?.[0];
    expect(call).toMatchObject({
      kind: "model",
      action: { name: "model.invoke", properties: { phase: "request", stream: false } },
      resource: {
        type: "model",
        id: "small",
        properties: { provider: "openai", region: "eu", environment: "prod" },
      },
    });
    expect(call?.action.properties["parameters"]).toMatchObject({ max_tokens: 7, temperature: 0.5 });
    expect(request?.credentials.bearer).toBe(callerToken);
    expect(request?.context).toMatchObject({
      source: { ip: "127.0.0.1" },
      environment: "test",
      request: { method: "POST", path: "/v1/chat/completions" },
      prompt: { messages: 1, roles: { user: 1 } },
    });
    expect(JSON.stringify(request)).not.toContain("secret prompt");
    expect(request?.obligations).toContain("limit_tokens");
  });

  test("goes by the upstream's name for the model", async () => {
    await client.chat.completions.create({ ...chat, model: "alias" });
    expect(JSON.parse(world.model.received[0]?.body ?? "")).toMatchObject({ model: "real-name" });
  });
});

describe("a refused call through the official client", () => {
  const refusals = [
    ["policy", deny(), OpenAI.PermissionDeniedError, 403],
    ["no token", deny("unauthenticated", "x"), OpenAI.AuthenticationError, 401],
    ["an expired token", deny("token_expired", "x"), OpenAI.AuthenticationError, 401],
    ["an unknown key service", deny("issuer_unavailable", "x"), OpenAI.InternalServerError, 503],
  ] as const;
  test.each(refusals)(
    "%s: raises its own error; nothing is forwarded",
    async (_name, decide, type, status) => {
      world.sidecar.decide = decide;
      const error: unknown = await client.chat.completions.create(chat).catch((raised: unknown) => raised);
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ status });
      expect((error as { error: { decision_id: string } }).error.decision_id).toMatch(/^d-/);
      expect(world.model.received).toEqual([]);
      await reported({ outcome: "denied", status });
    },
  );

  test("a denial names reasons and rule", async () => {
    world.sidecar.decide = deny();
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(response.headers.get("x-countersign-rule")).toBe("model.tier");
    expect(await response.json()).toMatchObject({
      error: {
        type: "permission_error",
        param: null,
        reasons: [{ code: "model.tier", rule: "model.tier" }],
      },
    });
  });

  test("an unknown model and a body that isn't a chat raise their own errors", async () => {
    await expect(client.chat.completions.create({ ...chat, model: "nope" })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(client.chat.completions.create({ ...chat, bogus: 1 } as typeof chat)).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    );
    expect(world.model.received).toEqual([]);
  });
});

describe("obligations", () => {
  const limit = (properties: Record<string, unknown>) => () => ({
    allow: true,
    obligations: [{ id: "o", type: "limit_tokens", properties: properties as never }],
  });
  test.each([
    [{}, { max_tokens: 100 }],
    [{ max_tokens: 50 }, { max_tokens: 50 }],
    [{ max_tokens: 500 }, { max_tokens: 100 }],
    [{ max_completion_tokens: 500 }, { max_completion_tokens: 100 }],
    [{ max_tokens: null }, { max_tokens: 100 }],
  ])("limit_tokens turns %j into %j", async (given, expected) => {
    world.sidecar.decide = limit({ max_tokens: 100 });
    expect((await post(world, "/v1/chat/completions", chatBody(given))).status).toBe(200);
    const sent = JSON.parse(world.model.received[0]?.body ?? "") as Record<string, unknown>;
    const limits = Object.fromEntries(Object.entries(sent).filter(([name]) => name.startsWith("max_")));
    expect(limits).toEqual(expected);
  });
  test.each([
    ["no limit", limit({})],
    ["a text", limit({ max_tokens: "100" })],
    ["a fraction", limit({ max_tokens: 1.5 })],
    ["a field that isn't known", limit({ max_tokens: 100, per: "day" })],
    [
      "an unknown type",
      () => ({ allow: true, obligations: [{ id: "o", type: "watermark", properties: {} }] }),
    ],
    [
      "a type for another kind of call",
      () => ({
        allow: true,
        obligations: [
          {
            id: "o",
            type: "filter_documents",
            properties: { tenant: "acme", max_classification: "public" },
          },
        ],
      }),
    ],
  ])("%s denies", async (_name, decide) => {
    world.sidecar.decide = decide;
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "obligation_unsatisfiable" } });
    expect(world.model.received).toEqual([]);
  });
});

describe("what goes wrong upstream", () => {
  test.each([
    ["its 401, which is about our key", 401, 502],
    ["its 403", 403, 502],
    ["a redirect", 302, 502],
    ["its 500", 500, 502],
  ])("%s is ours, without its words", async (_name, status, expected) => {
    world.model.answer = (_req, res) => {
      res.writeHead(status, { "content-type": "application/json", location: "http://127.0.0.1:9/" });
      res.end(JSON.stringify({ error: { message: "words of the upstream" } }));
    };
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(response.status).toBe(expected);
    expect(await response.text()).not.toContain("words of the upstream");
    expect(world.model.received).toHaveLength(1);
  });

  test("its 429 and its 400 reach the client", async () => {
    world.model.answer = (_req, res) => {
      res.writeHead(429, { "content-type": "application/json", "retry-after": "3", "set-cookie": "a=b" });
      res.end(JSON.stringify({ error: { message: "slow down" } }));
    };
    const error: unknown = await client.chat.completions.create(chat).catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    const { headers } = error as { headers: Headers };
    expect(headers.get("retry-after")).toBe("3");
    expect(headers.get("set-cookie")).toBeNull();
  });

  test("an error that quotes our key is replaced", async () => {
    world.model.answer = (_req, res) => {
      json(res, { error: { message: `key ${providerKey} lacks quota` } }, 400);
    };
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(await response.text()).not.toContain(providerKey);
    expect(response.status).toBe(502);
  });

  test.each([
    ["HTML", "text/html", "<p>hi", {}],
    ["a stream nobody asked for", "text/event-stream", chunk("x"), {}],
    ["one document instead of a stream", "application/json", "{}", { stream: true }],
  ])("%s is not understood", async (_name, type, body, more) => {
    world.model.answer = (_req, res) => {
      res.writeHead(200, { "content-type": type }).end(body);
    };
    const response = await post(world, "/v1/chat/completions", chatBody(more));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_invalid" } });
  });

  test.each(["", 'data: {"id":'])(
    "a stream that breaks off after %j ends with an error event",
    async (cut) => {
      world.model.answer = (_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.write(`${chunk("one")}${cut}`, () => setTimeout(() => res.destroy(), 20));
      };
      const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
      const text = await response.text();
      expect(text).toMatch(/\n\ndata: \{"error":\{.*"upstream_unavailable".*\}\}\n\n$/);
    },
  );

  test("a stream that breaks off raises the client's own error", async () => {
    world.model.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"), () => setTimeout(() => res.destroy(), 20));
    };
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    const parts: string[] = [];
    const read = async (): Promise<void> => {
      for await (const part of stream) parts.push(part.choices[0]?.delta.content ?? "");
    };
    await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
    expect(parts).toEqual(["one"]);
  });

  test("a client that goes away takes the upstream's request with it", async () => {
    const before = world.model.aborted();
    world.model.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"));
    };
    const stop = new AbortController();
    const stream = await client.chat.completions.create({ ...chat, stream: true }, { signal: stop.signal });
    for await (const part of stream) {
      expect(part.choices).toHaveLength(1);
      stop.abort();
    }
    await until(() => world.model.aborted() > before);
    await reported({ outcome: "client_disconnected" });
  });

  test("a client that goes away before the first byte does so, too", async () => {
    const before = world.model.aborted();
    world.model.answer = () => undefined;
    const stop = new AbortController();
    const pending = client.chat.completions.create(chat, { signal: stop.signal }).catch(() => undefined);
    await until(() => world.model.received.length === 1);
    stop.abort();
    await pending;
    await until(() => world.model.aborted() > before);
  });
});

describe("GET /v1/models", () => {
  const onlySmall = (call: { resource: { id: string } }) => ({ allow: call.resource.id === "small" });
  test("lists what the caller may use, and only that", async () => {
    world.sidecar.decide = onlySmall;
    const list = await client.models.list();
    expect(list.data.map(({ id }) => id)).toEqual(["small"]);
    expect(world.sidecar.asked).toHaveLength(1);
  });
  test("shows one; what one may not use isn't there", async () => {
    world.sidecar.decide = onlySmall;
    expect(await client.models.retrieve("small")).toMatchObject({ id: "small", object: "model" });
    await expect(client.models.retrieve("large")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(client.models.retrieve("nope")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
  test("is no empty list for a caller that isn't identified", async () => {
    world.sidecar.decide = () => ({ ...deny("token_expired", "x")({} as never, {} as never) });
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});
