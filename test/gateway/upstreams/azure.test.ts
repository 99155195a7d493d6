/** Azure OpenAI on both of its surfaces, by key and by token of Entra ID, beside what its own client sends. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { AzureOpenAI } from "openai";
import type { Served, World } from "../world.js";
import {
  allow,
  callerToken,
  chatBody,
  json,
  post,
  providerKey,
  startUpstream,
  startWorld,
  until,
} from "../world.js";

const secret = "canary-entra-secret/1";
const version = "2024-10-21";
const place = { provider: "azure", region: "eu", environment: "prod" };

const completion = {
  ...{ id: "c", object: "chat.completion", created: 1, model: "gpt-4o-2024-11-20" },
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { filtered: false } } }],
  choices: [
    {
      ...{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello", refusal: null } },
      content_filter_results: { hate: { filtered: false, severity: "safe" } },
    },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};
const token = (value: string, more: object = {}): object => ({
  ...{ token_type: "Bearer", expires_in: 3600, ext_expires_in: 3600, access_token: value },
  ...more,
});

let world: World;
let azure: Served;
let login: Served;
let other: Served;
let client: OpenAI;
let tokens = 0;

beforeAll(async () => {
  [azure, login, other] = await Promise.all([
    startUpstream(() => undefined),
    startUpstream(() => undefined),
    startUpstream((_req, res) => {
      json(res, completion);
    }),
  ]);
  const entra = (tenant: string, more: object = { client_secret: { value: secret } }): object => ({
    ...{ kind: "azure", url: azure.url },
    entra: { tenant, client_id: "app-1", authority: login.url, ...more },
  });
  const model = (upstream: string, more: object = {}): object => ({
    ...{ upstream, upstream_model: "gpt-4o-prod", ...place },
    ...more,
  });
  world = await startWorld({
    config: {
      upstreams: {
        v1: { kind: "azure", url: azure.url, api_key: { value: providerKey } },
        preview: { kind: "azure", url: azure.url, api_version: "preview", api_key: { value: providerKey } },
        classic: {
          ...{ kind: "azure", url: azure.url, surface: "deployments", api_version: version },
          api_key: { value: providerKey },
        },
        entra: entra("tenant-1.example"),
        federated: entra("tenant-2", {
          client_assertion: { value: "federated.jwt.x" },
          scope: "https://cognitiveservices.azure.us/.default",
        }),
        hasty: entra("tenant-3", { client_secret: { value: secret }, timeout_ms: 100 }),
        slow: entra("tenant-4"),
        files: entra("tenant-5"),
        foundry: { kind: "azure", url: azure.url, protocol: "anthropic", api_key: { value: providerKey } },
        other: { url: other.url },
      },
      models: {
        v1: model("v1"),
        preview: model("preview"),
        classic: model("classic"),
        games: model("classic", { upstream_model: "a/../../b?c#d" }),
        entra: model("entra"),
        federated: model("federated"),
        hasty: model("hasty", { fallbacks: { general: ["other"] } }),
        slow: model("slow", { fallbacks: { general: ["other"] } }),
        policed: model("classic", { fallbacks: { content_policy: ["other"] } }),
        foundry: model("foundry"),
        files: model("files"),
        other: { upstream: "other", ...place },
      },
    },
  });
  client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: callerToken, maxRetries: 0 });
});
afterAll(async () => {
  await world.close();
  await Promise.all([azure.close(), login.close(), other.close()]);
});
beforeEach(() => {
  world.sidecar.decide = allow;
  for (const one of [world.sidecar.asked, world.log, azure.received, login.received, other.received])
    one.length = 0;
  azure.answer = (_req, res) => {
    json(res, completion);
  };
  login.answer = (_req, res) => {
    json(res, token(`token-${++tokens}`));
  };
});

const messages = [{ role: "user" as const, content: "hi" }];
const paths = (): unknown[] => azure.received.map(({ method, path }) => `${method} ${path}`);
const ask = (model: string, more: object = {}): Promise<Response> =>
  post(world, "/v1/chat/completions", chatBody({ model, ...more }));

describe("a surface", () => {
  test.each([
    ["v1", "/openai/v1/chat/completions"],
    ["preview", "/openai/v1/chat/completions?api-version=preview"],
    ["classic", `/openai/deployments/gpt-4o-prod/chat/completions?api-version=${version}`],
    ["games", `/openai/deployments/a%2F..%2F..%2Fb%3Fc%23d/chat/completions?api-version=${version}`],
  ])("%s has its path, and takes the key in its own header", async (model, path) => {
    await client.chat.completions.create({ model, messages });
    expect(paths()).toEqual([`POST ${path}`]);
    const [received] = azure.received;
    expect(received?.headers["api-key"]).toBe(providerKey);
    expect(received?.headers.authorization).toBeUndefined();
  });

  test("is asked as Azure's own client asks it", async () => {
    const ours = async (path: string, body: object): Promise<void> => {
      await post(world, `/v1${path}`, JSON.stringify({ model: "classic", ...body }));
    };
    const own = new AzureOpenAI({ endpoint: azure.url, apiKey: providerKey, apiVersion: version });
    const model = "gpt-4o-prod";
    await ours("/chat/completions", { messages });
    await own.chat.completions.create({ model, messages });
    await ours("/embeddings", { input: "x", encoding_format: "base64" });
    await own.embeddings.create({ model, input: "x" });
    await ours("/images/generations", { prompt: "x" });
    await own.images.generate({ model, prompt: "x" });
    await ours("/completions", { prompt: "x" });
    await own.completions.create({ model, prompt: "x" });
    await ours("/responses", { input: "x", store: false });
    await own.responses.create({ model, input: "x", store: false });
    const seen = azure.received.map(({ method, path, headers, body }) => ({
      ...{ method, path, key: headers["api-key"], type: headers["content-type"] },
      body: JSON.parse(body) as unknown,
    }));
    expect(seen.length).toBe(10);
    for (let i = 0; i < seen.length; i += 2) expect(seen[i]).toEqual(seen[i + 1]);
  });
});

test("Anthropic's models at Azure are asked in their protocol, with Azure's header", async () => {
  azure.answer = (_req, res) => {
    json(res, { type: "error", error: { type: "rate_limit_error", message: "slow" } }, 429);
  };
  const answer = await post(
    world,
    "/v1/messages",
    JSON.stringify({ model: "foundry", max_tokens: 5, messages }),
  );
  expect(answer.status).toBe(429);
  expect(paths()).toEqual(["POST /anthropic/v1/messages"]);
  expect(azure.received[0]?.headers).toMatchObject({
    "x-api-key": providerKey,
    "anthropic-version": "2023-06-01",
  });
});

describe("Azure's filters", () => {
  const chunks = [
    {
      ...{ id: "", object: "", created: 0, model: "", choices: [] },
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
    },
    {
      ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-4o" },
      choices: [{ index: 0, delta: { role: "assistant", content: "hel" }, finish_reason: null }],
    },
    {
      ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-4o" },
      choices: [
        { index: 0, delta: { content: "lo" }, content_filter_results: { hate: { filtered: false } } },
      ],
    },
    {
      ...{ id: "", object: "", created: 0, model: "" },
      choices: [
        {
          index: 0,
          finish_reason: null,
          content_filter_offsets: { check_offset: 1 },
          content_filter_results: {},
        },
      ],
    },
    {
      ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-4o" },
      choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
    },
  ];
  const streams: Served["answer"] = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (const one of chunks) res.write(`data: ${JSON.stringify(one)}\n\n`);
    res.end("data: [DONE]\n\n");
  };

  test("are passed on with the answer", async () => {
    expect(await (await ask("v1")).json()).toEqual(completion);
  });
  test("are passed on with a stream, whose first chunk has no choices", async () => {
    azure.answer = streams;
    const text = await (await ask("v1", { stream: true })).text();
    expect(text).toBe(`${chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("")}data: [DONE]\n\n`);
    const stream = client.chat.completions.stream({ model: "v1", messages });
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe("hello");
  });
  test("don't disturb a client of the other protocol", async () => {
    const anthropic = new Anthropic({
      baseURL: world.url,
      authToken: callerToken,
      apiKey: null,
      maxRetries: 0,
    });
    const whole = await anthropic.messages.create({ model: "v1", max_tokens: 9, messages });
    expect(whole.content).toEqual([{ type: "text", text: "hello" }]);
    azure.answer = streams;
    const final = await anthropic.messages.stream({ model: "v1", max_tokens: 9, messages }).finalMessage();
    expect(final).toMatchObject({ id: "c", model: "gpt-4o", content: [{ type: "text", text: "hello" }] });
  });

  test.each([
    ["its code", { code: "content_filter", message: "no", param: "prompt", status: 400 }],
    [
      "the error within",
      {
        code: "400",
        message: "no",
        innererror: { code: "ResponsibleAIPolicyViolation", content_filter_result: {} },
      },
    ],
    ["the code of images", { code: "contentFilter", message: "no" }],
  ])("let the fallback for content answer, told by %s", async (_name, error) => {
    azure.answer = (_req, res) => {
      json(res, { error }, 400);
    };
    expect((await ask("policed")).status).toBe(200);
    expect(other.received.length).toBe(1);
    const plain = await ask("classic");
    expect([plain.status, await plain.json()]).toEqual([400, { error }]);
  });
  test("let it answer for no other error", async () => {
    azure.answer = (_req, res) => {
      json(res, { error: { code: "invalid", message: "no", innererror: { code: "Other" } } }, 400);
    };
    expect((await ask("policed")).status).toBe(400);
    expect(other.received).toEqual([]);
  });
});

describe("an operation with a file", () => {
  test.each([
    ["classic", `/openai/deployments/gpt-4o-prod/audio/transcriptions?api-version=${version}`, "key"],
    ["files", "/openai/v1/audio/transcriptions", "token"],
  ])("goes to %s as a chat does", async (model, path, proof) => {
    azure.answer = (_req, res) => {
      json(res, { text: "hello" });
    };
    const file = new File([Buffer.from("RIFF....WAVEfmt ")], "a.wav", { type: "audio/wav" });
    const said = await client.audio.transcriptions.create({ model, file });
    expect(said.text).toBe("hello");
    expect(paths()).toEqual([`POST ${path}`]);
    const { headers } = azure.received[0] ?? {};
    expect(headers?.["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect([headers?.["api-key"], headers?.authorization?.startsWith("Bearer token-")]).toEqual(
      proof === "key" ? [providerKey, undefined] : [undefined, true],
    );
  });
});

describe("a token of Entra ID", () => {
  test("is asked for once by many, and kept; the secret goes there alone", async () => {
    let release: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (release = resolve));
    login.answer = (_req, res) => {
      void asked.then(() => {
        json(res, token("token-shared"));
      });
    };
    const all = Promise.all(Array.from({ length: 8 }, () => ask("entra")));
    await until(() => login.received.length > 0);
    release();
    expect((await all).map(({ status }) => status)).toEqual(Array(8).fill(200));
    await ask("entra");
    expect(login.received.length).toBe(1);
    const [received] = login.received;
    expect(received).toMatchObject({ method: "POST", path: "/tenant-1.example/oauth2/v2.0/token" });
    expect(received?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(Object.fromEntries(new URLSearchParams(received?.body))).toEqual({
      ...{ grant_type: "client_credentials", client_id: "app-1", client_secret: secret },
      scope: "https://cognitiveservices.azure.com/.default",
    });
    expect(received?.headers.authorization).toBeUndefined();
    for (const { headers, path } of azure.received) {
      expect(path).toBe("/openai/v1/chat/completions");
      expect(headers.authorization).toBe("Bearer token-shared");
      expect(headers["api-key"]).toBeUndefined();
    }
    expect(JSON.stringify([world.log, world.sidecar.asked, world.sidecar.outcomes])).not.toMatch(
      /canary|token-shared/,
    );
  });

  test("may be had for another one, of a federated workload", async () => {
    await ask("federated");
    expect(Object.fromEntries(new URLSearchParams(login.received[0]?.body))).toEqual({
      ...{ grant_type: "client_credentials", client_id: "app-1" },
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: "federated.jwt.x",
      scope: "https://cognitiveservices.azure.us/.default",
    });
  });

  test("that is refused is forgotten; what Azure says of it isn't passed on", async () => {
    azure.answer = (req, res) => {
      json(res, { error: { message: `bad ${String(req.headers.authorization)}` } }, 401);
    };
    const refused = await ask("entra");
    expect(refused.status).toBe(502);
    expect(await refused.text()).not.toContain("token-");
    azure.answer = (_req, res) => {
      json(res, completion);
    };
    const before = login.received.length;
    expect((await ask("entra")).status).toBe(200);
    expect(login.received.length).toBe(before + 1);
  });

  test("that Azure quotes in an error isn't passed on", async () => {
    azure.answer = (req, res) => {
      json(res, { error: { message: `bad ${String(req.headers.authorization)}` } }, 400);
    };
    const answer = await ask("entra");
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain("token-");
  });

  const bad: readonly { readonly name: string; readonly why: string; readonly answer: Served["answer"] }[] = [
    {
      name: "redirects",
      why: "redirected",
      answer: (_req, res) => {
        res.writeHead(307, { location: `${other.url}/token` }).end();
      },
    },
    {
      name: "refuses",
      why: "invalid_client",
      answer: (_req, res, body) => {
        json(res, { error: "invalid_client", error_description: `AADSTS7000215 ${body}` }, 401);
      },
    },
    {
      name: "refuses in words of its own",
      why: "status 400",
      answer: (_req, res, body) => {
        json(res, { error: `no ${body}` }, 400);
      },
    },
    {
      name: "hangs",
      why: "timeout",
      answer: () => undefined,
    },
    {
      name: "hangs within its answer",
      why: "timeout",
      answer: (_req, res) => {
        res.writeHead(200, { "content-type": "application/json" }).write('{"token_type":');
      },
    },
    {
      name: "hangs up",
      why: "unreachable",
      answer: (req) => {
        req.socket.destroy();
      },
    },
    {
      name: "answers with a page",
      why: "malformed",
      answer: (_req, res) => {
        res.writeHead(200, { "content-type": "text/html" }).end(JSON.stringify(token("x")));
      },
    },
    {
      name: "floods",
      why: "malformed",
      answer: (_req, res) => {
        json(res, token("x", { more: "x".repeat(100_000) }));
      },
    },
    ...[
      { access_token: "two\r\nlines: x" },
      { access_token: "" },
      { access_token: 5 },
      { token_type: "mac" },
      { expires_in: -1 },
      { expires_in: "never" },
      { expires_in: undefined },
    ].map((more) => ({
      name: `answers with ${JSON.stringify(more)}`,
      why: "malformed",
      answer: ((_req, res) => {
        json(res, token("x", more));
      }) as Served["answer"],
    })),
  ];
  test.each(bad)(
    "isn't had where its endpoint $name: nothing is sent, a fallback answers",
    async ({ why, answer }) => {
      const model = why === "timeout" ? "hasty" : "slow";
      login.answer = answer;
      world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "other" });
      const refused = await ask(model);
      expect(refused.status).toBe(502);
      expect(azure.received).toEqual([]);
      expect(other.received).toEqual([]);
      world.sidecar.decide = allow;
      expect((await ask(model)).status).toBe(200);
      expect(azure.received).toEqual([]);
      expect(other.received.map(({ path }) => path)).toEqual(["/v1/chat/completions"]);
      expect(world.log.join("\n")).toContain(`no access token for an upstream {"id":"value","why":"${why}"}`);
      expect(JSON.stringify([await refused.text(), world.log])).not.toMatch(/canary|AADSTS/);
    },
  );
});
