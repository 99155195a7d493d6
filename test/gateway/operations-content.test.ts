/** What operations say is looked at as chats are; what wasn't is said to be so. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { World } from "./world.js";
import { deny, post, startWorld } from "./world.js";

let world: World;
beforeAll(async () => {
  const url = "http://127.0.0.1:9";
  const place = { region: "eu", environment: "prod", provider: "x" };
  world = await startWorld({
    config: {
      content: { detectors: ["pii"], budget_ms: 10_000 },
      upstreams: {
        openai: { url },
        anthropic: { url, protocol: "anthropic" },
        gemini: { url, protocol: "gemini" },
      },
      models: {
        gpt: { ...place, upstream: "openai" },
        sonnet: { ...place, upstream: "anthropic" },
        flash: { ...place, upstream: "gemini" },
      },
      routes: {
        lama: { kind: "ollama", url, region: "eu", environment: "prod", models: { small: {} } },
        chain: { kind: "langserve", url, region: "eu", environment: "prod" },
        table: {
          ...{ kind: "http", url, region: "eu", environment: "prod" },
          operations: [{ method: "POST", path: "/infer", action: "model.invoke", id: "m" }],
        },
      },
    },
  });
});
beforeEach(() => {
  world.sidecar.decide = deny();
});
afterAll(() => world.close());

const email = "jane.doe@example.com";
const gemini = "/v1beta/models/flash:generateContent";
const says = (...parts: readonly object[]) => ({ contents: [{ role: "user", parts }] });
const found = { scanned: true, pii: { email: 1 } };
const unseen = { scanned: false };

const requests: readonly (readonly [name: string, path: string, body: object, facts: object])[] = [
  ["embeddings", "/v1/embeddings", { model: "gpt", input: ["x", email] }, found],
  ["tokens", "/v1/embeddings", { model: "gpt", input: [1, 2] }, { ...unseen, why: ["tokens"] }],
  ["moderations", "/v1/moderations", { model: "gpt", input: email }, found],
  ["completions", "/v1/completions", { model: "gpt", prompt: email }, found],
  ["completions of tokens", "/v1/completions", { model: "gpt", prompt: [[1], [2]] }, unseen],
  ["an input", "/v1/responses", { model: "gpt", input: email }, { ...found, roles: { user: found } }],
  [
    "instructions",
    "/v1/responses",
    { model: "gpt", input: "x", instructions: email },
    { roles: { system: found } },
  ],
  [
    "a call's output",
    "/v1/responses",
    { model: "gpt", input: [{ type: "function_call_output", call_id: "c", output: email }] },
    { roles: { tool: found } },
  ],
  [
    "a call's arguments",
    "/v1/responses",
    {
      model: "gpt",
      input: [{ type: "function_call", call_id: "c", name: "f", arguments: `{"to":"${email}"}` }],
    },
    { roles: { assistant: found } },
  ],
  [
    "an image",
    "/v1/responses",
    {
      model: "gpt",
      input: [{ role: "user", content: [{ type: "input_image", image_url: "https://x.example/a" }] }],
    },
    { ...unseen, images: { count: 1 } },
  ],
  [
    "what is counted",
    "/v1/messages/count_tokens",
    { model: "sonnet", messages: [{ role: "user", content: email }] },
    found,
  ],
  ["a part", gemini, says({ text: email }), { ...found, roles: { user: found } }],
  [
    "Gemini's instructions",
    gemini,
    { ...says(), systemInstruction: { parts: [{ text: email }] } },
    { roles: { system: found } },
  ],
  [
    "a function's answer",
    gemini,
    says({ functionResponse: { name: "f", response: { to: email } } }),
    { roles: { tool: found } },
  ],
  [
    "bytes",
    gemini,
    says({ inlineData: { mimeType: "image/png", data: "AAAA" } }),
    { ...unseen, images: { count: 1, bytes: 3, unsized: 0, types: { "image/png": 1 } } },
  ],
  [
    "what a program gave",
    gemini,
    says({ codeExecutionResult: { outcome: "OUTCOME_OK", output: email } }),
    { roles: { tool: found } },
  ],
  [
    "a function's arguments",
    gemini,
    { contents: [{ role: "model", parts: [{ functionCall: { name: "f", args: { to: email } } }] }] },
    { roles: { assistant: found } },
  ],
  [
    "a file",
    gemini,
    says({ fileData: { fileUri: "https://x.example/a.pdf" } }),
    { ...unseen, files: { count: 1, bytes: 0, unsized: 1 } },
  ],
  [
    "a custom tool's output",
    "/v1/responses",
    { model: "gpt", input: [{ type: "custom_tool_call_output", call_id: "c", output: email }] },
    { roles: { tool: found } },
  ],
  [
    "what is to be drawn",
    "/v1/images/generations",
    { model: "gpt", prompt: email },
    { roles: { user: found } },
  ],
  [
    "what is to be said",
    "/v1/audio/speech",
    { model: "gpt", input: email, voice: "alloy" },
    { roles: { user: found } },
  ],
  [
    "what comes after",
    "/v1/completions",
    { model: "gpt", prompt: "x", suffix: email },
    { roles: { user: found } },
  ],
  [
    "an image that is moderated",
    "/v1/moderations",
    {
      model: "gpt",
      input: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
    },
    { ...unseen, why: ["media"], images: { count: 1, bytes: 3 } },
  ],
  [
    "Gemini's embeddings",
    "/v1beta/models/flash:embedContent",
    { content: { parts: [{ text: email }] } },
    found,
  ],
];

test.each(requests)("%s", async (_name, path, body, facts) => {
  const answer = await post(world, path, JSON.stringify(body));
  expect(answer.status).toBe(403);
  const { content } = world.sidecar.asked.at(-1)?.context as { content?: object };
  expect(content).toMatchObject(facts);
  expect(JSON.stringify(world.sidecar.asked.at(-1)?.context)).not.toContain(email);
});

test("a file that is uploaded is counted with its type and size, and wasn't looked into", async () => {
  const form = new FormData();
  form.set("model", "gpt");
  form.set("prompt", email);
  form.set("file", new Blob(["sound"], { type: "audio/wav" }), "a.wav");
  const answer = await fetch(`${world.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { authorization: "Bearer caller-token-e30.e30.c2ln" },
    body: form,
  });
  expect(answer.status).toBe(403);
  const { content } = world.sidecar.asked.at(-1)?.context as { content?: object };
  expect(content).toMatchObject({
    ...{ scanned: false, why: ["media"], roles: { user: { pii: { email: 1 } } } },
    files: { count: 1, bytes: 5, unsized: 0, types: { "audio/wav": 1 } },
  });
});

/** What callers say in other places than a value of JSON: the facts must say so, or that it wasn't seen. */
const elsewhere: readonly (readonly [
  name: string,
  path: string,
  type: string,
  body: string,
  facts: object,
])[] = [
  ["a value", "chain/invoke", "application/json", `{"input":{"a":"${email}"}}`, found],
  ["a name", "chain/invoke", "application/json", `{"input":{"${email}":1}}`, found],
  ["a number", "chain/invoke", "application/json", '{"input":[4532015112830366]}', { pii: { card: 1 } }],
  ["a tag", "chain/invoke", "application/json", `{"input":1,"config":{"tags":["${email}"]}}`, found],
  ["kwargs", "chain/invoke", "application/json", `{"input":1,"kwargs":{"stop":"${email}"}}`, found],
  ["a template", "lama/api/generate", "application/json", `{"model":"small","template":"${email}"}`, found],
  [
    ...(["what is beside messages", "lama/api/chat", "application/json"] as const),
    `{"model":"small","messages":[],"format":{"description":"${email}"}}`,
    found,
  ],
  ["JSON", "table/infer", "application/json", `{"a":"${email}"}`, found],
  ["JSON that is said to be text", "table/infer", "text/plain", `{"a":"${email}"}`, found],
  ["JSON of another name", "table/infer", "application/x+json", `{"a":"${email}"}`, found],
  ["text that is said to be an image", "table/infer", "image/png", `{"a":"${email}"}`, found],
  ["what isn't text", "table/infer", "image/png", "a\u0000b", { ...unseen, why: ["media"] }],
];

test.each(elsewhere)("on a named route: %s", async (_name, path, type, body, facts) => {
  const answer = await post(world, `/routes/${path}`, body, { "content-type": type });
  expect(answer.status).toBe(403);
  const { content } = world.sidecar.asked.at(-1)?.context as { content?: object };
  expect(content).toMatchObject(facts);
});
