/** Models' answers that are cut while they come: in the words of each protocol, by its own clients. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Decide, Served, World } from "../world.js";
import {
  allow,
  callerToken,
  chatBody,
  json,
  post,
  startUpstream,
  startWorld,
  subject,
  until,
} from "../world.js";

let world: World;
let upstream: Served;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, {}, 500);
  });
  const at = { region: "eu", environment: "prod" };
  world = await startWorld({
    config: {
      upstreams: {
        gpt: { url: upstream.url, api_key: { value: "key-1-of-the-test" } },
        claude: { url: upstream.url, protocol: "anthropic", api_key: { value: "key-2-of-the-test" } },
        google: { url: upstream.url, protocol: "gemini", api_key: { value: "key-3-of-the-test" } },
      },
      models: {
        small: { ...at, upstream: "gpt", provider: "openai" },
        sonnet: { ...at, upstream: "claude", provider: "anthropic", max_output_tokens: 512 },
        gemini: { ...at, upstream: "google", provider: "google" },
      },
    },
  });
  openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: world.url, apiKey: null, authToken: callerToken, maxRetries: 0 });
  await until(() => world.sidecar.connected() === 1);
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});
afterEach(() => {
  world.sidecar.lift("f", "g");
  world.sidecar.decide = allow;
  world.sidecar.outcomes.length = 0;
});

let fences = 0;
/** Sets a fence that nobody else's test hears of. */
const fence = (match: Parameters<World["sidecar"]["census"]>[0]): void => {
  world.sidecar.fence({ id: fences++ % 2 === 0 ? "f" : "g", match });
};
const sse = (...events: readonly object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
/** An upstream that says this much, and goes on. */
const saying = (text: string): void => {
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(text);
  };
};
/** Waits for the outcome, and for the upstream to be let go. */
async function ended(before: number): Promise<Record<string, unknown>> {
  await until(() => upstream.aborted() > before && world.sidecar.outcomes.length > 0);
  return { ...world.sidecar.outcomes.at(-1) };
}

const gptChunk = {
  ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "m" },
  choices: [{ index: 0, delta: { content: "Hel" } }],
};
const claudeStart = [
  {
    type: "message_start",
    message: {
      ...{ id: "msg", type: "message", role: "assistant", model: "m", content: [], stop_reason: null },
      ...{ stop_sequence: null, usage: { input_tokens: 7, output_tokens: 1 } },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
];
const claudeEvents = claudeStart
  .map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`)
  .join("");

describe("a stream under way is cut", () => {
  test("in OpenAI's chat", async () => {
    saying(sse(gptChunk));
    const before = upstream.aborted();
    const stream = await openai.chat.completions.create({
      ...{ model: "small", messages: [{ role: "user", content: "hi" }], stream: true },
    });
    const got: unknown[] = [];
    const read = (async () => {
      for await (const chunk of stream) {
        got.push(chunk.choices[0]?.delta.content);
        fence({ model: "small" });
      }
    })();
    // why it had been allowed isn't why it is cut
    await expect(read).rejects.toMatchObject({
      ...{ code: "fenced", message: expect.stringContaining("[fenced; decision ") },
      error: { reasons: [{ code: "fenced" }] },
    });
    expect(got).toEqual(["Hel"]);
    expect(await ended(before)).toMatchObject({ outcome: "denied", status: 200 });
  });

  test("in OpenAI's responses", async () => {
    const response = { id: "resp_1", object: "response", status: "in_progress", output: [], model: "m" };
    saying(
      sse(
        { type: "response.created", sequence_number: 0, response },
        {
          type: "response.output_text.delta",
          sequence_number: 1,
          item_id: "i",
          output_index: 0,
          content_index: 0,
          delta: "Hel",
        },
      ),
    );
    const before = upstream.aborted();
    const stream = await openai.responses.create({ model: "small", input: "hi", stream: true });
    const got: { type: string; code?: unknown }[] = [];
    const read = (async () => {
      for await (const event of stream) {
        got.push(event as never);
        if (event.type === "response.output_text.delta") fence({ provider: "openai" });
      }
    })().catch((error: unknown) => error);
    const error = await read;
    expect(JSON.stringify([error, got.at(-1)])).toContain("fenced");
    expect(await ended(before)).toMatchObject({ outcome: "denied", status: 200 });
  });

  test("in Anthropic's messages", async () => {
    saying(claudeEvents);
    const before = upstream.aborted();
    const stream = anthropic.messages.stream({
      ...{ model: "sonnet", max_tokens: 10, messages: [{ role: "user", content: "hi" }] },
    });
    stream.on("text", () => {
      fence({ subject: subject.id, tenant: subject.tenant });
    });
    await expect(stream.finalMessage()).rejects.toThrow(/fenced/);
    expect(await ended(before)).toMatchObject({
      ...{ outcome: "denied", status: 200, usage: { input_tokens: 7 } },
    });
  });

  test("where one protocol is said in another's words", async () => {
    saying(claudeEvents);
    const before = upstream.aborted();
    const stream = await openai.chat.completions.create({
      ...{ model: "sonnet", messages: [{ role: "user", content: "hi" }], stream: true },
    });
    const read = (async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) fence({ provider: "anthropic" });
    })();
    await expect(read).rejects.toMatchObject({ code: "fenced" });
    expect(await ended(before)).toMatchObject({ outcome: "denied" });
  });

  test("in Gemini's", async () => {
    saying(sse({ candidates: [{ index: 0, content: { role: "model", parts: [{ text: "Hel" }] } }] }));
    const before = upstream.aborted();
    const response = await post(
      world,
      "/v1beta/models/gemini:streamGenerateContent?alt=sse",
      JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] }),
    );
    const reader = response.body?.getReader();
    const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(await read()).toContain("Hel");
    fence({ model: "gemini" });
    let rest = "";
    for (let more = await read(); more !== ""; more = await read()) rest += more;
    expect(rest).toMatch(/PERMISSION_DENIED.*fenced|fenced.*PERMISSION_DENIED/s);
    expect(await ended(before)).toMatchObject({ outcome: "denied" });
  });
});

describe("an answer that hasn't begun", () => {
  const waits = (): void => {
    upstream.answer = () => undefined;
  };

  test("is the protocol's own refusal: OpenAI's", async () => {
    waits();
    const before = upstream.received.length;
    const asked = openai.chat.completions.create({
      model: "small",
      messages: [{ role: "user", content: "hi" }],
    });
    await until(() => upstream.received.length > before);
    const aborted = upstream.aborted();
    fence({ everything: "*" });
    await expect(asked).rejects.toMatchObject({ status: 403, code: "fenced" });
    expect(await ended(aborted)).toMatchObject({ outcome: "denied", status: 403 });
  });

  test("is the protocol's own refusal: Anthropic's", async () => {
    waits();
    const before = upstream.received.length;
    const asked = anthropic.messages.create({
      ...{ model: "sonnet", max_tokens: 10, messages: [{ role: "user", content: "hi" }] },
    });
    await until(() => upstream.received.length > before);
    const aborted = upstream.aborted();
    fence({ tenant: subject.tenant });
    await expect(asked).rejects.toMatchObject({ status: 403, message: expect.stringContaining("fenced") });
    expect(await ended(aborted)).toMatchObject({ outcome: "denied", status: 403 });
  });

  test("of an operation, and one that was half read", async () => {
    waits();
    let before = upstream.received.length;
    const asked = openai.embeddings.create({ model: "small", input: "hi" });
    await until(() => upstream.received.length > before);
    fence({ model: "small" });
    await expect(asked).rejects.toMatchObject({ status: 403, code: "fenced" });
    world.sidecar.lift("f", "g");
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "application/json" });
      res.write('{"id":');
    };
    before = upstream.received.length;
    const half = post(world, "/v1/chat/completions", chatBody());
    await until(() => upstream.received.length > before);
    await new Promise((resolve) => setTimeout(resolve, 30));
    fence({ model: "small" });
    const { status } = await half;
    expect(status).toBe(403);
    expect(await (await half).json()).toMatchObject({ error: { code: "fenced" } });
  });
});

describe("a fence", () => {
  test("cuts what matches and nothing else; a dry run counts it first", async () => {
    saying(sse(gptChunk));
    const by =
      (id: string, task: string): Decide =>
      () => ({
        allow: true,
        subject: { ...subject, id, handles: [`workload:w-${id}`, "token:shared"] },
        task: { id: task, lineage: ["root", task], proven: true },
      });
    const openStream = async (decide: Decide) => {
      world.sidecar.decide = decide;
      const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
      const text = response.text();
      return { text, cut: await Promise.race([text.then(() => true), Promise.resolve(false)]) };
    };
    const first = await openStream(by("a", "t-1"));
    const second = await openStream(by("b", "t-2"));
    const third = await openStream(by("b", "t-3"));
    const isOver = async ({ text }: typeof first): Promise<boolean> =>
      Promise.race([
        text.then(() => true),
        new Promise<boolean>((resolve) => setTimeout(resolve, 20, false)),
      ]);
    expect(await world.sidecar.census({ task: "root" })).toEqual({ stream: 3 });
    expect(await world.sidecar.census({ subject: "b" })).toEqual({ stream: 2 });
    expect(await world.sidecar.census({ subject: "a", task: "t-2" })).toEqual({});
    fence({ workload: "w-a" });
    expect(await first.text).toContain('"code":"fenced"');
    expect([await isOver(second), await isOver(third)]).toEqual([false, false]);
    fence({ task: "t-3" });
    expect(await third.text).toContain('"code":"fenced"');
    expect(await isOver(second)).toBe(false);
    fence({ token: "shared" });
    expect(await second.text).toContain('"code":"fenced"');
    expect(world.gateway.live.size).toBe(0);
  });

  test("that comes between a decision and what it allows denies it", async () => {
    upstream.answer = (_req, res) => {
      json(res, {});
    };
    const before = upstream.received.length;
    world.sidecar.decide = () => {
      // it is on the wire before the answer is
      world.sidecar.fence({ id: "f", match: { model: "small" } });
      return { allow: true };
    };
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect([response.status, await response.json()]).toMatchObject([403, { error: { code: "fenced" } }]);
    expect(upstream.received.length).toBe(before);
    const id = `d-${world.sidecar.decided()}`;
    const own = () => world.sidecar.outcomes.find(({ decision_id }) => decision_id === id);
    await until(() => own() !== undefined);
    expect(own()).toMatchObject({ outcome: "denied", status: 403 });
  });

  test("that came while the gateway was away cuts as it comes back", async () => {
    saying(sse(gptChunk));
    const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
    const text = response.text();
    world.sidecar.hangUp();
    await until(() => world.sidecar.connected() === 0);
    world.sidecar.fence({ id: "f", match: { model: "small" } });
    expect(await text).toContain('"code":"fenced"');
    // it comes back by itself: nothing was asked meanwhile
    expect(world.sidecar.connected()).toBe(1);
  });
});

test("a stream whose client doesn't read is let go all the same", async () => {
  const part = sse({ ...gptChunk, choices: [{ index: 0, delta: { content: "x".repeat(60_000) } }] });
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (res.write(part)) if (res.destroyed) return;
    };
    res.on("drain", more);
    more();
  };
  const before = upstream.aborted();
  const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  fence({ model: "small" });
  expect(await ended(before)).toMatchObject({ outcome: "denied" });
  await until(() => world.gateway.live.size === 0);
  await response.body?.cancel().catch(() => undefined);
});

test("nothing is left of many requests", async () => {
  upstream.answer = (_req, res) => {
    json(res, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [], usage: {} });
  };
  for (let round = 0; round < 20; round++)
    await Promise.all(
      Array.from({ length: 25 }, async () => (await post(world, "/v1/chat/completions", chatBody())).text()),
    );
  await until(() => world.gateway.live.size === 0);
  expect(world.gateway.live.handles).toBe(0);
});
