/** Batches of messages by Anthropic's own client: each request decided, each batch its maker's. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Decide, Served, World } from "./world.js";
import { callerToken, deny, json, post, providerKey, startUpstream, startWorld, subject } from "./world.js";

let world: World;
let upstream: Served;
let results = "";
const rules: Decide = ({ resource }) => ({ allow: resource.id !== "forbidden" && resource.id !== "remove" });
const batch = () => ({
  ...{
    id: "msgbatch_1",
    type: "message_batch",
    processing_status: "ended",
    created_at: "2026-01-01T00:00:00Z",
  },
  results_url: "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
});
beforeEach(async () => {
  upstream = await startUpstream((req, res) => {
    const { method = "", url = "" } = req;
    if (method === "DELETE") json(res, { id: "msgbatch_1", type: "message_batch_deleted" });
    else if (url === "/v1/messages/batches/msgbatch_1/results")
      res.writeHead(200, { "content-type": "application/x-jsonl" }).end(results);
    else json(res, batch());
  });
  const place = { region: "eu", environment: "prod", provider: "anthropic" };
  const api_key = { value: providerKey };
  const protocol = "anthropic";
  world = await startWorld({
    config: {
      uploads: { batch_lines: 100 },
      upstreams: {
        claude: { url: upstream.url, protocol, api_key },
        second: { url: upstream.url, protocol, api_key },
        gpt: { url: upstream.url, api_key },
      },
      models: {
        sonnet: { ...place, upstream: "claude", upstream_model: "claude-real" },
        haiku: {
          deployments: ["second", "claude"].map((one) => ({
            ...place,
            upstream: one,
            upstream_model: "haiku-real",
          })),
        },
        forbidden: { ...place, upstream: "claude" },
        far: { ...place, upstream: "second" },
        gpt: { ...place, upstream: "gpt" },
      },
    },
  });
  world.sidecar.decide = rules;
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const client = () => new Anthropic({ baseURL: world.url, apiKey: null, authToken: "callers", maxRetries: 0 });
const request = (model = "sonnet", custom_id = "a", more: object = {}) => ({
  custom_id,
  params: { model, max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }], ...more },
});
const create = (...requests: ReturnType<typeof request>[]) => client().messages.batches.create({ requests });
const questions = () =>
  world.sidecar.asked
    .flatMap(({ calls = [] }) => calls)
    .map(({ action, resource }) => [action.name, resource.id]);
const unknown = { status: 404 };

test("each request is decided, what is alike once; all go to the one upstream that has all models", async () => {
  const made = await create(request(), request("haiku", "b"), request("sonnet", "c"));
  expect(questions()).toEqual([
    ["model.invoke", "sonnet"],
    ["model.invoke", "haiku"],
    ["batch.create", "sonnet"],
    ["batch.create", "haiku"],
  ]);
  expect(upstream.received[0]).toMatchObject({
    path: "/v1/messages/batches",
    headers: { "x-api-key": providerKey, "anthropic-version": "2026-10-21" },
  });
  expect(JSON.parse(upstream.received[0]?.body ?? "")).toMatchObject({
    requests: [
      { custom_id: "a", params: { model: "claude-real" } },
      { custom_id: "b", params: { model: "haiku-real" } },
      { custom_id: "c" },
    ],
  });
  expect(made.id).toMatch(/^msgbatch_[\w-]{60,}$/);
  expect(made.results_url).toBe(`${world.url}/v1/messages/batches/${made.id}/results`);
});

test("a batch is read, cancelled and deleted by who made it, and by nobody else", async () => {
  const { id } = await create(request());
  const { batches } = client().messages;
  expect((await batches.retrieve(id)).id).toBe(id);
  await batches.cancel(id);
  expect((await batches.delete(id)).id).toBe(id);
  expect(questions().slice(2)).toEqual([
    ["batch.read", "sonnet"],
    ["batch.cancel", "sonnet"],
    ["batch.delete", "sonnet"],
  ]);
  const before = upstream.received.length;
  for (const changes of [{ tenant: "globex" }, { id: "agent-2" }]) {
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, ...changes } });
    await expect(batches.retrieve(id)).rejects.toMatchObject(unknown);
    await expect(batches.cancel(id)).rejects.toMatchObject(unknown);
    await expect(batches.delete(id)).rejects.toMatchObject(unknown);
  }
  for (const one of ["msgbatch_1", `${id}A`])
    await expect(batches.retrieve(one)).rejects.toMatchObject(unknown);
  await expect(batches.list()).rejects.toMatchObject({
    status: 403,
    error: { error: { code: "list_refused" } },
  });
  expect(upstream.received).toHaveLength(before);
});

describe("results", () => {
  const use = (name: string) => ({ type: "tool_use", id: `t-${name}`, name, input: {} });
  const result = (name: string, model = "claude-real") =>
    JSON.stringify({
      custom_id: name,
      result: { type: "succeeded", message: { role: "assistant", model, content: [use(name)] } },
    });

  test("come with their calls decided, for the model that made them", async () => {
    results = `${result("read")}\n${result("remove", "haiku-real")}\n${JSON.stringify({ custom_id: "x", result: { type: "expired" } })}`;
    const { id } = await create(request(), request("haiku", "b"));
    const got: unknown[] = [];
    for await (const one of await client().messages.batches.results(id)) got.push(one);
    expect(JSON.stringify(got[0])).toBe(result("read"));
    expect(JSON.stringify(got[1])).toContain("The call of remove was refused");
    expect(JSON.stringify(got[1])).not.toContain("tool_use");
    expect(got[2]).toMatchObject({ result: { type: "expired" } });
    const functions = world.sidecar.asked
      .flatMap(({ calls = [] }) => calls)
      .filter(({ kind }) => kind === "tool");
    expect(functions.map(({ resource }) => [resource.id, resource.properties["model"]])).toEqual([
      ["read", "sonnet"],
      ["remove", "haiku"],
    ]);
  });

  test("hide no call behind what other results would have", async () => {
    const { result: said } = JSON.parse(result("remove", "haiku-real")) as { result: object };
    const { id } = await create(request("haiku"));
    for (const response of [{}, null, { body: {} }, "x"]) {
      results = JSON.stringify({ custom_id: "x", response, result: said });
      const got = await fetch(`${world.url}/v1/messages/batches/${id}/results`, {
        headers: { authorization: `Bearer ${callerToken}`, "anthropic-version": "2023-06-01" },
      });
      const text = await got.text();
      expect(text).toContain("The call of remove was refused");
      expect(text).not.toContain("tool_use");
    }
  });

  test("of a denied batch aren't given", async () => {
    const { id } = await create(request());
    world.sidecar.decide = ({ action }) => ({ allow: action.name !== "batch.results" });
    await expect(client().messages.batches.results(id)).rejects.toBeInstanceOf(
      Anthropic.PermissionDeniedError,
    );
  });
});

describe("not sent", () => {
  test.each<[string, unknown, number, string]>([
    [
      "a forbidden model among others",
      { requests: [request(), request("forbidden", "b")] },
      403,
      "requests 2",
    ],
    ["models of two upstreams", { requests: [request(), request("far", "b")] }, 400, "untranslatable"],
    ["a model of another protocol", { requests: [request("gpt")] }, 400, "untranslatable"],
    ["a stream", { requests: [request("sonnet", "a", { stream: true })] }, 400, "requests[0]"],
    ["an unknown field", { requests: [{ ...request(), priority: 1 }] }, 400, "requests[0]"],
    ["an unknown parameter", { requests: [request("sonnet", "a", { frobnicate: 1 })] }, 400, "requests[0]"],
    ["a custom_id twice", { requests: [request(), request()] }, 400, "requests[1]"],
    ["no custom_id", { requests: [{ params: request().params }] }, 400, "requests[0]"],
    [
      "a file of somebody's",
      {
        requests: [
          request("sonnet", "a", {
            messages: [
              { role: "user", content: [{ type: "document", source: { type: "file", file_id: "file_1" } }] },
            ],
          }),
        ],
      },
      400,
      "requests[0]",
    ],
    ["nothing", { requests: [] }, 400, "without requests"],
    [
      "more than is read",
      { requests: Array.from({ length: 101 }, (_, i) => request("sonnet", `r${i}`)) },
      413,
      "at most 100",
    ],
    ["another field", { requests: [request()], model: "sonnet" }, 400, "model"],
  ])("%s", async (_name, body, status, says) => {
    const got = await post(world, "/v1/messages/batches", JSON.stringify(body), {
      "anthropic-version": "2023-06-01",
    });
    const text = await got.text();
    expect(got.status).toBe(status);
    expect(text).toContain(says);
    expect(upstream.received).toEqual([]);
  });

  test("a key that stands twice", async () => {
    const text = JSON.stringify({ requests: [request()] }).replace(
      '"model":',
      '"model":"forbidden","model":',
    );
    expect((await post(world, "/v1/messages/batches", text)).status).toBe(400);
  });

  test("what is denied", async () => {
    world.sidecar.decide = deny();
    await expect(create(request())).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    world.sidecar.decide = ({ action }) => ({ allow: action.name !== "batch.create" });
    await expect(create(request())).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });
});
