/** What calls used and cost: told by providers, estimated where a stream was cut; in record, metrics and headers. */
import { request } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Outcome } from "../../../sidecar/contract.js";
import { createMetrics } from "../../../sidecar/record/metrics.js";
import type { Served, World } from "../world.js";
import { callerToken, json, post, startUpstream, startWorld, until } from "../world.js";
import type { StreamCase } from "./usage.cases.js";
import { cases, chatCase } from "./usage.cases.js";

const metrics = createMetrics();
let upstream: Served;
let world: World;

const place = { provider: "p", region: "eu", environment: "prod" };
const cost = {
  ...{ input: 2.5, cached_input: 0.25, cache_write: 3.125, output: 10, reasoning: 12.000001 },
  ...{ currency: "EUR", as_of: "2026-11-01", source: "the contract" },
};

beforeAll(async () => {
  upstream = await startUpstream((_req, res) => {
    res.end();
  });
  const { url } = upstream;
  world = await startWorld({
    metrics,
    config: {
      upstreams: {
        openai: { url },
        anthropic: { url, protocol: "anthropic" },
        gemini: { url, protocol: "gemini" },
      },
      models: {
        small: { upstream: "openai", ...place, cost },
        free: { upstream: "openai", ...place, ask_usage: false },
        claude: { upstream: "anthropic", ...place, cost },
        gem: { upstream: "gemini", ...place, cost },
      },
    },
  });
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.received.length = 0;
  world.sidecar.outcomes.length = 0;
});

const bodyOf = ({ body, model }: StreamCase, more: object = {}): string =>
  JSON.stringify({ ...(model === "" ? {} : { model }), ...body, ...more });
const whole = ({ begin, piece, end }: StreamCase): string => [...begin, piece, piece, ...end].join("");
const streams = (text: string): void => {
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  };
};
/** Waits for the outcome of the last decision. */
async function became(): Promise<Outcome> {
  const find = (): Outcome | undefined =>
    world.sidecar.outcomes.find(({ decision_id: id }) => id === `d-${world.sidecar.decided()}`);
  await until(() => find() !== undefined);
  const outcome = find();
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

describe.each(cases.map((one) => [one.name, one] as const))("%s, streamed", (_name, one) => {
  test("usage is the provider's, its parts apart", async () => {
    streams(whole(one));
    await (await post(world, one.path, bodyOf(one))).text();
    const { outcome, usage, stream, cost: sum } = await became();
    expect({ outcome, usage }).toEqual({ outcome: "forwarded", usage: one.usage });
    expect(stream?.first_token_ms).toBeGreaterThan(0);
    expect(sum).toEqual({
      amount: expect.any(String),
      currency: "EUR",
      as_of: "2026-11-01",
      source: "the contract",
    });
  });

  const tenPieces = (): string => [...one.begin, ...Array<string>(10).fill(one.piece)].join("");

  test("a client that goes away leaves what was seen, as an estimate; upstream sees it go", async () => {
    const gone = new Promise<void>((resolve) => {
      upstream.answer = (_req, res) => {
        res.on("close", resolve);
        res.writeHead(200, { "content-type": "text/event-stream" }).write(tenPieces());
      };
    });
    const headers = { authorization: `Bearer ${callerToken}`, "content-type": "application/json" };
    const asked = request(`${world.url}${one.path}`, { method: "POST", headers, agent: false });
    asked.on("error", () => undefined).end(bodyOf(one));
    let got = "";
    asked.on("response", (res) => {
      res.on("error", () => undefined);
      res.on("data", (chunk: Buffer) => {
        got += chunk.toString();
        if (got.split(" word").length > 10) asked.destroy();
      });
    });
    await gone;
    expect(await became()).toMatchObject({ outcome: "client_disconnected", usage: one.cut });
  });

  test("an upstream that breaks off leaves what was seen, as an estimate; the client is told", async () => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write(tenPieces());
      setTimeout(() => res.destroy(), 20);
    };
    const text = await (await post(world, one.path, bodyOf(one))).text();
    expect(text).toContain('"upstream_unavailable"');
    const { outcome, usage, cost: sum } = await became();
    expect({ outcome, usage }).toEqual({ outcome: "upstream_error", usage: one.cut });
    expect(sum?.estimated).toBe(one.cut["estimated"]);
  });

  test("usage that never came is estimated", async () => {
    const text = whole(one).replaceAll('"usage', '"nothing');
    streams(text);
    await (await post(world, one.path, bodyOf(one))).text();
    expect((await became()).usage).toMatchObject({ estimated: true, output_tokens: 3 });
  });
});

describe("usage that the client didn't ask for", () => {
  const asks = { stream_options: { include_usage: true } };
  const askedFor = (): unknown =>
    (JSON.parse(upstream.received[0]?.body ?? "") as typeof asks).stream_options;

  test("is asked for, and hidden from the client", async () => {
    streams(whole(chatCase));
    const text = await (await post(world, chatCase.path, bodyOf(chatCase))).text();
    expect(text).toBe(whole(chatCase).replace(/data: [^\n]*"choices":\[\][^\n]*\n\n/, ""));
    expect(text).not.toContain("prompt_tokens");
    expect(askedFor()).toEqual({ include_usage: true });
  });

  test("is hidden where it said false, and its other options stay", async () => {
    streams(whole(chatCase));
    const options = { stream_options: { include_usage: false, include_obfuscation: false } };
    const text = await (await post(world, chatCase.path, bodyOf(chatCase, options))).text();
    expect(text).not.toContain("prompt_tokens");
    expect(askedFor()).toEqual({ include_usage: true, include_obfuscation: false });
  });

  test("is shown to one that asked", async () => {
    streams(whole(chatCase));
    const text = await (await post(world, chatCase.path, bodyOf(chatCase, asks))).text();
    expect(text).toBe(whole(chatCase));
    expect((await became()).usage).not.toHaveProperty("asked");
  });

  test("isn't asked for at a deployment with ask_usage: false, nor of whole answers", async () => {
    streams(whole(chatCase));
    await (await post(world, chatCase.path, bodyOf(chatCase, { model: "free" }))).text();
    await (await post(world, chatCase.path, bodyOf(chatCase, { stream: false }))).text();
    for (const { body } of upstream.received) expect(body).not.toContain("stream_options");
  });

  test("isn't asked for where the field is an error, neither in the client's words nor in others'", async () => {
    const { url } = upstream;
    const here = await startWorld({
      config: {
        upstreams: { mistral: { kind: "mistral", url } },
        models: {
          small: { upstream: "mistral", ...place },
          asked: { upstream: "mistral", ...place, ask_usage: true },
        },
      },
    });
    streams(whole(chatCase));
    await (await post(here, chatCase.path, bodyOf(chatCase))).text();
    const claude = { ...cases[1]?.body, model: "small" };
    expect((await post(here, "/v1/messages", JSON.stringify(claude))).status).toBe(200);
    await (await post(here, chatCase.path, bodyOf(chatCase, { model: "asked" }))).text();
    const asked = upstream.received.map(({ body }) => body.includes("stream_options"));
    expect(asked).toEqual([false, false, true]);
    await here.close();
  });

  test("official clients see no chunk without choices", async () => {
    streams(whole(chatCase));
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 });
    const stream = await client.chat.completions.create({
      model: "small",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
    });
    let said = "";
    for await (const part of stream)
      said += part.choices[0]?.delta.content ?? expect(part.choices).toHaveLength(1);
    expect(said).toContain(" word word");
  });
});

describe("cost", () => {
  const completion = {
    ...{ id: "c", object: "chat.completion", created: 1, model: "m" },
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  };
  const usage = {
    ...{ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
    prompt_tokens_details: { cached_tokens: 60 },
    completion_tokens_details: { reasoning_tokens: 20 },
  };
  const ask = (more: object = {}, headers: Record<string, string> = {}): Promise<Response> =>
    post(world, chatCase.path, bodyOf(chatCase, { stream: false, ...more }), headers);

  test("of a whole answer stands in its header, exact to the billionth", async () => {
    upstream.answer = (_req, res) => {
      json(res, { ...completion, usage });
    };
    const response = await ask();
    // 40 × 2.5 + 60 × 0.25 + 30 × 10 + 20 × 12.000001 millionths, rounded
    expect(response.headers.get("x-countersign-cost")).toBe("0.000655 EUR");
    expect((await became()).cost).toMatchObject({ amount: "0.000655" });
  });

  test("of embeddings, too", async () => {
    upstream.answer = (_req, res) => {
      json(res, { object: "list", data: [], model: "m", usage: { prompt_tokens: 8, total_tokens: 8 } });
    };
    const response = await post(world, "/v1/embeddings", JSON.stringify({ model: "small", input: "x" }));
    expect(response.headers.get("x-countersign-cost")).toBe("0.00002 EUR");
    expect((await became()).usage).toEqual({ input_tokens: 8, output_tokens: 0 });
  });

  test("by an estimate is said to be one", async () => {
    upstream.answer = (_req, res) => {
      json(res, completion);
    };
    const response = await ask();
    // 10 × 2.5 + 4 × 10 millionths
    expect(response.headers.get("x-countersign-cost")).toMatch(/^0\.0000\d+ EUR estimated$/);
    expect((await became()).usage).toMatchObject({ estimated: true, input_tokens: 10 });
  });

  test("isn't there where there is no price", async () => {
    upstream.answer = (_req, res) => {
      json(res, { ...completion, usage });
    };
    const response = await ask({ model: "free" });
    expect(response.headers.get("x-countersign-cost")).toBeNull();
    expect(await became()).not.toHaveProperty("cost");
  });

  test("counts what goes into a cache by its own price", async () => {
    const claude = cases[1];
    if (claude === undefined) throw new Error("no case");
    streams(whole(claude));
    await (await post(world, claude.path, bodyOf(claude))).text();
    // 30 × 2.5 + 60 × 0.25 + 10 × 3.125 + 30 × 10 + 20 × 12.000001 millionths
    expect((await became()).cost?.amount).toBe("0.00066125");
  });

  test.each([
    ["a client that takes trailers", { te: "trailers" }, "0.000655 EUR"],
    ["any other", {}, undefined],
  ])("of a stream comes as a trailer to %s", async (_name, more, expected) => {
    streams(whole(chatCase));
    const headers = { authorization: `Bearer ${callerToken}`, "content-type": "application/json", ...more };
    const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
      const asked = request(`${world.url}${chatCase.path}`, { method: "POST", headers, agent: false });
      asked.on("error", reject).end(bodyOf(chatCase));
      asked.on("response", (res) => {
        res.on("end", () => {
          resolve(res.trailers);
        });
        res.resume();
      });
    });
    expect(trailers["x-countersign-cost"]).toBe(expected);
  });

  test("and tokens are counted by model", async () => {
    const text = await metrics.text();
    expect(text).toMatch(/^countersign_gateway_cost_total\{currency="EUR",model="small"\} 0\.00\d+$/m);
    expect(text).toMatch(
      /^countersign_gateway_tokens_total\{model="claude",type="cache_write",source="reported"\} \d+$/m,
    );
    expect(text).toMatch(
      /^countersign_gateway_tokens_total\{model="small",type="output",source="estimated"\} \d+$/m,
    );
    expect(text).toMatch(/^countersign_gateway_first_token_seconds_count\{model="gem"\} \d+$/m);
    expect(text).toMatch(/^countersign_gateway_between_tokens_seconds_count [1-9]\d*$/m);
    expect(text).toMatch(/^countersign_gateway_tokens_per_second_count\{model="claude"\} \d+$/m);
  });
});

describe("rate limits of an upstream", () => {
  const given = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-remaining-tokens": "149000",
    "x-ratelimit-reset-requests": "6m0.5s",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-input-tokens-remaining": "4000",
    "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
    "x-ratelimit-remaining-requests": "9; drop",
    "x-ratelimit-account": "ours",
    "set-cookie": "a=b",
  };
  const limits = async (path: string, model: string): Promise<Record<string, string>> => {
    upstream.answer = (_req, res) => {
      res
        .writeHead(429, { "content-type": "application/json", ...given })
        .end('{"error":{"message":"slow"}}');
    };
    const response = await post(
      world,
      path,
      JSON.stringify({ model, messages: [{ role: "user", content: "x" }], max_tokens: 5 }),
    );
    return Object.fromEntries([...response.headers].filter(([name]) => /ratelimit|cookie/.test(name)));
  };

  test("are passed on in the words that client and upstream share", async () => {
    expect(await limits("/v1/chat/completions", "small")).toEqual({
      "x-ratelimit-limit-requests": "5000",
      "x-ratelimit-remaining-tokens": "149000",
      "x-ratelimit-reset-requests": "6m0.5s",
    });
    expect(await limits("/v1/messages", "claude")).toEqual({
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-input-tokens-remaining": "4000",
      "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
    });
  });
});
