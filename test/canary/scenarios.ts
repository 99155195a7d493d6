/** What is done with the secrets: every way in which a request, an answer or a credential can go right or wrong. */
import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import { truncateSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { exportJWK, calculateJwkThumbprint, SignJWT } from "jose";
import { identities } from "../../demo/identities.js";
import { json } from "../gateway/world.js";
import type { CanaryWorld } from "./world.js";
import { held, said } from "./world.js";

type Answer = (req: IncomingMessage, res: ServerResponse, body: string) => void;

export interface Scenario {
  readonly name: string;
  /** What the upstream does meanwhile; else it answers as it should. */
  readonly upstream?: Answer;
  /** What the client must get: that it ran at all. */
  readonly status: number;
  run(world: CanaryWorld): Promise<number>;
}

const completion = {
  ...{ id: "c", object: "chat.completion", created: 1, model: "m" },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: said.answer.value } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};
const message = {
  ...{
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    stop_reason: "end_turn",
    stop_sequence: null,
  },
  ...{ content: [{ type: "text", text: said.answer.value }], usage: { input_tokens: 1, output_tokens: 1 } },
};
export const answersWell: Answer = (req, res, body) => {
  if (req.url?.startsWith("/mcp") === true) {
    const { id } = JSON.parse(body) as { id: number };
    json(res, { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: said.answer.value }] } });
  } else if (req.url?.startsWith("/query") === true)
    json(res, { documents: [{ text: said.document.value, tenant: "acme", classification: "internal" }] });
  else if (req.url?.includes("messages") === true) json(res, message);
  else json(res, completion);
};
/** All that the upstream was given for itself, as an upstream may quote it. */
const keysOf = (req: IncomingMessage): string =>
  [req.headers.authorization, req.headers["x-api-key"], req.headers["openai-beta"]].join(" ");
const quotes =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (req, res) => {
    const text = JSON.stringify({ error: { message: `wrong: ${keysOf(req)}`, type: "x", code: "y" } });
    const key = keysOf(req).replaceAll(" ", "_");
    const named = Object.entries(headers).map(([name, value]) => [name, value.replace("KEY", key)]);
    res.writeHead(status, { "content-type": "application/json", ...Object.fromEntries(named) }).end(text);
  };
const stream =
  (...events: object[]): Answer =>
  (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.end(`${events.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("")}data: [DONE]\n\n`);
  };
const piece = (delta: object): object => ({
  ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "m" },
  choices: [{ index: 0, delta }],
});

const tool = {
  type: "function",
  function: { name: "lookup", description: said.description.value, parameters: { type: "object" } },
};
export const chat = (model = "gpt-4o", more: object = {}): string =>
  JSON.stringify({
    model,
    messages: [
      { role: "system", content: said.system.value },
      { role: "user", content: `${said.prompt.value} my mail is a@example.com` },
      {
        ...{ role: "assistant", content: null },
        tool_calls: [
          {
            ...{ id: "t", type: "function" },
            function: { name: "lookup", arguments: JSON.stringify({ q: said.arguments.value }) },
          },
        ],
      },
      { role: "tool", tool_call_id: "t", content: said.document.value },
    ],
    tools: [tool],
    ...more,
  });
const rpc = (name: string, args: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });

/** The headers of a caller whose token is full of what must not be told. */
export async function as(
  world: CanaryWorld,
  name: "senior" | "analyst" | "contractor" = "senior",
  claims: object = {},
): Promise<Record<string, string>> {
  const { groups } = identities[name];
  const token = await world.issuer.token(name, {
    ...{ email: said.claim.value, groups: [...groups, said.group.value], custom: { deep: said.claim.value } },
    ...claims,
  });
  world.presented.push(
    { name: `the token of ${name}`, value: token },
    { name: `the signature of ${name}'s token`, value: token.split(".")[2] ?? "" },
  );
  return {
    authorization: `Bearer ${token}`,
    "x-purpose": said.claimed.value,
    "x-internal": said.header.value,
    cookie: `other=${said.cookie.value}; session=${said.session.value}`,
  };
}

const keyPair = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "jwk" } as never,
  privateKeyEncoding: { type: "pkcs8", format: "jwk" } as never,
});

async function withProof(world: CanaryWorld, more: object = {}): Promise<Record<string, string>> {
  const { createPublicKey, createPrivateKey } = await import("node:crypto");
  const secret = createPrivateKey({ key: keyPair.privateKey as never, format: "jwk" });
  const jwk = await exportJWK(createPublicKey(secret));
  const token = await world.issuer.token("senior", { cnf: { jkt: await calculateJwkThumbprint(jwk) } });
  const ath = createHash("sha256").update(token).digest("base64url");
  const htu = `${world.url}/v1/chat/completions`;
  const proof = await new SignJWT({ htm: "POST", htu, ath, jti: randomUUID(), ...more })
    .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk })
    .setIssuedAt()
    .sign(secret);
  world.presented.push({ name: "a token with DPoP", value: token }, { name: "a DPoP proof", value: proof });
  return { authorization: `DPoP ${token}`, dpop: proof };
}

const chatAs =
  (model?: string, more?: object): Scenario["run"] =>
  async (world) =>
    world.send("/v1/chat/completions", { headers: await as(world), body: chat(model, more) });
const post =
  (path: string, body: string | (() => string), headers: Record<string, string> = {}): Scenario["run"] =>
  async (world) =>
    world.send(path, {
      headers: { ...(await as(world)), ...headers },
      body: typeof body === "string" ? body : body(),
    });
const models = ["gpt-4o", "gpt-4o-mini", "llama-3.1-70b"];

export const scenarios: readonly Scenario[] = [
  ...models.map((model) => ({ name: `a call of ${model}`, status: 200, run: chatAs(model) })),
  {
    name: "a stream",
    status: 200,
    upstream: stream(piece({ content: said.answer.value }), piece({})),
    run: chatAs("gpt-4o", { stream: true }),
  },
  {
    name: "a call that the model makes",
    status: 200,
    upstream: stream(
      piece({
        tool_calls: [
          {
            ...{ index: 0, id: "t", type: "function" },
            function: { name: "lookup", arguments: JSON.stringify({ q: said.called.value }) },
          },
        ],
      }),
      piece({}),
    ),
    run: chatAs("gpt-4o", { stream: true }),
  },
  {
    name: "a message to another protocol's model",
    status: 200,
    run: post("/v1/chat/completions", () =>
      JSON.stringify({ model: "claude-sonnet", messages: [{ role: "user", content: said.prompt.value }] }),
    ),
  },
  {
    name: "embeddings that can't be read",
    status: 502,
    upstream: (_req, res) => {
      res.writeHead(200, { "content-type": "application/json" }).end(`{"data":[${said.answer.value}`);
    },
    run: post("/v1/embeddings", JSON.stringify({ model: "gpt-4o", input: said.prompt.value })),
  },
  {
    name: "a tool of a server",
    status: 200,
    run: post("/mcp/files", rpc("read_file", { path: said.arguments.value }), {
      accept: "application/json, text/event-stream",
    }),
  },
  {
    name: "a tool whose server quotes the key",
    status: 200,
    upstream: quotes(401),
    run: post("/mcp/files", rpc("read_file", { path: said.arguments.value }), {
      accept: "application/json, text/event-stream",
    }),
  },
  {
    name: "a query",
    status: 200,
    run: post("/v1/retrieval/handbook/query", JSON.stringify({ query: said.query.value, top_k: 1 })),
  },
  {
    name: "a query whose store quotes the key",
    status: 400,
    upstream: quotes(400),
    run: post("/v1/retrieval/handbook/query", JSON.stringify({ query: said.query.value, top_k: 1 })),
  },
  {
    name: "a page of a route",
    status: 200,
    run: async (world) => {
      const path = `/routes/notes/page?tab=${said.seen.value}&other=${said.url.value}`;
      return world.send(path, { method: "GET", headers: await as(world) });
    },
  },
  {
    name: "a form of a route",
    status: 200,
    run: post(
      "/routes/notes/api/save",
      JSON.stringify({ text: said.prompt.value, password: said.arguments.value }),
    ),
  },
  ...[400, 401, 404, 500].map((status) => ({
    name: `a route whose upstream quotes the key with ${status}`,
    // by then the answer has begun
    status: status === 401 ? 502 : 0,
    upstream: quotes(status, { "x-other": "KEY", etag: "KEY" }),
    run: async (world: CanaryWorld) =>
      world.send("/routes/notes/page", { method: "GET", headers: await as(world) }),
  })),
  {
    name: "a client of Gemini's with a key",
    status: 401,
    run: (world) =>
      world.send("/v1beta/models/gpt-4o:generateContent", {
        headers: { "x-goog-api-key": said.header.value },
        body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: said.prompt.value }] }] }),
      }),
  },
  {
    name: "a response that isn't stored",
    status: 502,
    upstream: quotes(400),
    run: post("/v1/responses", JSON.stringify({ model: "gpt-4o", input: said.prompt.value })),
  },
  {
    name: "an image",
    status: 502,
    upstream: quotes(404),
    run: post("/v1/images/generations", JSON.stringify({ model: "gpt-4o", prompt: said.prompt.value })),
  },
  {
    name: "a denied call",
    status: 403,
    run: async (world) =>
      world.send("/v1/chat/completions", { headers: await as(world, "analyst"), body: chat() }),
  },
  {
    name: "a caller of another tenant",
    status: 403,
    run: async (world) =>
      world.send("/v1/chat/completions", { headers: await as(world, "contractor"), body: chat() }),
  },
  {
    name: "an expired token",
    status: 401,
    run: async (world) =>
      world.send("/v1/chat/completions", {
        headers: await as(world, "senior", { iat: 1, exp: 2 }),
        body: chat(),
      }),
  },
  {
    name: "a token of nobody's",
    status: 401,
    run: async (world) => {
      const headers = await as(world);
      const forged = `${headers["authorization"]?.slice(0, -8) ?? ""}AAAAAAAA`;
      world.presented.push({ name: "a forged token", value: forged.slice("Bearer ".length) });
      return world.send("/v1/chat/completions", {
        headers: { ...headers, authorization: forged },
        body: chat(),
      });
    },
  },
  {
    name: "a password",
    status: 401,
    run: (world) => {
      const basic = Buffer.from(`user:${said.header.value}`).toString("base64");
      return world.send("/v1/chat/completions", {
        headers: { authorization: `Basic ${basic}` },
        body: chat(),
      });
    },
  },
  {
    name: "an API key",
    status: 200,
    run: (world) => {
      world.presented.push({ name: "an API key", value: world.apiKey });
      return world.send("/v1/chat/completions", { headers: { "x-api-key": world.apiKey }, body: chat() });
    },
  },
  {
    name: "an API key with a typing mistake",
    status: 401,
    run: (world) => {
      const wrong = `${world.apiKey.slice(0, -3)}xyz`;
      world.presented.push({ name: "a mistyped API key", value: wrong });
      return world.send("/v1/chat/completions", { headers: { "x-api-key": wrong }, body: chat() });
    },
  },
  {
    name: "a DPoP proof",
    status: 200,
    run: async (world) =>
      world.send("/v1/chat/completions", { headers: await withProof(world), body: chat() }),
  },
  {
    name: "a DPoP proof for another request",
    status: 401,
    run: async (world) =>
      world.send("/v1/chat/completions", { headers: await withProof(world, { htm: "GET" }), body: chat() }),
  },
  {
    name: "credentials of two callers",
    status: 401,
    run: async (world) =>
      world.send("/v1/chat/completions", {
        headers: { ...(await as(world)), "x-api-key": world.apiKey },
        body: chat(),
      }),
  },
  {
    name: "a body that is no JSON",
    status: 400,
    run: post("/v1/chat/completions", `{"model": ${said.broken.value}`),
  },
  {
    name: "a body with a field twice",
    status: 400,
    run: post("/v1/chat/completions", `{"model":"gpt-4o","model":"${said.broken.value}","messages":[]}`),
  },
  {
    name: "a body with unknown fields",
    status: 400,
    run: post("/v1/chat/completions", chat("gpt-4o", { unheard_of: said.broken.value })),
  },
  {
    name: "a model that nobody has",
    status: 403,
    run: post("/v1/chat/completions", chat("no-such-model", {})),
  },
  {
    name: "a body that is too large",
    status: 413,
    run: post(
      "/v1/chat/completions",
      JSON.stringify({ model: "gpt-4o", messages: said.broken.value.repeat(3_000) }),
    ),
  },
  {
    name: "a body of another type",
    status: 415,
    run: post("/v1/chat/completions", said.broken.value, { "content-type": "text/plain" }),
  },
  {
    name: "a query in the URL",
    status: 404,
    run: async (world) =>
      world.send(`/v1/models?key=${said.url.value}`, { method: "GET", headers: await as(world) }),
  },
  ...[400, 401, 403, 404, 422, 429, 500, 503].map((status) => ({
    name: `an upstream that quotes the key with ${status}`,
    status: 502,
    upstream: quotes(status),
    run: chatAs("llama-3.1-70b"),
  })),
  {
    name: "an upstream that quotes the key in its head",
    status: 200,
    upstream: (req, res) => {
      const key = keysOf(req).replaceAll(" ", "_");
      const named = { "request-id": key, "openai-processing-ms": key, "x-other": key, "set-cookie": key };
      res.writeHead(200, { "content-type": "application/json", ...named });
      res.end(JSON.stringify(completion));
    },
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that quotes the key in the head of an error",
    status: 404,
    upstream: (req, res) => {
      const key = keysOf(req).replaceAll(" ", "_");
      const named = { "request-id": key, "retry-after": key, "openai-processing-ms": key };
      res.writeHead(404, { "content-type": "application/json", ...named });
      res.end(JSON.stringify({ error: { message: "no", type: "x" } }));
    },
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that quotes the key in a stream's error",
    status: 200,
    upstream: (req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`data: ${JSON.stringify(piece({ content: "so far" }))}\n\n`);
      setTimeout(() => res.end(`data: ${JSON.stringify({ error: { message: keysOf(req) } })}\n\n`), 100);
    },
    run: chatAs("llama-3.1-70b", { stream: true }),
  },
  {
    name: "an upstream that points elsewhere",
    status: 502,
    upstream: quotes(302, { location: "http://127.0.0.1:9/?key=KEY" }),
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that answers with a page",
    status: 502,
    upstream: (req, res) => {
      res.writeHead(200, { "content-type": "text/html" }).end(`<html>${keysOf(req)}`);
    },
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that hangs up",
    status: 502,
    upstream: (req) => {
      req.socket.destroy();
    },
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that says nothing",
    status: 504,
    upstream: () => undefined,
    run: chatAs("llama-3.1-70b"),
  },
  {
    name: "an upstream that isn't there",
    status: 200,
    run: post("/mcp/search", rpc("search", { query: said.arguments.value }), {
      accept: "application/json, text/event-stream",
    }),
  },
  {
    name: "an answer that can't be translated",
    status: 502,
    upstream: (req, res) => {
      json(res, { ...message, content: [{ type: "unheard_of", text: keysOf(req) }] });
    },
    run: post("/v1/chat/completions", () =>
      JSON.stringify({ model: "claude-sonnet", messages: [{ role: "user", content: said.prompt.value }] }),
    ),
  },
  {
    name: "a key that is emptied in its file",
    status: 200,
    run: async (world) => {
      truncateSync(world.keyFile);
      await world.said('"code":"empty"');
      return chatAs("gpt-4o-mini")(world);
    },
  },
  {
    name: "a key that is replaced, and refused",
    status: 200,
    upstream: (req, res) => {
      const known = String(req.headers.authorization).includes(held.file.value);
      if (known) json(res, completion);
      else quotes(401)(req, res, "");
    },
    run: async (world) => {
      writeFileSync(world.keyFile, held.fileNext.value);
      await world.said("credential_changed");
      const status = await chatAs("gpt-4o-mini")(world);
      await world.said("credential_previous_used");
      return status;
    },
  },
  ...[500, 403, 307].map((status) => ({
    name: `a vault that quotes the key with ${status}`,
    status: 200,
    run: async (world: CanaryWorld) => {
      world.vault.misbehave = (req, res) => {
        const token = String(req.headers["x-vault-token"]);
        const location = { location: `http://127.0.0.1:9/${token}` };
        res.writeHead(status, { "content-type": "application/json", ...location });
        res.end(JSON.stringify({ errors: [held.vault.value, token, held.vaultSecretId.value] }));
        return true;
      };
      await world.said('"id":"vault","code"');
      const answered = await chatAs("gpt-4o")(world);
      world.vault.misbehave = undefined;
      await world.said("credential_restored");
      return answered;
    },
  })),
  {
    name: "a configuration that is no YAML",
    status: 200,
    run: async (world) => {
      await world.reload(`upstreams: { a: { api_key: { value: "${held.bad.value}" } }\n  - [`);
      return chatAs()(world);
    },
  },
  {
    name: "a configuration with mistakes around a key",
    status: 200,
    run: async (world) => {
      const api_key = { value: held.bad.value, valeu: held.bad.value, env: "X" };
      const url = `https://user:${held.bad.value}@provider.example`;
      await world.reload({
        upstreams: { a: { url, api_key }, b: { url: held.bad.value, api_key: held.bad.value } },
      });
      return chatAs()(world);
    },
  },
  {
    name: "a configuration with a key that can't be sent",
    status: 200,
    run: async (world) => {
      const api_key = { value: `${held.bad.value}\n${held.bad.value}` };
      await world.reload({ upstreams: { a: { url: "https://provider.example", api_key } }, models: {} });
      return chatAs()(world);
    },
  },
  {
    name: "a good configuration",
    status: 200,
    run: async (world) => {
      await world.reload({ environment: "other" });
      return chatAs()(world);
    },
  },
];
