/** Anthropic's protocol, by its own client: to a model that speaks it, and to one that speaks OpenAI's; and the other way. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Served, World } from "./world.js";
import { deny, json, providerKey, startUpstream, startWorld, until } from "./world.js";

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
        sonnet: {
          ...model,
          upstream: "claude",
          provider: "anthropic",
          upstream_model: "claude-real",
          max_output_tokens: 512,
        },
        gpt: { ...model, upstream: "gpt", provider: "openai" },
      },
    },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const callers = "the-callers-token";
/** The version that still has what decides how words are drawn. */
const earlier = { headers: { "anthropic-version": "2023-06-01" } };
const anthropic = () =>
  new Anthropic({ baseURL: world.url, apiKey: null, authToken: callers, maxRetries: 0 });
const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callers, maxRetries: 0 });
const sent = (): Record<string, unknown> =>
  JSON.parse(upstream.received.at(-1)?.body ?? "{}") as Record<string, unknown>;

async function became(outcome: object): Promise<void> {
  await until(() => world.sidecar.outcomes.length > 0);
  expect(world.sidecar.outcomes.at(-1)).toMatchObject(outcome);
}

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-real",
  content: [
    { type: "text", text: "hello" },
    { type: "tool_use", id: "t1", name: "weather", input: { city: "Bern" } },
  ],
  stop_reason: "tool_use",
  stop_sequence: null,
  usage: { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 5 },
};
const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-real",
  system_fingerprint: "fp",
  choices: [
    {
      index: 0,
      logprobs: null,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: "hello",
        refusal: null,
        annotations: [],
        tool_calls: [
          { id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
        ],
      },
    },
  ],
  usage: {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 3 },
  },
};
const sse = (events: readonly object[], done = false): string =>
  events
    .map((event) => {
      const type = (event as { type?: string }).type;
      return `${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`;
    })
    .join("") + (done ? "data: [DONE]\n\n" : "");
const messageEvents = [
  {
    type: "message_start",
    message: {
      ...message,
      content: [],
      stop_reason: null,
      usage: { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 1 },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "ping" },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hel" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
  { type: "content_block_stop", index: 0 },
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "tool_use", id: "t1", name: "weather", input: {} },
  },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"city":' } },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '"Bern"}' } },
  { type: "content_block_stop", index: 1 },
  {
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 5 },
  },
  { type: "message_stop" },
];
const chunk = (delta: object, finish: string | null = null) => ({
  ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-real" },
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const call = (more: object) => chunk({ tool_calls: [{ index: 0, ...more }] });
const chunks = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "hel" }),
  chunk({ content: "lo" }),
  call({ id: "t1", type: "function", function: { name: "weather", arguments: "" } }),
  call({ function: { arguments: '{"city":' } }),
  call({ function: { arguments: '"Bern"}' } }),
  chunk({}, "tool_calls"),
  { ...chunk({}), choices: [], usage: completion.usage },
];
const streams = (text: string): void => {
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  };
};
const answers = (value: unknown): void => {
  upstream.answer = (_req, res) => {
    json(res, value);
  };
};

const tools = [{ name: "weather", input_schema: { type: "object" as const, properties: {} } }];
const ask = (model: string) => ({
  model,
  max_tokens: 100,
  tools,
  messages: [{ role: "user" as const, content: "what's the weather?" }],
});
const askOpenAi = (model: string) => ({
  model,
  tools: [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }],
  messages: [{ role: "user" as const, content: "what's the weather?" }],
});
const usage = { input_tokens: 10, output_tokens: 5 };
const said = [
  { type: "text", text: "hello" },
  { type: "tool_use", id: "t1", name: "weather", input: { city: "Bern" } },
];

describe.each([
  {
    model: "sonnet",
    speaks: "Anthropic's",
    plain: message,
    streamed: sse(messageEvents),
    path: "/v1/messages",
  },
  {
    model: "gpt",
    speaks: "OpenAI's",
    plain: completion,
    streamed: sse(chunks, true),
    path: "/v1/chat/completions",
  },
])("Anthropic's client and a model that speaks $speaks protocol", ({ model, plain, streamed, path }) => {
  test("a message", async () => {
    answers(plain);
    const answer = await anthropic().messages.create(ask(model));
    expect(answer.content).toEqual(said.map((block) => expect.objectContaining(block)));
    expect(answer.stop_reason).toBe("tool_use");
    expect(upstream.received.at(-1)?.path).toBe(path);
    await became({ outcome: "forwarded", usage });
  });

  test("a stream, event by event", async () => {
    streams(streamed);
    const stream = anthropic().messages.stream(ask(model));
    const texts: string[] = [];
    stream.on("text", (text) => texts.push(text));
    const answer = await stream.finalMessage();
    expect(texts).toEqual(["hel", "lo"]);
    expect(answer.content).toEqual(said.map((block) => expect.objectContaining(block)));
    expect(answer.stop_reason).toBe("tool_use");
    expect(answer.usage.output_tokens).toBe(5);
    await became({ outcome: "forwarded", usage });
  });

  test("what is decided", async () => {
    answers(plain);
    await anthropic().messages.create({ ...ask(model), temperature: 0.5 } as never, earlier);
    expect(world.sidecar.asked[0]).toMatchObject({
      credentials: { bearer: callers },
      calls: [
        {
          action: {
            name: "model.invoke",
            properties: {
              stream: false,
              parameters: { max_tokens: 100, temperature: 0.5, tools: ["weather"] },
            },
          },
          resource: { type: "model", id: model },
        },
      ],
    });
  });
});

describe.each([
  { model: "sonnet", speaks: "Anthropic's", plain: message, streamed: sse(messageEvents) },
  { model: "gpt", speaks: "OpenAI's", plain: completion, streamed: sse(chunks, true) },
])("OpenAI's client and a model that speaks $speaks protocol", ({ model, plain, streamed }) => {
  const calls = [{ id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } }];
  test("a completion", async () => {
    answers(plain);
    const answer = await openAi().chat.completions.create(askOpenAi(model));
    expect(answer.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: { content: "hello", tool_calls: calls },
    });
    expect(answer.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
    await became({ outcome: "forwarded", usage });
  });

  test("a stream, chunk by chunk", async () => {
    streams(streamed);
    const stream = openAi().chat.completions.stream({
      ...askOpenAi(model),
      stream_options: { include_usage: true },
    });
    const texts: string[] = [];
    stream.on("content", (text) => texts.push(text));
    const answer = await stream.finalChatCompletion();
    expect(texts).toEqual(["hel", "lo"]);
    expect(answer.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: "hello" } });
    expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject(calls[0] ?? {});
    expect((await stream.totalUsage()).completion_tokens).toBe(5);
    await became({ outcome: "forwarded", usage });
  });
});

test("the upstream gets its own credential under its own header, and nothing of the caller's", async () => {
  answers(message);
  await anthropic().messages.create(ask("sonnet"), { headers: { "anthropic-beta": "x", "x-claim": "y" } });
  const { headers, body } = upstream.received.at(-1) ?? { headers: {}, body: "" };
  expect(headers).toMatchObject({ "x-api-key": providerKey, "anthropic-version": "2026-10-21" });
  expect(Object.keys(headers).sort()).toEqual([
    ...["accept", "accept-encoding", "anthropic-version", "connection", "content-length", "content-type"],
    ...["host", "x-api-key"],
  ]);
  expect(JSON.stringify(headers) + body).not.toContain(callers);
  expect(sent()).toEqual({ ...ask("sonnet"), model: "claude-real" });
});

test("a model that must be told how much it may write is told its configuration's most", async () => {
  answers(message);
  await openAi().chat.completions.create(askOpenAi("sonnet"));
  expect(sent()).toMatchObject({ model: "claude-real", max_tokens: 512 });
});

describe("a refusal is the client's own typed error, with our code in it", () => {
  test("denied by policy", async () => {
    world.sidecar.decide = deny();
    const error: unknown = await anthropic()
      .messages.create(ask("sonnet"))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(error).toMatchObject({
      status: 403,
      error: {
        type: "error",
        error: {
          type: "permission_error",
          code: "denied",
          decision_id: "d-1",
          reasons: [{ rule: "model.tier" }],
        },
      },
    });
    expect(upstream.received).toHaveLength(0);
  });

  const refused: readonly (readonly [
    name: string,
    model: string,
    more: object,
    status: number,
    code: string,
    place: string,
  ])[] = [
    ["what the model's protocol has no words for", "gpt", { top_k: 5 }, 400, "untranslatable", "top_k"],
    [
      "what thinks",
      "gpt",
      { thinking: { type: "enabled", budget_tokens: 1024 } },
      400,
      "untranslatable",
      "thinking.type",
    ],
    ["a field that nobody knows", "sonnet", { Max_Tokens: 5 }, 400, "invalid_request", "Max_Tokens"],
    ["a limit that is none", "sonnet", { max_tokens: 0 }, 400, "invalid_request", "max_tokens"],
    [
      "a container that the provider keeps",
      "sonnet",
      { container: "c_1" },
      400,
      "invalid_request",
      "container",
    ],
    ["no limit", "sonnet", { max_tokens: undefined }, 400, "invalid_request", "max_tokens"],
    ["messages that are none", "sonnet", { messages: "x" }, 400, "invalid_request", "messages"],
    ["an unknown model", "opus", {}, 404, "unknown_model", ""],
  ];
  test.each(refused)("%s", async (_name, model, more, status, code, place) => {
    const body = { ...ask(model), ...more } as never;
    const error: unknown = await anthropic()
      .messages.create(body, earlier)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      status,
      error: { error: { code, message: expect.stringContaining(place) } },
    });
    expect(upstream.received).toHaveLength(0);
  });

  const broken: readonly (readonly [name: string, answer: unknown])[] = [
    ["a turn that pauses", { ...message, stop_reason: "pause_turn" }],
    [
      "a block that the other doesn't know",
      { ...message, content: [{ type: "server_tool_use", id: "s", name: "n", input: {} }] },
    ],
    ["no message", { hello: 1 }],
    ["a list", []],
  ];
  test.each(broken)("an upstream's answer that can't be translated: %s", async (_name, answer) => {
    answers(answer);
    const error: unknown = await openAi()
      .chat.completions.create(askOpenAi("sonnet"))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 502, code: "upstream_invalid" });
    await became({ outcome: "upstream_error" });
  });

  test("a translated stream that is cut says so, and isn't whole", async () => {
    streams(sse(messageEvents.slice(0, 5)));
    const stream = openAi().chat.completions.stream(askOpenAi("sonnet"));
    await expect(stream.finalChatCompletion()).rejects.toMatchObject({ code: "upstream_unavailable" });
    await became({ outcome: "upstream_error" });
  });

  test("the same to Anthropic's client", async () => {
    streams(sse(chunks.slice(0, 3)));
    const stream = anthropic().messages.stream(ask("gpt"));
    await expect(stream.finalMessage()).rejects.toMatchObject({
      error: { error: { code: "upstream_unavailable" } },
    });
  });
});

test("Anthropic's client lists the models that its caller may use", async () => {
  world.sidecar.decide = ({ resource }) => ({ allow: resource.id === "sonnet" });
  const ids: string[] = [];
  for await (const { id } of anthropic().models.list()) ids.push(id);
  expect(ids).toEqual(["sonnet"]);
  await expect(anthropic().models.retrieve("gpt")).rejects.toMatchObject({ status: 404 });
  expect((await anthropic().models.retrieve("sonnet")).id).toBe("sonnet");
});
