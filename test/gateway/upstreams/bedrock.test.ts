/** Models at Bedrock: clients of both protocols reach them, signed, streamed, with tools; a hostile one gets nothing through. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { startGateway } from "../../../gateway/main.js";
import type { Json } from "../../../sidecar/contract.js";
import type { Served, World } from "../world.js";
import { allow, callerToken, deny, json, post, startUpstream, startWorld, until } from "../world.js";
import {
  accessKey,
  chunk,
  converseAnswer,
  converseFrames,
  event,
  exception,
  faultOf,
  frame,
  message,
  messageEvents,
  region,
  secretKey,
  streamOf,
} from "./bedrock-lab.js";

const session = "canary-session-token-77";
const modelId = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const profile = `arn:aws:bedrock:${region}:123456789012:inference-profile/${modelId}`;
const tool = { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] };

/** The version that still has what decides how words are drawn. */
const earlier = { headers: { "anthropic-version": "2023-06-01" } };

let directory: string;
let shared: string;
/** Writes the file as rotation does: beside it, then in its place. */
async function writeKeys(token: string): Promise<void> {
  const text = `# written by a test\n[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n
[profile gateway] ; ours\naws_access_key_id=${accessKey}\r\n  aws_secret_access_key =  ${secretKey}  \naws_session_token = ${token}\n[last]\naws_session_token = other\n`;
  await writeFile(`${shared}.new`, text, { mode: 0o600 });
  await rename(`${shared}.new`, shared);
}

let world: World;
let bedrock: Served;
let spare: Served;
let openai: OpenAI;
let anthropic: Anthropic;
const faults: unknown[] = [];

const place = { provider: "aws", region, environment: "prod" };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-aws-"));
  shared = join(directory, "credentials");
  await writeKeys(session);
  bedrock = await startUpstream(() => undefined);
  spare = await startUpstream((_req, res) => {
    json(res, message);
  });
  const credentials = {
    access_key_id: { value: accessKey },
    secret_access_key: { value: secretKey },
    session_token: { value: session },
  };
  const here = { kind: "bedrock", region, url: bedrock.url };
  world = await startWorld({
    config: {
      upstreams: {
        signed: { ...here, credentials },
        bearer: { ...here, api_key: { value: "bedrock-api-key-1" } },
        converse: { ...here, api: "converse", credentials },
        spare: { url: spare.url, protocol: "anthropic" },
        shared: { ...here, credentials: { file: shared, profile: "gateway" } },
        oss: { ...here, api: "openai", credentials },
        dated: { ...here, credentials, anthropic_version: "2026-10-21" },
        azure: {
          ...{ kind: "azure", url: spare.url, surface: "deployments", api_version: "2024-10-21" },
          api_key: { value: "azure-key-1" },
        },
      },
      models: {
        claude: { upstream: "signed", upstream_model: modelId, ...place },
        profile: { upstream: "signed", upstream_model: profile, ...place },
        keyed: { upstream: "bearer", upstream_model: modelId, ...place },
        odd: { upstream: "signed", upstream_model: "../../model/x?y", ...place },
        nova: { upstream: "converse", upstream_model: "eu.amazon.nova-pro-v1:0", ...place },
        backed: { upstream: "signed", upstream_model: modelId, ...place, fallbacks: { general: ["spare"] } },
        spare: { upstream: "spare", ...place },
        shared: { upstream: "shared", upstream_model: modelId, ...place },
        oss: { upstream: "oss", upstream_model: "openai.gpt-oss-120b-1:0", ...place },
        dated: { upstream: "dated", upstream_model: modelId, ...place },
        group: {
          choice: "priority",
          deployments: [
            { name: "in-bedrock", upstream: "signed", upstream_model: modelId, ...place },
            { name: "in-azure", upstream: "azure", upstream_model: "gpt-4o-prod", ...place },
          ],
          retries: { pause_ms: 0 },
          fallbacks: { content_policy: ["claude"] },
        },
        words: {
          choice: "priority",
          deployments: [
            {
              name: "by-converse",
              upstream: "converse",
              upstream_model: "eu.amazon.nova-pro-v1:0",
              ...place,
            },
            { name: "plain", upstream: "spare", ...place },
          ],
        },
      },
    },
  });
  openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: world.url, authToken: callerToken, apiKey: null, maxRetries: 0 });
});
afterAll(async () => {
  await world.close();
  await Promise.all([bedrock.close(), spare.close(), rm(directory, { recursive: true })]);
});

/** Answers what is signed well; what isn't gets what AWS says then. */
function answers(write: Served["answer"], token: string | undefined = session): void {
  bedrock.answer = (req, res, body) => {
    const received = bedrock.received.at(-1);
    const fault = received === undefined ? "nothing" : faultOf(received, token);
    if (fault !== undefined) {
      faults.push(fault);
      res.setHeader("x-amzn-errortype", "InvalidSignatureException");
      json(res, { message: `The request signature we calculated does not match (${secretKey})` }, 403);
    } else write(req, res, body);
  };
}
beforeEach(() => {
  world.sidecar.decide = allow;
  spare.answer = (_req, res) => {
    json(res, message);
  };
  for (const one of [world.sidecar.asked, world.sidecar.outcomes, bedrock.received, spare.received, faults])
    one.length = 0;
  answers((_req, res) => {
    json(res, message);
  });
});

const sent = (): unknown => JSON.parse(bedrock.received[0]?.body ?? "null");
const ask = { max_tokens: 50, messages: [{ role: "user" as const, content: "hi" }] };
const weather = { name: "weather", description: "d", input_schema: tool };
const weatherTool = {
  type: "function" as const,
  function: { name: "weather", description: "d", parameters: tool },
};

describe("a client of Anthropic's", () => {
  test("gets the answer; the request is signed, and says neither model nor stream", async () => {
    const answer = await anthropic.messages.create({ model: "claude", ...ask, tools: [weather] });
    expect(answer.content).toEqual(message.content);
    expect(faults).toEqual([]);
    const [received] = bedrock.received;
    expect(received?.path).toBe(`/model/${encodeURIComponent(modelId)}/invoke`);
    expect(sent()).toEqual({ anthropic_version: "bedrock-2023-05-31", ...ask, tools: [weather] });
    expect(Object.keys(received?.headers ?? {}).sort()).toEqual([
      ...["accept", "accept-encoding", "authorization", "connection", "content-length", "content-type"],
      ...["host", "x-amz-date", "x-amz-security-token"],
    ]);
  });

  test("gets the stream, event by event, as Anthropic says it", async () => {
    answers((_req, res) => {
      streamOf(res, messageEvents.map(chunk));
    });
    const stream = anthropic.messages.stream({ model: "claude", ...ask, tools: [weather] });
    const events: unknown[] = [];
    for await (const one of stream) events.push(structuredClone(one));
    expect(events.map((one) => (one as { type: string }).type)).toEqual(
      messageEvents.map((one) => (one as { type: string }).type),
    );
    expect((await stream.finalMessage()).content).toEqual([
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Bern" } },
    ]);
    const [received] = bedrock.received;
    expect(received?.path).toBe(`/model/${encodeURIComponent(modelId)}/invoke-with-response-stream`);
    expect(received?.headers.accept).toBe("application/vnd.amazon.eventstream");
    expect(sent()).not.toHaveProperty("stream");
    // the decision on the call, too
    expect(world.sidecar.asked.map(({ calls }) => calls?.[0]?.action.name)).toEqual([
      "model.invoke",
      "tool.call",
    ]);
    const used = { usage: { input_tokens: 11, output_tokens: 9 }, credential: "value" };
    await until(() => world.sidecar.outcomes.some(({ usage }) => usage?.input_tokens === 11));
    expect(world.sidecar.outcomes).toContainEqual(expect.objectContaining(used));
  });

  test("that is denied reaches nothing", async () => {
    world.sidecar.decide = deny();
    await expect(anthropic.messages.create({ model: "claude", ...ask })).rejects.toMatchObject({
      status: 403,
    });
    expect(bedrock.received).toEqual([]);
  });

  test("can't count tokens there: Bedrock has another operation for it", async () => {
    await expect(
      anthropic.messages.countTokens({ model: "claude", messages: ask.messages }),
    ).rejects.toMatchObject({ status: 400 });
    expect(bedrock.received).toEqual([]);
  });
});

describe("a client of OpenAI's", () => {
  test("gets the answer", async () => {
    const answer = await openai.chat.completions.create({ model: "profile", messages: ask.messages });
    expect(answer.choices[0]?.message.content).toBe("hello");
    expect(bedrock.received[0]?.path).toBe(`/model/${encodeURIComponent(profile)}/invoke`);
    expect(faults).toEqual([]);
  });

  test.each([
    ["Anthropic's own words", "claude", () => messageEvents.map(chunk)],
    ["Converse's", "nova", () => converseFrames],
  ])("gets the stream with its call out of %s", async (_name, model, frames) => {
    answers((_req, res) => {
      streamOf(res, frames());
    });
    const stream = openai.chat.completions.stream({
      ...{ model, messages: ask.messages, tools: [weatherTool] },
      stream_options: { include_usage: true },
    });
    const { choices, usage } = await stream.finalChatCompletion();
    expect(choices[0]?.message.content).toBe("Let me look.");
    expect(choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: "weather", arguments: '{"city":"Bern"}' },
    });
    expect(choices[0]?.finish_reason).toBe("tool_calls");
    expect(usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 9 });
    expect(faults).toEqual([]);
  });

  test("learns of a refused call in words, while the text goes on", async () => {
    answers((_req, res) => {
      streamOf(res, messageEvents.map(chunk));
    });
    world.sidecar.decide = ({ action }) => ({ allow: action.name === "model.invoke" });
    const stream = openai.chat.completions.stream({
      ...{ model: "claude", messages: ask.messages, tools: [weatherTool] },
    });
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.message.content).toMatch(/^Let me look\..*weather/s);
    expect(choices[0]?.message.tool_calls ?? []).toEqual([]);
  });
});

test("Bedrock's own surface of OpenAI's protocol is asked as it is, signed", async () => {
  const completion = {
    ...{ id: "c", object: "chat.completion", created: 1, model: "openai.gpt-oss-120b-1:0" },
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  };
  answers((_req, res) => {
    json(res, completion);
  });
  const answer = await openai.chat.completions.create({ model: "oss", messages: ask.messages });
  expect(answer).toMatchObject(completion);
  expect(faults).toEqual([]);
  expect(bedrock.received[0]?.path).toBe("/openai/v1/chat/completions");
  expect(sent()).toEqual({ model: "openai.gpt-oss-120b-1:0", messages: ask.messages });
});

test("another version of Anthropic's words may be configured", async () => {
  await anthropic.messages.create({ model: "dated", ...ask });
  expect(sent()).toMatchObject({ anthropic_version: "2026-10-21" });
});

test("what the configured version has no word for isn't sent to it, whoever asks", async () => {
  const refused = { status: 400, message: expect.stringMatching(/untranslatable|temperature/) as unknown };
  const hot = { model: "dated", ...ask, temperature: 0.5 };
  await expect(anthropic.messages.create(hot as never, earlier)).rejects.toMatchObject(refused);
  await expect(openai.chat.completions.create(hot)).rejects.toMatchObject(refused);
  expect(bedrock.received).toEqual([]);
});

test("Bedrock is told its own version, in the body alone, whichever a client speaks", async () => {
  for (const options of [earlier, {}]) {
    await anthropic.messages.create({ model: "claude", ...ask }, options);
    expect(sent()).toMatchObject({ anthropic_version: "bedrock-2023-05-31" });
    expect(bedrock.received.at(-1)?.headers["anthropic-version"]).toBeUndefined();
  }
});

describe("a group over Bedrock and Azure", () => {
  const throttled: Served["answer"] = (_req, res) => {
    res.setHeader("x-amzn-errortype", "ThrottlingException");
    json(res, { message: "Too many requests" }, 429);
  };
  test("answers from the one where the other is throttled", async () => {
    answers(throttled);
    spare.answer = (_req, res) => {
      json(res, {
        ...{ id: "c", object: "chat.completion", created: 1, model: "gpt-4o" },
        choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "from azure" } }],
      });
    };
    const answer = await anthropic.messages.create({ model: "group", ...ask });
    expect(answer.content).toEqual([{ type: "text", text: "from azure" }]);
    expect(faults).toEqual([]);
    expect(
      spare.received.map(({ path, headers }) => [path, headers["api-key"], headers.authorization]),
    ).toEqual([
      ["/openai/deployments/gpt-4o-prod/chat/completions?api-version=2024-10-21", "azure-key-1", undefined],
    ]);
  });
  test("goes back to Bedrock where Azure's filter refuses: that is decided anew", async () => {
    let asked = 0;
    answers((...args) => {
      if (asked++ === 0) throttled(...args);
      else json(args[1], message);
    });
    spare.answer = (_req, res) => {
      json(res, { error: { code: "content_filter", message: "no", innererror: {} } }, 400);
    };
    const answer = await openai.chat.completions.create({ model: "group", messages: ask.messages });
    expect(answer.choices[0]?.message.content).toBe("hello");
    expect(world.sidecar.asked.map(({ calls }) => calls?.[0]?.resource.id)).toEqual(["group", "claude"]);
    expect([bedrock.received.length, spare.received.length]).toEqual([2, 1]);
  });
  test("leaves out who has no word for the request", async () => {
    spare.answer = (_req, res) => {
      json(res, message);
    };
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "words", ...ask, top_k: 5 }));
    expect(answer.status).toBe(200);
    expect([bedrock.received.length, spare.received.length]).toEqual([0, 1]);
  });
});

describe("Converse", () => {
  test("is asked in its own words", async () => {
    answers((_req, res) => {
      json(res, converseAnswer);
    });
    const asked = {
      ...{ model: "nova", max_tokens: 50, temperature: 0.5, stop_sequences: ["END"], system: "be kind" },
      tools: [weather],
      tool_choice: { type: "tool", name: "weather" },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "what?" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
          ],
        },
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t1", name: "weather", input: { city: "Bern" } }],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "t1", content: "cold", is_error: true }],
        },
      ],
    } as const;
    const answer = await anthropic.messages.create(asked as never, earlier);
    expect(answer).toMatchObject({
      ...{ id: "msg_bdrk_0", model: "eu.amazon.nova-pro-v1:0", stop_reason: "end_turn" },
      content: [{ type: "text", text: "hello" }],
      usage: { input_tokens: 3, output_tokens: 2 },
    });
    expect(bedrock.received[0]?.path).toBe("/model/eu.amazon.nova-pro-v1%3A0/converse");
    expect(sent()).toEqual({
      system: [{ text: "be kind" }],
      messages: [
        {
          role: "user",
          content: [{ text: "what?" }, { image: { format: "png", source: { bytes: "iVBORw0KGgo=" } } }],
        },
        {
          role: "assistant",
          content: [{ toolUse: { toolUseId: "t1", name: "weather", input: { city: "Bern" } } }],
        },
        {
          role: "user",
          content: [{ toolResult: { toolUseId: "t1", content: [{ text: "cold" }], status: "error" } }],
        },
      ],
      inferenceConfig: { maxTokens: 50, temperature: 0.5, stopSequences: ["END"] },
      toolConfig: {
        tools: [{ toolSpec: { name: "weather", description: "d", inputSchema: { json: tool } } }],
        toolChoice: { tool: { name: "weather" } },
      },
    });
  });

  test.each([
    ["top_k", { top_k: 5 }, "top_k"],
    ["a choice of no tool", { tools: [weather], tool_choice: { type: "none" } }, "tool_choice.type"],
    [
      "an image by its address",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image", source: { type: "url", url: "https://images.example/a.png" } }],
          },
        ],
      },
      "messages[0].content[0].source",
    ],
  ])("is never asked %s, which it has no word for", async (_name, more, where) => {
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "nova", ...ask, ...more }));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(where);
    expect(bedrock.received).toEqual([]);
  });
});

describe("credentials", () => {
  test("may be a key of Bedrock's own", async () => {
    bedrock.answer = (_req, res) => {
      json(res, message);
    };
    await anthropic.messages.create({ model: "keyed", ...ask });
    expect(bedrock.received[0]?.headers.authorization).toBe("Bearer bedrock-api-key-1");
    expect(bedrock.received[0]?.headers["x-amz-date"]).toBeUndefined();
  });

  test("may be a profile of a shared file, whose keys change together", async () => {
    await anthropic.messages.create({ model: "shared", ...ask });
    expect(faults).toEqual([]);
    await writeKeys("canary-session-token-78");
    answers((_req, res) => {
      json(res, message);
    }, "canary-session-token-78");
    await anthropic.messages.create({ model: "shared", ...ask });
    // what can't be read doesn't take the place of what could
    await writeFile(shared, "[gateway]\naws_access_key_id = half");
    await anthropic.messages.create({ model: "shared", ...ask });
    expect(faults).toEqual([]);
    await until(() => world.sidecar.outcomes.length >= 3);
    expect(world.sidecar.outcomes.map(({ credential }) => credential)).toContain("file:credentials#gateway");
    await writeKeys(session);
  });

  test.each([
    ["is missing", "/nonexistent/credentials", "gateway"],
    ["hasn't got the profile", undefined, "nobody"],
    ["is no file", "/dev/zero", "gateway"],
  ])("of a file that %s keep the gateway from starting", async (_name, file, profile) => {
    const credentials = { file: file ?? shared, profile };
    const upstreams = { it: { kind: "bedrock", region, credentials } };
    const config = { listen: "127.0.0.1:0", sidecar: { socket: join(directory, "pdp.sock") }, upstreams };
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const started = startGateway({ config: config as unknown as Json, log });
    await expect(started).rejects.toThrow(/no keys of that profile/);
  });

  test("that AWS refuses are our own affair: nothing of the refusal reaches the client", async () => {
    answers(() => undefined, "another session");
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "claude", ...ask }));
    expect(answer.status).toBe(502);
    const said = await answer.text();
    expect(faults).toEqual(["session"]);
    for (const secret of [secretKey, session, accessKey, "signature"]) expect(said).not.toContain(secret);
    expect(world.log.join("\n")).not.toMatch(/canary/);
  });

  test("the model's name is one segment of the path, or nothing is sent", async () => {
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "odd", ...ask }));
    expect(answer.status).toBe(400);
    expect(bedrock.received).toEqual([]);
  });
});

describe("errors", () => {
  test.each([
    [400, "ValidationException:http://internal.amazon.com/coral/", "bad input", 400, "invalid_request_error"],
    [429, "ThrottlingException", "Too many requests", 429, "rate_limit_error"],
    [404, "ResourceNotFoundException", "no such model", 404, "not_found_error"],
    [408, undefined, "too long", 408, "timeout_error"],
  ])("of status %s are said in the client's form", async (status, type, text, seen, kind) => {
    answers((_req, res) => {
      if (type !== undefined) res.setHeader("x-amzn-errortype", type);
      json(res, { message: text }, status);
    });
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "claude", ...ask }));
    expect([answer.status, await answer.json()]).toEqual([
      seen,
      { type: "error", error: { type: kind, message: text } },
    ]);
  });

  test("reach OpenAI's client as its own typed errors", async () => {
    answers((_req, res) => {
      res.setHeader("x-amzn-errortype", "ThrottlingException");
      res.setHeader("retry-after", "7");
      json(res, { message: "Too many requests" }, 429);
    });
    const error: unknown = await openai.chat.completions
      .create({ model: "claude", messages: ask.messages })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(String(error)).toContain("Too many requests");
    expect((error as { headers: Headers }).headers.get("retry-after")).toBe("7");
  });

  test.each([424, 500, 503])("of status %s let a fallback answer", async (status) => {
    answers((_req, res) => {
      json(res, { message: "no" }, status);
    });
    const answer = await anthropic.messages.create({ model: "backed", ...ask });
    expect(answer.content).toEqual(message.content);
    expect(spare.received.length).toBe(1);
  });

  test.each([
    ["first", []],
    ["before a word was said", messageEvents.slice(0, 1)],
  ])("that come %s let a fallback answer", async (_name, before) => {
    answers((_req, res) => {
      streamOf(res, [...before.map(chunk), exception("throttlingException", "slow down")]);
    });
    spare.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      for (const one of messageEvents)
        res.write(`event: ${(one as { type: string }).type}\ndata: ${JSON.stringify(one)}\n\n`);
      res.end();
    };
    const final = await anthropic.messages.stream({ model: "backed", ...ask }).finalMessage();
    expect(final.content.length).toBe(2);
    expect(spare.received.length).toBe(1);
  });

  test.each([
    ["modelStreamErrorException", "api_error"],
    ["throttlingException", "rate_limit_error"],
    ["serviceUnavailableException", "overloaded_error"],
    ["somethingNew", "api_error"],
  ])("in mid-stream (%s) end it with an error of the protocol", async (type, kind) => {
    answers((_req, res) => {
      streamOf(res, [...messageEvents.slice(0, 3).map(chunk), exception(type, "it broke")]);
    });
    const answer = await post(
      world,
      "/v1/messages",
      JSON.stringify({ model: "claude", ...ask, stream: true }),
    );
    const text = await answer.text();
    expect(text).toContain("Let me ");
    expect(text).toContain(
      `event: error\ndata: {"type":"error","error":{"type":"${kind}","message":"it broke"}}`,
    );
    const chat = { model: "claude", messages: ask.messages, stream: true };
    const other = await (await post(world, "/v1/chat/completions", JSON.stringify(chat))).text();
    expect(other).toContain('data: {"error":');
    expect(other).not.toContain("[DONE]");
  });
});

/** What a Bedrock that isn't one sends after a good beginning; none of it may reach a client as part of an answer. */
const good = messageEvents.slice(0, 3).map(chunk);
const evil = Buffer.from(
  JSON.stringify({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "EVIL" } }),
);
const bad = (change: (bytes: Buffer) => Buffer): Buffer => change(chunk(evil.toString()));
const at = (offset: number) => (bytes: Buffer) => {
  bytes[offset < 0 ? bytes.length + offset : offset] = (bytes.at(offset) ?? 0) ^ 1;
  return bytes;
};
const hostile: readonly { readonly name: string; readonly frames: readonly Buffer[] }[] = [
  { name: "a wrong checksum of the prelude", frames: [...good, bad(at(8))] },
  { name: "a wrong checksum of the frame", frames: [...good, bad(at(-1))] },
  { name: "a changed byte of the payload", frames: [...good, bad(at(-20))] },
  {
    name: "a frame that says it is of four gigabytes",
    frames: [...good, Buffer.from("ffffffff00000000deadbeef", "hex"), bad((bytes) => bytes)],
  },
  {
    name: "a frame just above the limit",
    frames: [...good, event("chunk", { bytes: evil.toString("base64"), p: "x".repeat(4 * 2 ** 20) })],
  },
  { name: "a frame that is too short to be one", frames: [...good, Buffer.from("0000000c00000000", "hex")] },
  { name: "an end within a frame", frames: [...good, bad((bytes) => bytes.subarray(0, 30))] },
  { name: "an end between two frames", frames: good },
  { name: "headers longer than the frame", frames: [...good, bad((b) => (b.writeUInt32BE(9_999, 4), b))] },
  { name: "an event of another type", frames: [...good, event("other", { bytes: "e30=" })] },
  { name: "an event without bytes", frames: [...good, event("chunk", { text: "EVIL" })] },
  { name: "bytes that aren't JSON", frames: [...good, chunk("EVIL")] },
  { name: "bytes that hold a key twice", frames: [...good, chunk('{"type":"ping","type":"EVIL"}')] },
  { name: "an event whose type is a line", frames: [...good, chunk({ type: "ping\ndata: EVIL" })] },
  {
    name: "a frame that isn't JSON by its own words",
    frames: [
      ...good,
      frame(
        { ":event-type": "chunk", ":content-type": "text/plain", ":message-type": "event" },
        JSON.stringify({ bytes: evil.toString("base64") }),
      ),
    ],
  },
  {
    name: "a message of a type that there isn't",
    frames: [...good, frame({ ":message-type": "EVIL" }, "{}")],
  },
];

describe("a hostile stream", () => {
  test.each(hostile)("with $name is cut, and says so", async ({ frames }) => {
    answers((_req, res) => {
      streamOf(res, frames);
    });
    const answer = await post(
      world,
      "/v1/messages",
      JSON.stringify({ model: "claude", ...ask, stream: true }),
    );
    const text = await answer.text();
    expect(text).toContain("Let me ");
    expect(text).not.toContain("EVIL");
    expect(text).toMatch(/event: error\ndata: \{"type":"error".*the stream was cut.*\}\n\n$/);
    await until(() => world.sidecar.outcomes.length === 1);
    expect(world.sidecar.outcomes[0]?.outcome).toBe("upstream_error");
  });

  test("with line ends in its texts stays one event", async () => {
    const text = "one\n\ndata: two\r\nevent: three";
    answers((_req, res) => {
      const delta = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } };
      streamOf(
        res,
        [...good, chunk(JSON.stringify(delta, null, 2)), ...messageEvents.slice(4, 5).map(chunk)].concat(
          messageEvents.slice(9).map(chunk),
        ),
      );
    });
    const final = await anthropic.messages.stream({ model: "claude", ...ask }).finalMessage();
    expect(final.content).toEqual([{ type: "text", text: `Let me ${text}` }]);
  });

  test("in pieces of one byte is read all the same", async () => {
    answers((_req, res) => {
      const bytes = Buffer.concat(messageEvents.map(chunk));
      streamOf(
        res,
        Array.from(bytes, (byte) => Buffer.from([byte])),
      );
    });
    const final = await anthropic.messages.stream({ model: "claude", ...ask }).finalMessage();
    expect(final.content.length).toBe(2);
  });

  test.each(["text/event-stream", "application/json", "application/vnd.amazon.eventstream2"])(
    "of the content type %s is none",
    async (type) => {
      answers((_req, res) => {
        streamOf(res, messageEvents.map(chunk), type);
      });
      const answer = await post(
        world,
        "/v1/messages",
        JSON.stringify({ model: "claude", ...ask, stream: true }),
      );
      expect(answer.status).toBe(502);
      expect(await answer.text()).not.toContain("Let me");
    },
  );

  test("where one answer was asked for is none", async () => {
    answers((_req, res) => {
      streamOf(res, messageEvents.map(chunk));
    });
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "claude", ...ask }));
    expect(answer.status).toBe(502);
  });

  test("is let go when its client goes away", async () => {
    answers((_req, res) => {
      res.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
      for (const one of good) res.write(one);
    });
    const before = bedrock.aborted();
    const stream = anthropic.messages.stream({ model: "claude", ...ask });
    for await (const one of stream) if (one.type === "content_block_delta") break;
    stream.abort();
    await until(() => bedrock.aborted() > before);
  });

  test.each([
    ["without its end", converseFrames.slice(0, 4)],
    [
      "that ends within its last frame",
      converseFrames.map((one, i) => (i === converseFrames.length - 1 ? one.subarray(0, 20) : one)),
    ],
    [
      "whose block is of two kinds",
      [
        ...converseFrames.slice(0, 2),
        event("contentBlockDelta", { contentBlockIndex: 0, delta: { toolUse: { input: "{}" } } }),
      ],
    ],
    [
      "whose delta is of a kind that isn't known",
      [
        ...converseFrames.slice(0, 2),
        event("contentBlockDelta", { contentBlockIndex: 0, delta: { audio: {} } }),
      ],
    ],
  ])("of Converse %s is cut", async (_name, frames) => {
    answers((_req, res) => {
      streamOf(res, frames);
    });
    const answer = await post(world, "/v1/messages", JSON.stringify({ model: "nova", ...ask, stream: true }));
    expect(await answer.text()).toContain("the stream was cut");
  });
});
