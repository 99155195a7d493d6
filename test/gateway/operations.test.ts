/** What providers offer beside chat: each operation by its own client, allowed and denied, and what the upstream got. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { operationAttacks, sentAs } from "./operations.cases.js";
import type { Served, World } from "./world.js";
import { deny, json, post, providerKey, startUpstream, startWorld, until } from "./world.js";

let world: World;
let upstream: Served;
beforeEach(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, {}, 500);
  });
  const place = { region: "eu", environment: "prod" };
  const api_key = { value: providerKey };
  const gpt = { ...place, upstream: "gpt", provider: "openai" };
  world = await startWorld({
    config: {
      upstreams: {
        claude: { url: upstream.url, protocol: "anthropic", api_key },
        gpt: { url: upstream.url, api_key },
        based: { url: `${upstream.url}/base/v1`, api_key },
      },
      models: {
        sonnet: { ...place, upstream: "claude", provider: "anthropic", upstream_model: "claude-real" },
        gpt,
        alias: { ...gpt, upstream_model: "real-name" },
        based: { ...gpt, upstream: "based" },
      },
    },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const callers = "the-callers-token";
const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callers, maxRetries: 0 });
const anthropic = () =>
  new Anthropic({ baseURL: world.url, apiKey: null, authToken: callers, maxRetries: 0 });
const sent = (): unknown => JSON.parse(upstream.received.at(-1)?.body ?? "{}");
const asked = () => world.sidecar.asked.at(-1)?.calls?.[0];
async function became(outcome: object): Promise<void> {
  await until(() => world.sidecar.outcomes.length > 0);
  expect(world.sidecar.outcomes.at(-1)).toMatchObject(outcome);
}

describe("embeddings", () => {
  const answer = {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: [0.5, 0.25] }],
    model: "real-name",
    usage: { prompt_tokens: 4, total_tokens: 4 },
  };
  beforeEach(() => {
    upstream.answer = (_req, res) => {
      json(res, answer);
    };
  });

  test("OpenAI's client gets vectors; decided by model, count, size and dimensions; usage is recorded", async () => {
    const got = await openAi().embeddings.create({
      model: "alias",
      input: ["grüezi", "x"],
      dimensions: 2,
      encoding_format: "float",
    });
    expect(got.data[0]?.embedding).toEqual([0.5, 0.25]);
    expect(asked()).toMatchObject({
      kind: "model",
      action: {
        name: "embedding.create",
        properties: { phase: "request", count: 2, bytes: 8, parameters: { dimensions: 2 } },
      },
      resource: { type: "model", id: "alias", properties: { provider: "openai", region: "eu" } },
    });
    expect(world.sidecar.asked.at(-1)?.context.prompt).toMatchObject({ count: 2 });
    expect(upstream.received.at(-1)).toMatchObject({
      path: "/v1/embeddings",
      headers: { authorization: `Bearer ${providerKey}` },
    });
    expect(sent()).toEqual({
      model: "real-name",
      input: ["grüezi", "x"],
      dimensions: 2,
      encoding_format: "float",
    });
    await became({ outcome: "forwarded", kind: "model", usage: { input_tokens: 4, output_tokens: 0 } });
  });

  test("tokens are counted, not read; an upstream's base is kept", async () => {
    await openAi().embeddings.create({ model: "based", input: [[1, 2], [3]], encoding_format: "float" });
    expect(asked()?.action.properties).toMatchObject({ count: 2, bytes: 0, tokens: 3 });
    expect(upstream.received.at(-1)?.path).toBe("/base/v1/embeddings");
  });

  test("a denial raises the client's own error; the upstream isn't asked", async () => {
    world.sidecar.decide = deny();
    const error = await openAi()
      .embeddings.create({ model: "gpt", input: "x" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "denied" });
    expect(upstream.received).toEqual([]);
    await became({ outcome: "denied", status: 403 });
  });

  test("obligations that it has words for are carried out, others deny", async () => {
    const cap = { id: "o", type: "cap_parameters", properties: { parameters: { dimensions: 8 } } };
    world.sidecar.decide = () => ({ allow: true, obligations: [cap] });
    await openAi().embeddings.create({ model: "gpt", input: "x", dimensions: 64, encoding_format: "float" });
    expect(sent()).toMatchObject({ dimensions: 8 });
    expect(world.sidecar.asked.at(-1)?.obligations).toEqual([
      ...["set_parameters", "cap_parameters", "mask", "add_label", "notify", "inspect_answer"],
      ...["restrict_regions", "restrict_providers", "select_model"],
    ]);
    world.sidecar.decide = () => ({ allow: true, obligations: [{ ...cap, type: "limit_tokens" }] });
    await expect(openAi().embeddings.create({ model: "gpt", input: "x" })).rejects.toMatchObject({
      code: "obligation_unsatisfiable",
    });
    expect(upstream.received).toHaveLength(1);
  });

  test("a model whose upstream has no such operation", async () => {
    await expect(openAi().embeddings.create({ model: "sonnet", input: "x" })).rejects.toMatchObject({
      status: 400,
      code: "untranslatable",
    });
    expect(upstream.received).toEqual([]);
    await became({ outcome: "denied", status: 400 });
  });

  test("an upstream's refusal is passed on, but not one that quotes our key, nor half an answer", async () => {
    const error = (message: string) => ({ error: { message, type: "invalid_request_error" } });
    upstream.answer = (_req, res) => {
      json(res, error("too long"), 400);
    };
    await expect(openAi().embeddings.create({ model: "gpt", input: "x" })).rejects.toMatchObject({
      status: 400,
      message: "400 too long",
    });
    upstream.answer = (_req, res) => {
      json(res, error(`key ${providerKey}`), 400);
    };
    await expect(openAi().embeddings.create({ model: "gpt", input: "x" })).rejects.toMatchObject({
      status: 502,
      code: "upstream_invalid",
    });
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "application/json" }).end('{"data":[');
    };
    await expect(openAi().embeddings.create({ model: "gpt", input: "x" })).rejects.toMatchObject({
      status: 502,
    });
    await until(() => world.sidecar.outcomes.length === 3);
    expect(world.sidecar.outcomes.map(({ outcome }) => outcome)).toEqual(Array(3).fill("upstream_error"));
  });
});

describe("count_tokens", () => {
  const messages = [{ role: "user" as const, content: "hi" }];

  test("Anthropic's client gets a count", async () => {
    upstream.answer = (_req, res) => {
      json(res, { input_tokens: 7 });
    };
    const got = await anthropic().messages.countTokens({ model: "sonnet", messages, system: "be brief" });
    expect(got.input_tokens).toBe(7);
    expect(asked()).toMatchObject({
      action: { name: "model.count_tokens", properties: { phase: "request", stream: false } },
      resource: { type: "model", id: "sonnet" },
    });
    expect(upstream.received.at(-1)).toMatchObject({
      path: "/v1/messages/count_tokens",
      headers: { "x-api-key": providerKey, "anthropic-version": "2026-10-21" },
    });
    expect(sent()).toEqual({ model: "claude-real", messages, system: "be brief" });
    await became({ outcome: "forwarded", status: 200 });
  });

  test("a denial raises the client's own error; a model of another protocol can't count", async () => {
    await expect(anthropic().messages.countTokens({ model: "gpt", messages })).rejects.toMatchObject({
      status: 400,
      error: { error: { code: "untranslatable" } },
    });
    world.sidecar.decide = deny();
    const error = await anthropic()
      .messages.countTokens({ model: "sonnet", messages })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });
});

describe("completions", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const piece = (text: string, finish_reason: string | null = null, more: object = {}) => ({
    ...{ id: "cmpl-1", object: "text_completion", created: 1, model: "real-name" },
    ...{ choices: [{ index: 0, text, logprobs: null, finish_reason }], ...more },
  });

  test("plain: decided as an invocation, with duties in its words", async () => {
    upstream.answer = (_req, res) => {
      json(res, piece("hello", "stop", { usage }));
    };
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [
        { id: "a", type: "limit_tokens", properties: { max_tokens: 5 } },
        { id: "b", type: "stop_on", properties: { sequences: ["END"] } },
      ],
    });
    const got = await openAi().completions.create({ model: "alias", prompt: ["a", "b"], stop: "." });
    expect(got.choices[0]?.text).toBe("hello");
    expect(asked()?.action).toEqual({
      name: "model.invoke",
      properties: { phase: "request", stream: false, parameters: {}, estimate: expect.anything() },
    });
    expect(upstream.received.at(-1)?.path).toBe("/v1/completions");
    expect(sent()).toEqual({ model: "real-name", prompt: ["a", "b"], max_tokens: 5, stop: ["END", "."] });
    await became({ outcome: "forwarded", usage: { input_tokens: 3, output_tokens: 2 } });
  });

  test("streamed: as it came, and usage is recorded", async () => {
    const text = [piece("hel"), piece("lo", "stop"), { ...piece(""), choices: [], usage }]
      .map((one) => `data: ${JSON.stringify(one)}\n\n`)
      .join("");
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(`: hello\n\n${text}data: [DONE]\n\n`);
    };
    const stream = await openAi().completions.create({ model: "gpt", prompt: "x", stream: true });
    let said = "";
    for await (const { choices } of stream) said += choices[0]?.text ?? "";
    expect(said).toBe("hello");
    const raw = await post(
      world,
      "/v1/completions",
      '{"model":"gpt","prompt":"x","stream":true,"stream_options":{"include_usage":true}}',
    );
    expect(await raw.text()).toBe(`: hello\n\n${text}data: [DONE]\n\n`);
    await became({ outcome: "forwarded", usage: { input_tokens: 3, output_tokens: 2 } });
  });

  test("denied, it raises the client's own error", async () => {
    world.sidecar.decide = deny();
    const error = await openAi()
      .completions.create({ model: "gpt", prompt: "x" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });
});

describe("moderations", () => {
  test("decided by model, count and size; no duty can be done on them", async () => {
    upstream.answer = (_req, res) => {
      json(res, { id: "m1", model: "real-name", results: [{ flagged: true }] });
    };
    const input = [
      { type: "text" as const, text: "hi" },
      { type: "image_url" as const, image_url: { url: "https://x.example/a.png" } },
    ];
    const got = await openAi().moderations.create({ model: "alias", input });
    expect(got.results[0]?.flagged).toBe(true);
    expect(asked()).toMatchObject({
      action: { name: "moderation.create", properties: { phase: "request", count: 2, bytes: 2 } },
      resource: { type: "model", id: "alias" },
    });
    expect(upstream.received.at(-1)?.path).toBe("/v1/moderations");
    expect(sent()).toEqual({ model: "real-name", input });
    await became({ outcome: "forwarded", status: 200 });
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [{ id: "o", type: "set_parameters", properties: { parameters: {} } }],
    });
    await expect(openAi().moderations.create({ model: "gpt", input: "x" })).rejects.toMatchObject({
      code: "obligation_unsatisfiable",
    });
    world.sidecar.decide = deny();
    await expect(openAi().moderations.create({ model: "gpt", input: "x" })).rejects.toBeInstanceOf(
      OpenAI.PermissionDeniedError,
    );
    expect(upstream.received).toHaveLength(1);
  });
});

describe("images", () => {
  test("decided by model, number and size; capped; streamed as it came", async () => {
    const usage = { input_tokens: 3, output_tokens: 9, total_tokens: 12 };
    upstream.answer = (_req, res) => {
      json(res, { created: 1, data: [{ b64_json: "AAAA" }], usage });
    };
    const cap = { id: "o", type: "cap_parameters", properties: { parameters: { n: 2 } } };
    world.sidecar.decide = () => ({ allow: true, obligations: [cap] });
    const got = await openAi().images.generate({ model: "alias", prompt: "a dog", n: 5, size: "1024x1024" });
    expect(got.data?.[0]?.b64_json).toBe("AAAA");
    expect(asked()).toMatchObject({
      action: { name: "image.create", properties: { count: 5, bytes: 5, parameters: { size: "1024x1024" } } },
      resource: { type: "model", id: "alias" },
    });
    expect(upstream.received.at(-1)?.path).toBe("/v1/images/generations");
    expect(sent()).toEqual({ model: "real-name", prompt: "a dog", n: 2, size: "1024x1024" });
    await became({ outcome: "forwarded", usage: { input_tokens: 3, output_tokens: 9 } });

    const text = `event: image_generation.completed\ndata: ${JSON.stringify({ type: "image_generation.completed", b64_json: "AAAA", usage })}\n\n`;
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    };
    const raw = await post(world, "/v1/images/generations", '{"model":"gpt","prompt":"x","stream":true}');
    expect(await raw.text()).toBe(text);
    world.sidecar.decide = deny();
    await expect(openAi().images.generate({ model: "gpt", prompt: "x" })).rejects.toBeInstanceOf(
      OpenAI.PermissionDeniedError,
    );
    expect(upstream.received).toHaveLength(2);
  });
});

describe("what was decided is what is sent", () => {
  test.each(sentAs.map((one) => [one.name, one] as const))("%s", async (_name, { path, body, sends }) => {
    const answer = await post(world, path, body);
    await answer.text();
    expect(upstream.received.map((one) => one.body)).toEqual([sends]);
    expect(asked()?.resource.id).toBe((JSON.parse(body) as { model: string }).model);
  });
});

describe("what isn't a request of an operation", () => {
  test.each(operationAttacks.map((attack) => [`${attack.path}: ${attack.name}`, attack] as const))(
    "%s",
    async (_name, { path, body, status, code, asks = false, headers = {} }) => {
      const answer = await post(world, path, body, headers);
      const said = await answer.text();
      expect({ status: answer.status, code: said.includes(`"${code}"`) }).toEqual({ status, code: true });
      expect(world.sidecar.decided()).toBe(asks ? 1 : 0);
      expect(upstream.received).toEqual([]);
    },
  );
});
