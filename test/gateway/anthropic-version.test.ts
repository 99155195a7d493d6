/** Which version of Anthropic's API is spoken: the client's own is checked, and what is sent has the version of its words. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Served, World } from "./world.js";
import { json, post, providerKey, sendRaw, startUpstream, startWorld, subject, until } from "./world.js";

const [earlier, later] = ["2023-06-01", "2026-10-21"] as const;

let world: World;
let upstream: Served;
beforeEach(async () => {
  upstream = await startUpstream((req, res) => {
    const path = req.url ?? "";
    if (path.endsWith("/batches")) return json(res, { id: "msgbatch_1", type: "message_batch" });
    if (path.endsWith("/count_tokens")) return json(res, { input_tokens: 3 });
    return json(res, path.includes("/messages") ? message : completion);
  });
  const api_key = { value: providerKey };
  const model = { region: "eu", environment: "prod" };
  world = await startWorld({
    config: {
      upstreams: {
        claude: { url: upstream.url, protocol: "anthropic", api_key },
        gpt: { url: upstream.url, api_key },
      },
      models: {
        sonnet: { ...model, upstream: "claude", provider: "anthropic" },
        gpt: { ...model, upstream: "gpt", provider: "openai" },
      },
    },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "sonnet",
  content: [{ type: "tool_use", id: "t1", name: "pay", input: { amount: 5 } }],
  stop_reason: "tool_use",
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
};
const completion = {
  id: "c1",
  object: "chat.completion",
  created: 1,
  model: "gpt",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
};
const client = (version?: string) =>
  new Anthropic({
    ...{ baseURL: world.url, apiKey: null, authToken: "the-callers-token", maxRetries: 0 },
    ...(version === undefined ? {} : { defaultHeaders: { "anthropic-version": version } }),
  });
const ask = (more: object = {}) => ({
  ...{ model: "sonnet", max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }] },
  ...more,
});
const said = () => upstream.received.at(-1)?.headers["anthropic-version"];
const code = "invalid_request";

describe("the version that a client speaks is the one that is sent", () => {
  test("the official client's own", async () => {
    await client().messages.create(ask());
    expect(said()).toBe(later);
    await client().messages.countTokens({ model: "sonnet", messages: [{ role: "user", content: "hi" }] });
    expect(said()).toBe(later);
    await client().messages.batches.create({ requests: [{ custom_id: "a", params: ask() }] });
    expect(said()).toBe(later);
  });

  test("the earlier one, with the words that the later hasn't got", async () => {
    await client(earlier).messages.create(ask({ temperature: 0.5, top_k: 3 }));
    expect(said()).toBe(earlier);
    expect(JSON.parse(upstream.received.at(-1)?.body ?? "")).toMatchObject({ temperature: 0.5, top_k: 3 });
    await client(earlier).messages.batches.create({ requests: [{ custom_id: "a", params: ask() }] });
    expect(said()).toBe(earlier);
  });

  test("none: the earlier one, as before there were two", async () => {
    expect((await post(world, "/v1/messages", JSON.stringify(ask()))).status).toBe(200);
    expect(said()).toBe(earlier);
  });

  test("a translation from OpenAI's protocol: the one that it is written in", async () => {
    const body = { model: "sonnet", temperature: 0.5, messages: [{ role: "user", content: "hi" }] };
    const { status } = await post(world, "/v1/chat/completions", JSON.stringify(body), {
      "anthropic-version": later,
    });
    expect(status).toBe(200);
    expect(said()).toBe(earlier);
  });

  test("a translation to OpenAI's protocol says none", async () => {
    const answer = await client().messages.create(ask({ model: "gpt" }));
    expect(answer.content).toMatchObject([{ type: "text", text: "hello" }]);
    expect(said()).toBeUndefined();
  });

  test.each(["messages", "batches"])(
    "what policy sets in the words of the earlier is said in it: %s",
    async (how) => {
      const properties = { parameters: { temperature: 0.2 } };
      world.sidecar.decide = ({ action }) =>
        action.name === "model.invoke"
          ? { allow: true, obligations: [{ id: "t", type: "set_parameters", properties }] }
          : { allow: true, subject };
      if (how === "messages") await client().messages.create(ask());
      else await client().messages.batches.create({ requests: [{ custom_id: "a", params: ask() }] });
      expect(upstream.received.at(-1)?.body).toContain('"temperature":0.2');
      expect(said()).toBe(earlier);
    },
  );
});

const cited = { type: "text", text: "x", citations: [{ type: "char_location" }] };
const said1 = (role: string, block: object) => ({ messages: [{ role, content: [block] }] });
const document = { type: "document", source: { type: "text", media_type: "text/plain", data: "x" } };
const search = { type: "search_result", source: "s", title: "t", content: [cited] };
describe.each([
  { name: "temperature", more: { temperature: 1 }, at: "temperature" },
  { name: "top_p, empty", more: { top_p: null }, at: "top_p" },
  { name: "top_k", more: { top_k: 1 }, at: "top_k" },
  { name: "a model's document", more: said1("assistant", document), at: "messages[0].content[0]" },
  { name: "a user's citation", more: said1("user", cited), at: "messages[0].content[0].citations" },
  { name: "a search result's citation", more: said1("user", search), at: "messages[0].content[0].citations" },
])("$name is of the earlier version alone", ({ more, at }) => {
  const params = ask(more);
  const counted = { ...params, max_tokens: undefined };
  const attempts = [
    ["/v1/messages", params],
    ["/v1/messages", { ...params, model: "gpt" }],
    ["/v1/messages/batches", { requests: [{ custom_id: "a", params }] }],
    ...(at.startsWith("messages") ? [["/v1/messages/count_tokens", counted] as const] : []),
  ] as const;
  test("in the later it is refused by name, undecided", async () => {
    for (const [path, body] of attempts) {
      const answer = await post(world, path, JSON.stringify(body), { "anthropic-version": later });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        type: "error",
        error: { type: "invalid_request_error", code, message: expect.stringContaining(at) },
      });
    }
    expect(world.sidecar.asked).toEqual([]);
    expect(upstream.received).toEqual([]);
  });
  test("in the earlier it isn't", async () => {
    const answer = await post(world, "/v1/messages", JSON.stringify(params), {
      "anthropic-version": earlier,
    });
    expect(answer.status).toBe(200);
  });
});

test.each([
  { name: "what stays", more: said1("assistant", cited) },
  { name: "a setting", more: said1("user", { ...search, content: [], citations: { enabled: true } }) },
  { name: "no citations", more: said1("user", { ...cited, citations: [] }) },
  {
    name: "a document within another block",
    more: said1("assistant", { type: "web_fetch_tool_result", content: { content: document } }),
  },
])("$name is of both versions", async ({ more }) => {
  const answer = await post(world, "/v1/messages", JSON.stringify(ask(more)), {
    "anthropic-version": later,
  });
  expect(answer.status).toBe(200);
  expect(said()).toBe(later);
});

const paths = [
  "POST /v1/messages",
  "POST /v1/messages/count_tokens",
  "POST /v1/messages/batches",
  "GET /v1/models",
];
describe.each([
  { name: "a version to come", lines: ["2027-01-01"] },
  { name: "the first", lines: ["2023-01-01"] },
  { name: "nothing", lines: [""] },
  { name: "two in one", lines: [`${earlier}, ${later}`] },
  { name: "another writing", lines: ["2023-6-1"] },
  { name: "with more behind it", lines: [`${earlier};x`] },
  { name: "Bedrock's", lines: ["bedrock-2023-05-31"] },
  { name: "an object's own", lines: ["__proto__"] },
  { name: "very long", lines: ["2".repeat(4_000)] },
  { name: "twice", lines: [earlier, later] },
  { name: "twice the same", lines: [later, later] },
])("$name is 400, and nothing is asked or sent", ({ lines }) => {
  test.each(paths)("%s", async (path) => {
    const body = path.startsWith("POST") ? JSON.stringify(ask()) : "";
    const request = [
      ...[`${path} HTTP/1.1`, "Host: gateway", "Connection: close", "Authorization: Bearer x"],
      ...lines.map((one) => `anthropic-version: ${one}`),
      ...(body === ""
        ? []
        : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`]),
      ...["", body],
    ];
    const answer = await sendRaw(world.port, request.join("\r\n"));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"invalid_request"');
    expect(answer).toContain("anthropic-version");
    expect(world.sidecar.asked).toEqual([]);
    expect(upstream.received).toEqual([]);
  });
});

describe.each([earlier, later])("a call of a tool is held in answers of %s", (version) => {
  const refuses = (): void => {
    world.sidecar.decide = ({ action }) => ({ allow: action.name !== "tool.call" });
  };
  const tools = [{ name: "pay", input_schema: { type: "object" as const } }];
  test("whole, and what it cost is told", async () => {
    refuses();
    const answer = await client(version).messages.create(ask({ tools }));
    expect(said()).toBe(version);
    expect(answer.content).toMatchObject([{ type: "text" }]);
    expect(JSON.stringify(answer)).not.toContain("tool_use");
    await until(() => world.sidecar.outcomes.length > 0);
    expect(world.sidecar.outcomes.at(-1)).toMatchObject({ usage: { input_tokens: 10, output_tokens: 5 } });
  });
  test("streamed", async () => {
    refuses();
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.end(events.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join(""));
    };
    const answer = await client(version).messages.stream(ask({ tools })).finalMessage();
    expect(said()).toBe(version);
    expect(JSON.stringify(answer)).not.toMatch(/tool_use|amount/);
  });
});
const events = [
  { type: "message_start", message: { ...message, content: [], stop_reason: null } },
  { type: "content_block_start", index: 0, content_block: { ...message.content[0], input: {} } },
  {
    type: "content_block_delta",
    index: 0,
    delta: { type: "input_json_delta", partial_json: '{"amount":5}' },
  },
  { type: "content_block_stop", index: 0 },
  {
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null, stop_details: null, container: null },
    usage: { output_tokens: 5, input_tokens: null, output_tokens_details: null, server_tool_use: null },
  },
  { type: "message_stop" },
];
