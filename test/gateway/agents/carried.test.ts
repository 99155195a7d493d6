/** What becomes of a request on its way to an agent: ids opened, duties done, the caller told of. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Decide, Served, World } from "../world.js";
import { allow, callerToken, json, post, startUpstream, startWorld } from "../world.js";

let agent: Served;
let tokens: Served;
let world: World;

const hello = { messageId: "m", role: "ROLE_USER", parts: [{ text: "hi" }] };
const call = (params: unknown, to = "helper"): Promise<Response> =>
  post(world, `/a2a/${to}`, JSON.stringify({ jsonrpc: "2.0", id: 7, method: "SendMessage", params }), {
    "a2a-version": "1.0",
    "a2a-extensions": "https://example.com/ext/one, https://example.com/ext/two",
  });
const sent = () => JSON.parse(agent.received.at(-1)?.body ?? "{}") as { method: string; params: unknown };

const token = "eyJh.eyJz.c2ln";
const asserting: Decide = () => ({ allow: true, assertion: { token, id: "a-1" } as never });

beforeAll(async () => {
  agent = await startUpstream((_req, res, body) => {
    const { id } = JSON.parse(body) as { id: string };
    const status = { state: "TASK_STATE_INPUT_REQUIRED" };
    json(res, { jsonrpc: "2.0", id, result: { task: { id: "t-1", contextId: "c-1", status } } });
  });
  tokens = await startUpstream((_req, res, body) => {
    const kind = new URLSearchParams(body).get("grant_type")?.split(":").at(-1) ?? "";
    json(res, {
      ...{ access_token: `token-by-${kind}`, token_type: "Bearer", expires_in: 300 },
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    });
  });
  const oauth = (kind: string) => ({
    ...{ kind, token_url: `${tokens.url}/token`, client_id: "gateway" },
    client_secret: { value: "client-secret-1" },
  });
  const url = `${agent.url}/rpc`;
  world = await startWorld({
    config: {
      agents: {
        helper: { url, extensions: ["https://example.com/ext/one"], tenant: "north" },
        told: { url, assertion: { audience: "https://agents.example" } },
        old: { url, version: "0.3" },
        client: { url, credentials: oauth("oauth") },
        exchange: { url, credentials: oauth("token_exchange") },
      },
      content: { detectors: ["pii", "secrets"], answers: "decide", budget_ms: 10_000 },
    },
  });
});
afterAll(async () => {
  await world.close();
  await Promise.all([agent.close(), tokens.close()]);
});
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  agent.received.length = 0;
});

test("ids of the caller's own are the agent's again, with what is configured beside", async () => {
  const first = (await (await call({ message: hello })).json()) as {
    result: { task: { id: string; contextId: string } };
  };
  const { id: taskId, contextId } = first.result.task;
  await call({ message: { ...hello, taskId, contextId, referenceTaskIds: [taskId] } });
  expect(sent()).toMatchObject({
    method: "SendMessage",
    params: {
      message: { ...hello, taskId: "t-1", contextId: "c-1", referenceTaskIds: ["t-1"] },
      tenant: "north",
    },
  });
  const headers = agent.received.at(-1)?.headers;
  expect(headers?.["a2a-version"]).toBe("1.0");
  expect(headers?.["a2a-extensions"]).toBe("https://example.com/ext/one");
  expect(JSON.stringify(headers)).not.toContain(callerToken);
  expect(world.sidecar.asked[2]?.calls?.[0]?.resource.properties).toMatchObject({
    task_id: "t-1",
    context_id: "c-1",
    reference_tasks: 1,
    extensions: ["https://example.com/ext/one"],
  });
});

test("what a duty masks isn't sent; a duty that nobody knows denies", async () => {
  const duty = (type: string, properties: object) => [{ id: "o", type, properties: properties as never }];
  const masks = duty("mask", { phase: "request", patterns: ["email"] });
  world.sidecar.decide = ({ action }) => ({
    allow: true,
    obligations: action.properties["phase"] === "request" ? masks : [],
  });
  const parts = [{ text: "ask eve@example.com" }, { data: { mail: "eve@example.com", n: 1 } }];
  await call({ message: { ...hello, parts } });
  expect(sent()).toMatchObject({
    params: { message: { parts: [{ text: "ask [email]" }, { data: { mail: "[email]", n: 1 } }] } },
  });
  agent.received.length = 0;
  for (const obligations of [
    duty("limit_tokens", { max_tokens: 1 }),
    duty("mask", { phase: "request", pointers: ["/messages/*/content"] }),
    duty("mask", { phase: "request", patterns: ["nothing.known"] }),
  ]) {
    world.sidecar.decide = () => ({ allow: true, obligations });
    expect((await call({ message: hello })).status).toBe(403);
  }
  expect(agent.received).toEqual([]);
});

test("detectors tell what they find, in what is said and in what is answered", async () => {
  const key = `ghp_${"a1B2c3D4e5".repeat(3)}F6g7H8`;
  await call({
    message: { ...hello, parts: [{ text: `use ${key}` }], metadata: { note: "eve@example.com" } },
  });
  const [request, response] = world.sidecar.asked;
  expect(request?.context.content).toMatchObject({ pii: { email: 1 }, secrets: { github_token: 1 } });
  expect(response?.context.content).toBeDefined();
  expect(JSON.stringify(world.sidecar.asked)).not.toMatch(/ghp_|eve@/);
});

test("a file that is text is looked at and masked as text is; one that isn't passes as it is", async () => {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const key = `ghp_${"a1B2c3D4e5".repeat(3)}F6g7H8`;
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0]).toString("base64");
  const files = (text: string) => [
    { raw: base64(text), mediaType: "text/plain" },
    { raw: base64(text), mediaType: "application/octet-stream" },
    { raw: base64(text) },
    { raw: png, mediaType: "image/png" },
  ];
  await call({ message: { ...hello, parts: files(`use ${key}`) } });
  expect(world.sidecar.asked[0]?.context.content).toMatchObject({ secrets: { github_token: 3 } });
  const masks = [{ id: "o", type: "mask", properties: { phase: "request", patterns: ["email"] } as never }];
  world.sidecar.decide = ({ action }) => ({
    allow: true,
    obligations: action.properties["phase"] === "request" ? masks : [],
  });
  await call({ message: { ...hello, parts: files("ask eve@example.com") } });
  expect(sent()).toMatchObject({ params: { message: { parts: files("ask [email]") } } });
  agent.received.length = 0;
  const broken = Buffer.concat([Buffer.from([0xff]), Buffer.from("eve@example.com")]).toString("base64");
  const parts = [{ raw: broken, mediaType: "text/plain" }];
  expect((await call({ message: { ...hello, parts } })).status).toBe(403);
  expect(agent.received).toEqual([]);
});

test("an agent that is to be told of the caller is told by the sidecar's signature, or isn't asked", async () => {
  world.sidecar.decide = asserting;
  await call({ message: hello }, "told");
  expect(agent.received[0]?.headers["x-countersign-assertion"]).toBe(token);
  expect(world.sidecar.asked[0]?.assertion).toMatchObject({ audience: "https://agents.example" });
  expect(world.sidecar.asked[1]?.assertion).toBeUndefined();
  agent.received.length = 0;
  world.sidecar.decide = allow;
  expect((await call({ message: hello }, "told")).status).toBe(503);
  expect(agent.received).toEqual([]);
});

test("an agent behind an authorization server gets a token of its own; the caller's goes to the server alone", async () => {
  await call({ message: hello }, "client");
  expect(agent.received[0]?.headers.authorization).toBe("Bearer token-by-client_credentials");
  await call({ message: hello }, "exchange");
  expect(agent.received[1]?.headers.authorization).toBe("Bearer token-by-token-exchange");
  expect(new URLSearchParams(tokens.received.at(-1)?.body).get("subject_token")).toBe(callerToken);
  expect(JSON.stringify(agent.received)).not.toContain(callerToken);
  expect(JSON.stringify(agent.received)).not.toContain("client-secret-1");
});

test.each([
  ["data that is no object", { data: [1, 2] }],
  ["a text with a name", { text: "a", filename: "a.txt" }],
  ["a text of another type", { text: "<a/>", mediaType: "text/html" }],
])("%s can't be told to an agent of 0.3", async (_name, part) => {
  const response = await call({ message: { ...hello, parts: [part] } }, "old");
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("UNTRANSLATABLE");
  expect(agent.received).toEqual([]);
});

test("numbers in data reach the agent as they were written", async () => {
  const text = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message: hello } });
  const body = text.replace('{"text":"hi"}', '{"data":{"n":9007199254740993,"f":1.0}}');
  await post(world, "/a2a/helper", body, { "a2a-version": "1.0" });
  expect(agent.received[0]?.body).toContain('{"n":9007199254740993,"f":1.0}');
});
