/** Gemini's protocol by its own client: plain, streamed, calls decided, embeddings; allowed and denied. */
import { ApiError, GoogleGenAI } from "@google/genai";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Obligation } from "../../sidecar/contract.js";
import { badGemini } from "./gemini.cases.js";
import type { Served, World } from "./world.js";
import { deny, json, post, providerKey, startUpstream, startWorld, until } from "./world.js";

let world: World;
let upstream: Served;
beforeEach(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, answerOf([{ text: "hello" }]));
  });
  const place = { region: "eu", environment: "prod" };
  const api_key = { value: providerKey };
  const flash = { ...place, upstream: "google", provider: "google" };
  world = await startWorld({
    config: {
      upstreams: {
        google: { url: upstream.url, protocol: "gemini", api_key },
        based: { url: `${upstream.url}/google/v1beta`, protocol: "gemini", api_key },
        gpt: { url: upstream.url, api_key },
      },
      models: {
        flash: { ...flash, upstream_model: "gemini-real" },
        based: { ...flash, upstream: "based" },
        gpt: { ...place, upstream: "gpt", provider: "openai" },
      },
    },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const google = () =>
  new GoogleGenAI({
    apiKey: "the-callers-token",
    httpOptions: { baseUrl: world.url },
  });
const sent = (): unknown => JSON.parse(upstream.received.at(-1)?.body ?? "{}");
const asked = () => world.sidecar.asked.at(-1)?.calls?.[0];
async function became(outcome: object): Promise<void> {
  await until(() => world.sidecar.outcomes.length > 0);
  expect(world.sidecar.outcomes.at(-1)).toMatchObject(outcome);
}
const usageMetadata = {
  promptTokenCount: 7,
  candidatesTokenCount: 3,
  thoughtsTokenCount: 2,
  totalTokenCount: 12,
};
const answerOf = (parts: readonly object[], more: object = { finishReason: "STOP" }) => ({
  candidates: [{ index: 0, content: { role: "model", parts }, ...more }],
  usageMetadata,
  modelVersion: "gemini-real",
});
const callOf = (name: string) => ({ functionCall: { name, args: { path: "/a" } }, thoughtSignature: "c2ln" });
const tools = [{ functionDeclarations: [{ name: "read" }, { name: "remove" }] }, { googleSearch: {} }];
const butRemove = (): void => {
  world.sidecar.decide = ({ resource }) =>
    resource.id === "remove"
      ? { allow: false, reasons: [{ code: "function_forbidden", message: "no" }] }
      : { allow: true };
};
const oblige = (type: string, properties: Obligation["properties"]): Obligation => ({
  id: type,
  type,
  properties,
});

describe("generateContent", () => {
  test("plain: decided by the path's model; sent as it was decided, with the provider's key alone", async () => {
    const got = await google().models.generateContent({
      model: "flash",
      contents: "hi",
      config: { systemInstruction: "be brief", temperature: 0.5, tools },
    });
    expect(got.text).toBe("hello");
    expect(asked()).toMatchObject({
      action: {
        name: "model.invoke",
        properties: {
          ...{ phase: "request", stream: false },
          parameters: { temperature: 0.5, tools: ["read", "remove", "googleSearch"] },
        },
      },
      resource: { type: "model", id: "flash", properties: { provider: "google", region: "eu" } },
    });
    const [received] = upstream.received;
    expect(received).toMatchObject({
      path: "/v1beta/models/gemini-real:generateContent",
      headers: { "x-goog-api-key": providerKey },
    });
    expect(received?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(received)).not.toContain("the-callers");
    expect(sent()).toMatchObject({
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
      systemInstruction: { parts: [{ text: "be brief" }] },
      generationConfig: { temperature: 0.5 },
      tools,
    });
    await became({ outcome: "forwarded", usage: { input_tokens: 7, output_tokens: 5 } });
  });

  test("streamed: as it came; usage is recorded; an upstream's base is kept", async () => {
    const text = [answerOf([{ text: "hel" }], {}), answerOf([{ text: "lo" }])]
      .map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`)
      .join("");
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    };
    let said = "";
    const stream = await google().models.generateContentStream({ model: "based", contents: "hi" });
    for await (const piece of stream) said += piece.text ?? "";
    expect(said).toBe("hello");
    expect(upstream.received.at(-1)?.path).toBe("/google/v1beta/models/based:streamGenerateContent?alt=sse");
    expect(asked()?.action.properties).toMatchObject({ stream: true });
    const raw = await post(world, "/v1beta/models/flash:streamGenerateContent?alt=sse", '{"contents":[]}');
    expect(await raw.text()).toBe(text);
    await became({ outcome: "forwarded", usage: { input_tokens: 7, output_tokens: 5 } });
  });

  test("a denial raises the client's own error, with code, reason and decision in it", async () => {
    world.sidecar.decide = deny();
    for (const ask of [
      () => google().models.generateContent({ model: "flash", contents: "hi" }),
      () => google().models.generateContentStream({ model: "flash", contents: "hi" }),
      () => google().models.embedContent({ model: "flash", contents: "hi" }),
    ]) {
      const error = await ask().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ApiError);
      const { status, message } = error as ApiError;
      expect(status).toBe(403);
      expect(JSON.parse(message)).toMatchObject({
        error: {
          ...{ code: 403, status: "PERMISSION_DENIED" },
          details: [
            {
              reason: "denied",
              metadata: { decision_id: expect.stringMatching(/^d-/), reasons: "model.tier" },
            },
          ],
        },
      });
    }
    expect(upstream.received).toEqual([]);
    await became({ outcome: "denied", status: 403 });
  });

  test("obligations in its own words", async () => {
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [
        oblige("limit_tokens", { max_tokens: 5 }),
        oblige("cap_parameters", { parameters: { temperature: 1 } }),
        oblige("stop_on", { sequences: ["END"] }),
        oblige("filter_tools", { allow: ["read"] }),
        oblige("require_system_prompt", { text: "Obey." }),
      ],
    });
    const config = { temperature: 2, maxOutputTokens: 50, systemInstruction: "be brief", tools };
    await google().models.generateContent({ model: "flash", contents: "hi", config });
    expect(sent()).toMatchObject({
      generationConfig: { temperature: 1, maxOutputTokens: 5, stopSequences: ["END"] },
      systemInstruction: { parts: [{ text: "Obey." }, { text: "be brief" }] },
      tools: [{ functionDeclarations: [{ name: "read" }] }],
    });
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [oblige("set_parameters", { parameters: { top_k: 1 } })],
    });
    await expect(google().models.generateContent({ model: "flash", contents: "hi" })).rejects.toThrow(
      "obligation_unsatisfiable",
    );
    expect(upstream.received).toHaveLength(1);
  });

  test("no other protocol is translated, either way", async () => {
    await expect(google().models.generateContent({ model: "gpt", contents: "hi" })).rejects.toThrow(
      "untranslatable",
    );
    const openAi = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "hi" }];
    await expect(openAi.chat.completions.create({ model: "flash", messages })).rejects.toMatchObject({
      code: "untranslatable",
    });
    await expect(openAi.embeddings.create({ model: "flash", input: "x" })).rejects.toMatchObject({
      code: "untranslatable",
    });
    expect(upstream.received).toEqual([]);
  });

  test("a stream that is cut raises an error in the client", async () => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`data: ${JSON.stringify(answerOf([{ text: "hel" }], {}))}\n\n`, () => res.destroy());
    };
    const stream = await google().models.generateContentStream({ model: "flash", contents: "hi" });
    const read = async (): Promise<void> => {
      for await (const piece of stream) void piece;
    };
    await expect(read()).rejects.toThrow("upstream_unavailable");
    await became({ outcome: "upstream_error" });
  });
});

describe("calls", () => {
  const ask = { model: "flash", contents: "hi", config: { tools } };

  test("are decided by name, arguments and what was offered; a refused one becomes text", async () => {
    upstream.answer = (_req, res) => {
      json(res, answerOf([{ text: "let me see " }, callOf("read"), callOf("remove")]));
    };
    butRemove();
    const got = await google().models.generateContent(ask);
    expect(got.functionCalls).toEqual([{ name: "read", args: { path: "/a" } }]);
    const [, kept, refused] = got.candidates?.[0]?.content?.parts ?? [];
    expect(kept).toEqual(callOf("read"));
    expect(refused?.text).toContain("[The call of remove was refused: function_forbidden");
    expect(world.sidecar.asked[1]?.calls?.[0]).toMatchObject({
      ...{ kind: "tool", action: { name: "tool.call", properties: { phase: "response" } } },
      resource: { id: "read", properties: { arguments: { path: "/a" }, model: "flash", offered: true } },
    });
  });

  test("streamed, too: what is let go is as it came", async () => {
    const first = `data: ${JSON.stringify(answerOf([callOf("read")], {}))}\n\n`;
    const second = `data: ${JSON.stringify(answerOf([callOf("remove")]))}\n\n`;
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(first + second);
    };
    butRemove();
    const body = JSON.stringify({ contents: [], tools });
    const raw = await post(world, "/v1beta/models/flash:streamGenerateContent?alt=sse", body);
    const text = await raw.text();
    expect(text.startsWith(first)).toBe(true);
    expect(text).not.toContain('"name":"remove"');
    expect(text).toContain("The call of remove was refused");
  });

  test.each([
    ["in the other spelling", { function_call: { name: "read", args: {} } }],
    [
      "in pieces",
      { functionCall: { name: "read", partialArgs: [{ jsonPath: "$.path" }], willContinue: true } },
    ],
    ["whose arguments are text", { functionCall: { name: "read", args: '{"path":"/a"}' } }],
    ["of a kind that isn't known", { computerCall: { name: "read" } }],
    ["beside a text", { text: "x", functionCall: { name: "remove", args: {} } }],
  ])("nothing undecided gets through: a call %s", async (_name, part) => {
    upstream.answer = (_req, res) => {
      json(res, answerOf([part]));
    };
    butRemove();
    const got = await post(
      world,
      "/v1beta/models/flash:generateContent",
      JSON.stringify({ contents: [], tools }),
    );
    const text = await got.text();
    expect(text).toContain("was refused");
    expect(text).not.toMatch(/[cC]all"/);
  });

  test.each([
    { candidates: {} },
    { candidates: [{ content: [] }] },
    { candidates: [{ content: { parts: {} } }] },
  ])("an answer of another shape is none: %j", async (said) => {
    upstream.answer = (_req, res) => {
      json(res, said);
    };
    await expect(google().models.generateContent(ask)).rejects.toMatchObject({ status: 502 });
  });
});

describe("embeddings", () => {
  beforeEach(() => {
    upstream.answer = (_req, res) => {
      json(res, { embeddings: [{ values: [0.5] }, { values: [0.25] }] });
    };
  });

  test("by its client, several at once: the name in each goes with the path's", async () => {
    const got = await google().models.embedContent({
      model: "flash",
      contents: ["grüezi", "x"],
      config: { outputDimensionality: 8 },
    });
    expect(got.embeddings?.[1]?.values).toEqual([0.25]);
    expect(asked()).toMatchObject({
      action: {
        name: "embedding.create",
        properties: { phase: "request", count: 2, bytes: 8, parameters: { dimensions: 8 } },
      },
      resource: { type: "model", id: "flash" },
    });
    expect(upstream.received.at(-1)?.path).toBe("/v1beta/models/gemini-real:batchEmbedContents");
    expect(sent()).toMatchObject({
      requests: [{ model: "models/gemini-real" }, { model: "models/gemini-real" }],
    });
    await became({ outcome: "forwarded" });
  });

  test("one alone", async () => {
    upstream.answer = (_req, res) => {
      json(res, { embedding: { values: [0.5] } });
    };
    const body = JSON.stringify({ model: "models/flash", content: { parts: [{ text: "x" }] } });
    const got = await post(world, "/v1beta/models/flash:embedContent", body);
    expect(await got.json()).toEqual({ embedding: { values: [0.5] } });
    expect(upstream.received.at(-1)?.path).toBe("/v1beta/models/gemini-real:embedContent");
    expect(sent()).toEqual({ model: "models/gemini-real", content: { parts: [{ text: "x" }] } });
  });
});

describe("models", () => {
  test("are listed as far as they speak its protocol and the caller may use them", async () => {
    world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "based" });
    const names: unknown[] = [];
    for await (const { name } of await google().models.list()) names.push(name);
    expect(names).toEqual(["models/flash"]);
    expect(world.sidecar.asked[0]?.calls?.map(({ action, resource }) => [action.name, resource.id])).toEqual([
      ["model.list", "flash"],
      ["model.list", "based"],
    ]);
    expect(world.sidecar.asked[0]?.credentials).toEqual({ bearer: "the-callers-token" });
    expect(await google().models.get({ model: "flash" })).toMatchObject({ name: "models/flash" });
    await expect(google().models.get({ model: "based" })).rejects.toMatchObject({ status: 404 });
    await expect(google().models.get({ model: "gpt" })).rejects.toMatchObject({ status: 404 });
    expect(upstream.received).toEqual([]);
  });

  test("count tokens; a denial is the client's own error", async () => {
    upstream.answer = (_req, res) => {
      json(res, { totalTokens: 7 });
    };
    const got = await google().models.countTokens({ model: "flash", contents: "hi" });
    expect(got.totalTokens).toBe(7);
    expect(asked()).toMatchObject({ action: { name: "model.count_tokens" }, resource: { id: "flash" } });
    expect(upstream.received[0]?.path).toBe("/v1beta/models/gemini-real:countTokens");
    const inner = { model: "models/flash", contents: [{ parts: [{ text: "x" }] }] };
    const count = (body: object): Promise<Response> =>
      post(world, "/v1beta/models/flash:countTokens", JSON.stringify(body));
    expect((await count({ generateContentRequest: inner })).status).toBe(200);
    expect(sent()).toEqual({ generateContentRequest: { ...inner, model: "models/gemini-real" } });
    const bad = [
      {},
      { contents: [], generateContentRequest: inner },
      { generateContentRequest: { ...inner, model: "models/pro" } },
      { generateContentRequest: { ...inner, cachedContent: "x" } },
      { contents: [{ parts: [{ file_data: {} }] }] },
    ];
    for (const body of bad) expect((await count(body)).status).toBe(400);
    expect(upstream.received).toHaveLength(2);
    world.sidecar.decide = deny();
    await expect(google().models.countTokens({ model: "flash", contents: "hi" })).rejects.toBeInstanceOf(
      ApiError,
    );
  });
});

describe("the caller's key", () => {
  const ask = (headers: Record<string, string>, path = "/v1beta/models"): Promise<Response> =>
    fetch(`${world.url}${path}`, { headers });

  test.each([
    ["a token in authorization", { authorization: "Bearer a", "x-goog-api-key": "b" }],
    ["the same in authorization", { authorization: "Bearer b", "x-goog-api-key": "b" }],
    ["a key in x-api-key", { "x-api-key": "a", "x-goog-api-key": "b" }],
  ])("beside %s is refused", async (_name, headers) => {
    const got = await ask(headers);
    expect(got.status).toBe(401);
    expect(await got.text()).toContain("credentials_conflict");
    expect(world.sidecar.asked).toEqual([]);
  });

  test("that no header of a token could be is refused", async () => {
    expect((await ask({ "x-goog-api-key": "a b" })).status).toBe(401);
    expect(world.sidecar.asked).toEqual([]);
  });

  test("counts on its routes only, and never in a query", async () => {
    await ask({ "x-goog-api-key": "b" }, "/v1/models");
    expect(world.sidecar.asked[0]?.credentials).toEqual({});
    expect((await ask({}, "/v1beta/models?key=b")).status).toBe(404);
    expect((await ask({}, "/v1beta/models?pageSize=5&key=b")).status).toBe(404);
  });
});

test.each(badGemini.map((bad) => [bad.name, bad] as const))("not passed on: %s", async (_name, bad) => {
  const { path = "/v1beta/models/flash:generateContent", status = 400, code = "invalid_request" } = bad;
  const got = await post(world, path, bad.body, bad.headers);
  const said = (await got.json()) as { error: { code: number; details: { reason: string }[] } };
  expect([got.status, said.error.code, said.error.details[0]?.reason]).toEqual([status, status, code]);
  expect(upstream.received).toEqual([]);
  expect(world.sidecar.decided()).toBe(code === "unknown_model" ? 1 : 0);
});
