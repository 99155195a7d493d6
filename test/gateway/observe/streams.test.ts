/** How streams go: errors before their first word, stalls, heartbeats, clients that don't read. */
import type { ServerResponse } from "node:http";
import { request } from "node:http";
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { begin } from "../../../gateway/routing/begin.js";
import { readStreamError } from "../../../gateway/routing/stream-error.js";
import type { Lab } from "../routing-lab.js";
import { chunk, counts, outcomes, start, stop } from "../routing-lab.js";
import type { Served, World } from "../world.js";
import { callerToken, chatBody, post, startUpstream, startWorld, until } from "../world.js";

afterEach(stop);

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const typed = (data: { readonly type: string; readonly [name: string]: unknown }): string =>
  `event: ${data.type}\n${event(data)}`;
const role = event({
  ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "m" },
  choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }],
});
const done = `${chunk("fine")}data: [DONE]\n\n`;
const streams =
  (...pieces: readonly string[]): Served["answer"] =>
  (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    const [first = "", ...others] = pieces;
    res.write(first);
    let wait = 0;
    for (const piece of others) setTimeout(() => res.write(piece), (wait += 15));
    setTimeout(() => res.end(), (wait += 15));
  };
const overloaded = event({ error: { type: "overloaded_error", message: "busy" } });
const ask = async (lab: Lab): Promise<readonly [number, string]> => {
  const response = await lab.ask({ stream: true });
  return [response.status, await response.text()];
};

describe("an error before anything of the answer is a failed attempt", () => {
  const begins: readonly (readonly [string, Served["answer"]])[] = [
    ["as the first event", streams(overloaded)],
    ["in pieces", streams(overloaded.slice(0, 20), overloaded.slice(20))],
    ["with CRLF", streams(overloaded.replaceAll("\n", "\r\n"))],
    ["after the role", streams(role, overloaded)],
    ["after the role in the same piece", streams(role + overloaded)],
    ["by a number", streams(event({ error: { code: 503, message: "no", status: "UNAVAILABLE" } }))],
    ["that nobody knows", streams(event({ error: { code: "strange" } }))],
    [
      "beside an empty choice",
      streams(event({ error: { code: 502 }, choices: [{ delta: { content: "" } }] })),
    ],
    [
      "as a connection lost after the role",
      (_req, res): void => {
        res.writeHead(200, { "content-type": "text/event-stream" }).write(role);
        setTimeout(() => res.destroy(), 15);
      },
    ],
  ];
  test.each(begins)("%s: another deployment answers, and nothing of it is seen", async (_name, answer) => {
    const lab = await start();
    lab.a.answer = answer;
    lab.b.answer = streams(done);
    expect(await ask(lab)).toEqual([200, done]);
    expect(counts(lab)).toEqual([1, 1, 0]);
    expect(lab.tried[1]).toEqual(["b", "answered"]);
    expect(await outcomes(lab)).toMatchObject([["d-1", "forwarded", "b"]]);
  });

  test("a request that is too long opens its fallbacks", async () => {
    const lab = await start({ fallbacks: { context_window: ["other"] } });
    lab.a.answer = streams(event({ error: { code: "context_length_exceeded", message: "too long" } }));
    lab.c.answer = streams(done);
    expect(await ask(lab)).toEqual([200, done]);
    expect(counts(lab)).toEqual([1, 0, 1]);
  });

  test("one that is the client's fault is said with its status", async () => {
    const lab = await start();
    const error = { error: { type: "invalid_request_error", code: "bad_tool", message: "no such tool" } };
    lab.a.answer = streams(event(error));
    const response = await lab.ask({ stream: true });
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(error);
    expect(counts(lab)).toEqual([1, 0, 0]);
  });

  test("of our own credential, the client learns nothing", async () => {
    const lab = await start({ retries: { max: 0 } });
    lab.a.answer = streams(event({ error: { type: "authentication_error", message: "key sk-ours is bad" } }));
    const [status, text] = await ask(lab);
    expect(status).toBe(502);
    expect(text).not.toContain("sk-ours");
  });

  test("after a word of the answer it is passed on as it came, and nobody else is asked", async () => {
    const lab = await start();
    lab.a.answer = streams(chunk("one"), overloaded);
    expect(await ask(lab)).toEqual([200, chunk("one") + overloaded]);
    expect(counts(lab)).toEqual([1, 0, 0]);
    // it ended in order, and is none all the same
    expect(await outcomes(lab)).toMatchObject([["d-1", "upstream_error", "a"]]);
  });

  const passed: readonly (readonly [string, string])[] = [
    ["a comment, for it keeps the client's connection", ": processing\n\n"],
    ["what isn't known", event({ type: "news" })],
    ["what isn't JSON", "data: hello\n\n"],
    ["the role, after a while", role],
  ];
  test.each(passed)("%s isn't held until the answer comes", async (_name, first) => {
    const lab = await start();
    let end: () => void = () => undefined;
    lab.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
      end = () => res.end(done);
    };
    const response = await lab.ask({ stream: true });
    const reader = response.body?.getReader();
    const got = Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(got).toBe(first);
    end();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(done);
    await reader?.cancel();
  });

  test("what drips without a word is held for a while in all, and not for each drop", async () => {
    const lab = await start();
    lab.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      const drip = setInterval(() => res.write(role), 100);
      res.on("close", () => {
        clearInterval(drip);
      });
    };
    const response = await lab.ask({ stream: true });
    const reader = response.body?.getReader();
    const got = Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(got.length / role.length).toBeLessThan(9);
    await reader?.cancel();
  });

  test("an answer that comes byte by byte isn't read anew with each", async () => {
    let reads = 0;
    const bytes = Buffer.from(`data: ${" ".repeat(60_000)}`);
    const pieces = {
      next: () => Promise.resolve({ done: false, value: bytes.subarray(reads, ++reads) }),
    };
    const begun = await begin(await pieces.next(), pieces);
    expect(begun.kind).toBe("begun");
    expect(reads).toBeLessThan(100);
  });

  test.each([
    [{ type: "error", error: { type: "overloaded_error" } }, 529],
    [{ type: "error", code: "rate_limit_exceeded", message: "m" }, 429],
    [{ type: "response.failed", response: { error: { code: "server_error" } } }, 500],
    [{ type: "response.failed", response: { error: null } }, 502],
    [{ error: { code: 429, status: "RESOURCE_EXHAUSTED" } }, 429],
    [{ error: { code: "constructor" } }, 502],
    [{ error: null, choices: [] }, undefined],
    [[], undefined],
    [null, undefined],
  ])("%j means %s", (said, status) => {
    expect(readStreamError(said)?.status).toBe(status);
  });
});

const place = { provider: "p", region: "eu", environment: "prod" };
async function pair(
  config: object = {},
): Promise<{ upstream: Served; world: World; close(): Promise<void> }> {
  const upstream = await startUpstream((_req, res) => {
    res.end();
  });
  const timeouts = { between_tokens_ms: 60 };
  const { url } = upstream;
  const world = await startWorld({
    config: {
      upstreams: { openai: { url }, anthropic: { url, protocol: "anthropic" } },
      models: {
        small: { upstream: "openai", ...place },
        timed: { upstream: "openai", ...place, timeouts },
        claude: { upstream: "anthropic", ...place },
        claudeTimed: { upstream: "anthropic", ...place, timeouts },
      },
      ...config,
    },
  });
  return {
    upstream,
    world,
    close: async () => Promise.all([world.close(), upstream.close()]).then(() => undefined),
  };
}
const path = { openai: "/v1/chat/completions", anthropic: "/v1/messages" } as const;
const body = (model: string): string => chatBody({ model, stream: true, max_tokens: 9 });
const block = typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "one" } });
const messageStart = typed({
  type: "message_start",
  message: {
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});
const blockStart = typed({
  type: "content_block_start",
  index: 0,
  content_block: { type: "text", text: "" },
});

describe("an upstream that stalls within a stream", () => {
  test.each([
    ["openai", "timed", chunk("one"), /\n\ndata: \{"error":.*"code":"upstream_timeout".*\}\n\n$/],
    [
      "anthropic",
      "claudeTimed",
      block,
      /\n\nevent: error\ndata: \{"type":"error","error":.*upstream_timeout.*\}\n\n$/,
    ],
    [
      "openai",
      "claudeTimed",
      messageStart + blockStart + block,
      /\n\ndata: \{"error":.*"upstream_timeout".*\}\n\n$/,
    ],
    [
      "anthropic",
      "timed",
      chunk("one"),
      /\n\nevent: error\ndata: \{"type":"error",.*upstream_timeout.*\}\n\n$/,
    ],
  ] as const)(
    "a client of %s, model %s: is told in its own words",
    async (client, model, first, expected) => {
      const { upstream, world, close } = await pair();
      upstream.answer = (_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
      };
      const response = await post(world, path[client], body(model));
      expect(await response.text()).toMatch(expected);
      await until(() => world.sidecar.outcomes.length > 0 && upstream.aborted() > 0);
      expect(world.sidecar.outcomes[0]).toMatchObject({
        outcome: "upstream_timeout",
        usage: { estimated: true },
      });
      await close();
    },
  );
});

describe("heartbeats", () => {
  const call = chunk("x").replace(
    '{"content":"x"}',
    '{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{"}}]}',
  );

  test.each([
    ["openai", "small", chunk("one") + call, ":\n\n"],
    ["anthropic", "claude", block, 'event: ping\ndata: {"type": "ping"}\n\n'],
  ] as const)("of our own to a client of %s, where configured", async (client, model, first, expected) => {
    const { upstream, world, close } = await pair({ streams: { heartbeat_ms: 20 } });
    let end: () => void = () => undefined;
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
      end = () => res.destroy();
    };
    const response = await post(world, path[client], body(model));
    let got = "";
    for await (const piece of response.body ?? []) {
      got += Buffer.from(piece as Uint8Array).toString();
      if (got.split(expected).length > 3) end();
    }
    // a held call is held all the same
    expect(got).not.toContain("tool_calls");
    await close();
  });

  test("never stand within an event, and there are none unless configured", async () => {
    for (const streams of [{ heartbeat_ms: 10 }, {}]) {
      const { upstream, world, close } = await pair({ streams });
      const half = chunk("two");
      upstream.answer = (_req, res) => {
        // a comment is passed on at once, what stands before it in the event with it
        res
          .writeHead(200, { "content-type": "text/event-stream" })
          .write(`${chunk("one")}event: x\n: wait\n`);
        setTimeout(() => res.end(`${half}data: [DONE]\n\n`), 100);
      };
      const text = await (await post(world, path.openai, body("small"))).text();
      expect(text).toBe(`${chunk("one")}event: x\n: wait\n${half}data: [DONE]\n\n`);
      await close();
    }
  });

  test("of an upstream reach a client of the other protocol", async () => {
    const { upstream, world, close } = await pair();
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(messageStart + blockStart + typed({ type: "ping" }) + block);
      res.end();
    };
    const text = await (await post(world, path.openai, body("claude"))).text();
    expect(text).toContain("}\n\n:\n\ndata:");
    await close();
  });
});

describe("official clients", () => {
  const messages = [{ role: "user" as const, content: "hi" }];
  const clients = (world: World): { openai: OpenAI; anthropic: Anthropic } => ({
    openai: new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: world.url, authToken: callerToken, apiKey: null, maxRetries: 0 }),
  });
  const read: Readonly<Record<string, (world: World, model: string) => Promise<string>>> = {
    async openai(world, model) {
      const stream = await clients(world).openai.chat.completions.create({ model, messages, stream: true });
      let said = "";
      for await (const { choices } of stream) said += choices[0]?.delta.content ?? "";
      return said;
    },
    async anthropic(world, model) {
      const stream = clients(world).anthropic.messages.stream({ model, messages, max_tokens: 9 });
      return stream.finalText();
    },
  };
  const closing =
    typed({ type: "content_block_stop", index: 0 }) +
    typed({
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 1 },
    }) +
    typed({ type: "message_stop" });
  const spoken = [
    ["openai", "small", "timed", chunk("one"), done, "onefine"],
    ["anthropic", "claude", "claudeTimed", messageStart + blockStart + block, closing, "one"],
  ] as const;

  test.each(spoken)(
    "of %s read on through heartbeats",
    async (client, model, _timed, first, rest, expected) => {
      const { upstream, world, close } = await pair({ streams: { heartbeat_ms: 10 } });
      upstream.answer = (_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
        setTimeout(() => res.end(rest), 80);
      };
      expect(await read[client]?.(world, model)).toBe(expected);
      await close();
    },
  );

  test.each(spoken)("of %s raise their own error at a stall", async (...[client, , timed, first]) => {
    const { upstream, world, close } = await pair();
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
    };
    const error: unknown = await read[client]?.(world, timed).catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(client === "openai" ? OpenAI.APIError : Anthropic.APIError);
    expect(JSON.stringify((error as { error?: unknown }).error)).toContain("upstream_timeout");
    await close();
  });
});

describe("a client that doesn't read", () => {
  test("holds its upstream back: what the gateway takes from there is bounded", async () => {
    const { upstream, world, close } = await pair();
    const piece = chunk("x".repeat(16_000));
    const most = 64 * 2 ** 20;
    let taken = 0;
    let answering: ServerResponse | undefined;
    upstream.answer = (_req, res) => {
      answering = res.writeHead(200, { "content-type": "text/event-stream" });
      const write = (): void => {
        while (taken < most && res.write(piece)) taken += piece.length;
      };
      res.on("drain", write);
      write();
    };
    const headers = { authorization: `Bearer ${callerToken}`, "content-type": "application/json" };
    const asked = request(`${world.url}${path.openai}`, { method: "POST", headers, agent: false });
    asked.on("error", () => undefined).end(body("small"));
    const begun = new Promise((resolve) => asked.on("response", (res) => resolve(res.pause())));
    await begun;
    // until nothing moves any more
    for (let before = -1; before < taken;) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(taken).toBeLessThan(most / 2);
    expect(answering?.writableNeedDrain).toBe(true);
    asked.destroy();
    await until(() => upstream.aborted() === 1);
    await close();
  });
});
