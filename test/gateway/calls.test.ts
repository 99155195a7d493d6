/** Tool calls in a model's answer: decided when they are whole; let go byte for byte, or refused in the client's form. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import OpenAI from "openai";
import { anthropicCalls } from "../../gateway/models/calls/anthropic-calls.js";
import type { CallGuard, DecideCalls, ToolCall } from "../../gateway/models/calls/guard.js";
import { guardStream } from "../../gateway/models/calls/guard.js";
import { openAiCalls } from "../../gateway/models/calls/openai-calls.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import type { Served, World } from "./world.js";
import { json, providerKey, startUpstream, startWorld } from "./world.js";

const chunk = (delta: object, finish: string | null = null, index = 0): object => ({
  ...{ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", system_fingerprint: "fp" },
  choices: [{ index, delta, finish_reason: finish }],
});
const call = (index: number, more: object): object => chunk({ tool_calls: [{ index, ...more }] });
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
const openAi = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "let me see" }),
  call(0, { id: "t1", type: "function", function: { name: "read", arguments: "" } }),
  call(0, { function: { arguments: '{"path":' } }),
  call(0, { function: { arguments: '"/a"}' } }),
  call(1, { id: "t2", type: "function", function: { name: "remove", arguments: '{"path":"/b"}' } }),
  chunk({}, "tool_calls"),
  { ...chunk({}), choices: [], usage },
];
const block = (index: number, id: string, name: string, pieces: readonly string[]): object[] => [
  { type: "content_block_start", index, content_block: { type: "tool_use", id, name, input: {} } },
  ...pieces.map((partial_json) => ({
    type: "content_block_delta",
    index,
    delta: { type: "input_json_delta", partial_json },
  })),
  { type: "content_block_stop", index },
];
const anthropic = [
  {
    type: "message_start",
    message: {
      id: "m1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "let me see" } },
  { type: "content_block_stop", index: 0 },
  ...block(1, "t1", "read", ['{"path":', '"/a"}']),
  ...block(2, "t2", "remove", ['{"path":"/b"}']),
  {
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 2 },
  },
  { type: "message_stop" },
];
const write = (events: readonly object[]): string =>
  events
    .map((event) => {
      const { type } = event as { type?: string };
      return `${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`;
    })
    .join("");
const openAiText = `: hello\n\n${write(openAi)}data: [DONE]\n\n`;
const anthropicText = write(anthropic);

/** Guards a stream that comes in pieces of a size; tells what was decided. */
async function guard(
  calls: CallGuard,
  text: string,
  refuse: (call: ToolCall) => string | undefined,
  size = 1_000,
): Promise<{ out: string; asked: readonly ToolCall[]; error: unknown }> {
  const asked: ToolCall[] = [];
  const decide: DecideCalls = (found) => {
    asked.push(...found);
    return Promise.resolve(found.map(refuse));
  };
  const bytes = Buffer.from(text);

  async function* pieces(): AsyncGenerator<Buffer> {
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
  }
  let out = "";
  try {
    for await (const piece of guardStream(pieces(), calls.stream(decide), 100_000)) out += piece.toString();
    return { out, asked, error: undefined };
  } catch (error) {
    return { out, asked, error };
  }
}
const none = (): undefined => undefined;
const removes = ({ name }: ToolCall): string | undefined => (name === "remove" ? "[no]" : undefined);
const all = (): string => "[no]";
const protocols = [
  { name: "OpenAI's", calls: openAiCalls, text: openAiText },
  { name: "Anthropic's", calls: anthropicCalls, text: anthropicText },
];

describe.each(protocols)("a stream of $name", ({ calls, text }) => {
  test("whose calls are allowed is passed on byte for byte, in whatever pieces it comes", async () => {
    for (const size of [1, 2, 7, 64, 1_000]) {
      const { out, asked } = await guard(calls, text, none, size);
      expect(out).toBe(text);
      expect(asked).toEqual([
        { name: "read", arguments: parseJson('{"path":"/a"}') },
        { name: "remove", arguments: parseJson('{"path":"/b"}') },
      ]);
    }
  });

  test("doesn't depend on the pieces it comes in when a call is refused either", async () => {
    const { out } = await guard(calls, text, removes);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 300 }), async (size) => {
        expect((await guard(calls, text, removes, size)).out).toBe(out);
      }),
      { numRuns: 20 },
    );
    expect(out).not.toContain("/b");
    expect(out).toContain("[no]");
  });

  test("lets text go at once", async () => {
    const upTo = text.indexOf("t1");
    const { out, error } = await guard(calls, text.slice(0, upTo), none);
    expect(out).toContain("let me see");
    expect(error).toBeUndefined();
  });

  test("that breaks off within a call gives nothing of it", async () => {
    const { out, asked, error } = await guard(calls, text.slice(0, text.indexOf('"/a')), none);
    expect(String(error)).toMatch(/isn't whole/);
    expect(out).not.toContain("t1");
    expect(asked).toEqual([]);
  });
});

const read = (out: string): JsonObject[] =>
  [...out.matchAll(/^data: (\{.*\})$/gm)].map(([, data = ""]) => JSON.parse(data) as JsonObject);

test("of OpenAI's calls, the ones that are left are numbered anew", async () => {
  const { out } = await guard(openAiCalls, openAiText, ({ name }) => (name === "read" ? "[no]" : undefined));
  const deltas = read(out).flatMap(
    ({ choices }) => choices as { delta: Record<string, unknown>; finish_reason: unknown }[],
  );
  expect(deltas.flatMap(({ delta }) => delta["tool_calls"] ?? [])).toEqual([
    { index: 0, id: "t2", type: "function", function: { name: "remove", arguments: '{"path":"/b"}' } },
  ]);
  expect(deltas.map(({ delta }) => delta["content"]).filter(Boolean)).toEqual(["let me see", "[no]"]);
  expect(deltas.at(-1)?.finish_reason).toBe("tool_calls");
  expect(read(out).at(-1)?.["usage"]).toEqual(usage);
  expect(out.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("where all calls are refused, a model has simply stopped", async () => {
  const { out } = await guard(openAiCalls, openAiText, all);
  expect(out).not.toContain("tool_calls");
  expect(out).toContain('"finish_reason":"stop"');
  const other = await guard(anthropicCalls, anthropicText, all);
  expect(other.out).not.toContain("tool_use");
  expect(other.out).toContain('"stop_reason":"end_turn"');
});

/** Ways to bring a call past who looks for it. */
const hidden: readonly { readonly name: string; readonly calls: CallGuard; readonly text: string }[] = [
  {
    name: "under escapes",
    calls: openAiCalls,
    text: openAiText.replaceAll("tool_calls", "\\u0074ool_calls"),
  },
  {
    name: "under escapes, in Anthropic's",
    calls: anthropicCalls,
    text: anthropicText.replaceAll("tool_use", "\\u0074ool_use"),
  },
  {
    name: "in a second choice",
    calls: openAiCalls,
    text: write([
      chunk({ tool_calls: [{ index: 0, id: "t", function: { name: "remove", arguments: "{}" } }] }, null, 1),
      chunk({}, "tool_calls", 1),
    ]),
  },
  {
    name: "that ends for another reason",
    calls: openAiCalls,
    text: openAiText.replace('"finish_reason":"tool_calls"', '"finish_reason":"stop"'),
  },
  {
    name: "whole in one chunk",
    calls: openAiCalls,
    text: write([
      chunk(
        { tool_calls: [{ index: 0, id: "t", function: { name: "remove", arguments: "{}" } }] },
        "tool_calls",
      ),
    ]),
  },
  {
    name: "as the function of before",
    calls: openAiCalls,
    text: write([chunk({ function_call: { name: "remove", arguments: "{}" } }), chunk({}, "function_call")]),
  },
  {
    name: "as a custom tool",
    calls: openAiCalls,
    text: write([
      call(0, { id: "t", type: "custom", custom: { name: "remove", input: "x" } }),
      chunk({}, "tool_calls"),
    ]),
  },
  {
    name: "its name in pieces",
    calls: openAiCalls,
    text: write([
      call(0, { id: "t", function: { name: "rem", arguments: "" } }),
      call(0, { function: { name: "ove", arguments: "{}" } }),
      chunk({}, "tool_calls"),
    ]),
  },
  {
    name: "its input all at the beginning",
    calls: anthropicCalls,
    text: write([
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "tool_use", id: "t", name: "remove", input: { path: "/" } },
      },
      { type: "content_block_stop", index: 0 },
    ]),
  },
  {
    name: "over several lines of data",
    calls: openAiCalls,
    text: `data: {"id":"c","choices":[{"index":0,"finish_reason":"tool_calls",\ndata: "delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"remove","arguments":"{}"}}]}}]}\n\n`,
  },
  { name: "with carriage returns", calls: openAiCalls, text: openAiText.replaceAll("\n", "\r\n") },
];

describe("a call", () => {
  test.each(hidden)("$name is decided", async ({ calls, text }) => {
    const { out, asked, error } = await guard(calls, text, all);
    expect(error).toBeUndefined();
    expect(asked.length).toBeGreaterThan(0);
    expect(out).toContain("[no]");
    expect(out).not.toMatch(/"(?:tool_calls|function_call|tool_use)":|"type":"tool_use"/);
  });

  const odd: readonly (readonly [string, string])[] = [
    ["arguments that are no JSON", "{"],
    ["arguments that are a list", "[1]"],
    ["arguments that say one thing twice", '{"path":"/a","path":"/b"}'],
  ];
  test.each(odd.map(([name, given]) => ({ name, given })))(
    "with $name has none that could be decided on",
    async ({ given }) => {
      const text = write([
        call(0, { id: "t", function: { name: "read", arguments: given } }),
        chunk({}, "tool_calls"),
      ]);
      expect((await guard(openAiCalls, text, none)).asked).toEqual([{ name: "read", arguments: undefined }]);
    },
  );

  const broken: readonly (readonly [string, string])[] = [
    [
      "after its choice ended",
      write([
        chunk({ tool_calls: [{ index: 0, id: "t", function: { name: "a", arguments: "{}" } }] }, null, 1),
        call(0, { id: "t", function: { name: "a", arguments: "{}" } }),
        chunk({}, "stop"),
        call(1, { id: "u", function: { name: "b", arguments: "{}" } }),
      ]),
    ],
    ["with an index that is none", write([call(-1, { id: "t", function: { name: "a", arguments: "{}" } })])],
    [
      "that never ends",
      write([
        call(0, { id: "t", function: { name: "a", arguments: "x".repeat(99_000) } }),
        call(0, { function: { arguments: "y".repeat(99_000) } }),
      ]),
    ],
  ];
  test.each(broken.map(([name, text]) => ({ name, text })))("$name cuts the stream", async ({ text }) => {
    expect((await guard(openAiCalls, text, none)).error).toBeDefined();
  });
});

describe("through the gateway", () => {
  let world: World;
  let upstream: Served;
  beforeEach(async () => {
    upstream = await startUpstream((_req, res) => {
      json(res, {}, 500);
    });
    const model = { region: "eu", environment: "prod" };
    const api_key = { value: providerKey };
    world = await startWorld({
      config: {
        upstreams: {
          claude: { url: upstream.url, protocol: "anthropic", api_key },
          gpt: { url: upstream.url, api_key },
        },
        models: {
          claude: { ...model, upstream: "claude", provider: "anthropic" },
          gpt: { ...model, upstream: "gpt", provider: "openai" },
        },
      },
    });
    world.sidecar.decide = ({ resource }) =>
      resource.id === "remove"
        ? {
            allow: false,
            reasons: [{ code: "function_forbidden", message: "m", rule: "function.forbidden" }],
          }
        : { allow: true };
  });
  afterEach(async () => {
    await world.close();
    await upstream.close();
  });
  const streams = (text: string): void => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    };
  };
  const client = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "k", maxRetries: 0 });
  const tools = [{ type: "function" as const, function: { name: "read", parameters: { type: "object" } } }];
  const ask = (model: string) => ({ model, tools, messages: [{ role: "user" as const, content: "x" }] });
  const said = /^\[The call of remove was refused: function_forbidden \(decision d-\d+\)\]$/;

  test.each([
    { model: "gpt", text: openAiText },
    { model: "claude", text: anthropicText },
  ])(
    "OpenAI's client gets the allowed call of $model, and is told of the refused one",
    async ({ model, text }) => {
      streams(text);
      const answer = await client().chat.completions.stream(ask(model)).finalChatCompletion();
      const message = answer.choices[0]?.message;
      expect(message?.tool_calls).toMatchObject([
        { id: "t1", function: { name: "read", arguments: '{"path":"/a"}' } },
      ]);
      expect(message?.content?.replace("let me see", "").trim()).toMatch(said);
      expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    },
  );

  test.each([
    { model: "gpt", text: openAiText },
    { model: "claude", text: anthropicText },
  ])("Anthropic's client gets the same of $model", async ({ model, text }) => {
    streams(text);
    const anthropicClient = new Anthropic({
      baseURL: world.url,
      apiKey: null,
      authToken: "k",
      maxRetries: 0,
    });
    const answer = await anthropicClient.messages
      .stream({
        model,
        max_tokens: 9,
        messages: [{ role: "user", content: "x" }],
        tools: [{ name: "read", input_schema: { type: "object" } }],
      })
      .finalMessage();
    expect(answer.content).toMatchObject([
      { type: "text", text: "let me see" },
      { type: "tool_use", id: "t1", input: { path: "/a" } },
      { type: "text", text: expect.stringMatching(said) },
    ]);
    expect(answer.stop_reason).toBe("tool_use");
  });

  test("a whole answer is decided as well, and each call with all that policy needs", async () => {
    const calls = ["read", "remove"].map((name, i) => ({
      id: `t${i}`,
      type: "function",
      function: { name, arguments: '{"path":"/b"}' },
    }));
    const message = { role: "assistant", content: null, tool_calls: calls };
    upstream.answer = (_req, res) => {
      json(res, {
        id: "c",
        object: "chat.completion",
        created: 1,
        model: "m",
        usage,
        choices: [{ index: 0, finish_reason: "tool_calls", message }],
      });
    };
    const answer = await client().chat.completions.create(ask("gpt"));
    expect(answer.choices[0]?.message).toMatchObject({
      content: expect.stringMatching(said),
      tool_calls: [calls[0]],
    });
    const asked = world.sidecar.asked.at(-1);
    expect(asked?.calls?.map(({ action, resource }) => [action, resource])).toEqual(
      [
        ["read", true],
        ["remove", false],
      ].map(([tool, offered]) => [
        { name: "tool.call", properties: { phase: "response" } },
        {
          type: "function",
          id: tool,
          properties: { tool, offered, model: "gpt", arguments: { path: "/b" } },
        },
      ]),
    );
  });

  test("no decision is a refusal", async () => {
    streams(openAiText);
    world.sidecar.decide = ({ resource }) => {
      if (resource.type === "function") throw new Error("down");
      return { allow: true };
    };
    const stream = client().chat.completions.stream(ask("gpt"));
    const answer = await stream.finalChatCompletion();
    expect(answer.choices[0]?.message.tool_calls ?? []).toEqual([]);
    expect(answer.choices[0]?.finish_reason).toBe("stop");
  });
});
