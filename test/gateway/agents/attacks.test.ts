import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Served, World } from "../world.js";
import { allow, callerToken, json, post, startUpstream, startWorld, subject, until } from "../world.js";
import type { Ids } from "./attacks.cases.js";
import { attacks } from "./attacks.cases.js";

interface Rpc {
  readonly id: unknown;
  readonly method: string;
  readonly params: { readonly id?: string };
}

const task = (id: string, more: object = {}) => ({
  id,
  contextId: "c-1",
  status: { state: "TASK_STATE_WORKING" },
  ...more,
});

let agent: Served;
let world: World;
let ids: Ids;
/** What the agent answers instead. */
let answer: ((rpc: Rpc) => unknown) | undefined;

const call = (method: string, params: unknown, path = "/a2a/helper"): Promise<Response> =>
  post(world, path, JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }), { "a2a-version": "1.0" });
const hello = { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "hi" }] } };

const as = (id: string) => () => ({ allow: true, subject: { ...subject, id } });

async function makeTask(): Promise<readonly [string, string]> {
  const said = (await (await call("SendMessage", hello)).json()) as {
    result: { task: { id: string; contextId: string } };
  };
  return [said.result.task.id, said.result.task.contextId];
}

beforeAll(async () => {
  agent = await startUpstream((_req, res, body) => {
    const rpc = JSON.parse(body) as Rpc;
    const result = answer === undefined ? { task: task("t-1") } : answer(rpc);
    json(res, { jsonrpc: "2.0", id: rpc.id, result });
  });
  const config = {
    url: `${agent.url}/rpc`,
    skills: ["greet"],
    extensions: ["https://example.com/ext/one"],
    api_key: { value: "agent-key-77aa-secret" },
  };
  world = await startWorld({ config: { agents: { helper: config, other: config } } });
  world.sidecar.decide = as("agent-2");
  const [foreignTask, foreignContext] = await makeTask();
  world.sidecar.decide = allow;
  const [own, context] = await makeTask();
  ids = { task: own, context, foreignTask, foreignContext };
});
afterAll(async () => {
  await world.close();
  await agent.close();
});
const usual = (): void => {
  answer = undefined;
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  agent.received.length = 0;
};
beforeEach(usual);

test.each(attacks.map((attack) => [attack.name, attack] as const))("%s is refused", async (_name, attack) => {
  const { method = "SendMessage", params = () => hello, path = "/a2a/helper", verb = "POST" } = attack;
  const body = attack.body ?? JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params(ids) });
  const response = await fetch(`${world.url}${path.replace("{foreignTask}", ids.foreignTask)}`, {
    method: verb,
    headers: {
      authorization: `Bearer ${callerToken}`,
      "content-type": "application/json",
      "a2a-version": "1.0",
      ...attack.headers,
    },
    ...(verb === "GET" ? {} : { body }),
  });
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status: attack.status });
  expect(text).toMatch(new RegExp(`"${attack.code.toUpperCase()}"|"code":"${attack.code}"`));
  expect(world.sidecar.asked.length).toBe(attack.asked === true ? 1 : 0);
  expect(agent.received).toEqual([]);
});

describe("an agent's answer", () => {
  const raw = (status: number, type: string, body: string) => {
    agent.answer = (_req, res) => {
      res.writeHead(status, { "content-type": type }).end(body);
    };
  };
  let first: Served["answer"];
  beforeAll(() => {
    first = agent.answer;
  });
  beforeEach(() => {
    agent.answer = first;
  });

  test("gives its ids to nobody, and nothing that isn't of the protocol", async () => {
    answer = () => ({ task: task("t-secret", { debug: { host: "10.0.0.7" }, metadata: { a: 1 } }) });
    const text = await (await call("SendMessage", hello)).text();
    expect(text).not.toMatch(/t-secret|"c-1"|10\.0\.0\.7/);
    expect(JSON.parse(text)).toMatchObject({ id: 7, result: { task: { metadata: { a: 1 } } } });
  });

  test.each([
    [
      "of an error that is none of A2A's",
      { code: -32099, message: "at db.internal:5432" },
      "UPSTREAM_INVALID",
    ],
    ["of an error of its own machine", { code: -32603, message: "ENOENT /srv/agent" }, "UPSTREAM_INVALID"],
  ])("%s says nothing of it", async (_name, error, reason) => {
    agent.answer = (_req, res, body) => {
      json(res, { jsonrpc: "2.0", id: (JSON.parse(body) as Rpc).id, error });
    };
    const text = await (await call("SendMessage", hello)).text();
    expect(text).toContain(reason);
    expect(text).not.toMatch(/db\.internal|srv/);
  });

  test("of an error of A2A's has standard words", async () => {
    agent.answer = (_req, res, body) => {
      const error = { code: -32001, message: "no row in db.internal", data: [{ sql: "select" }] };
      json(res, { jsonrpc: "2.0", id: (JSON.parse(body) as Rpc).id, error });
    };
    const response = await call("GetTask", { id: ids.task });
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: -32001,
        message: "Task not found",
        data: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "TASK_NOT_FOUND",
            domain: "a2a-protocol.org",
            metadata: {},
          },
        ],
      },
    });
  });

  test.each([
    ["isn't JSON", () => raw(200, "application/json", "{"), "SendMessage", hello],
    ["is a page", () => raw(200, "text/html", "<b>admin</b>"), "SendMessage", hello],
    ["redirects", () => raw(302, "application/json", "{}"), "SendMessage", hello],
    [
      "is to another request",
      () => raw(200, "application/json", '{"jsonrpc":"2.0","id":"1","result":{}}'),
      "SendMessage",
      hello,
    ],
    ["is neither", () => (answer = () => ({})), "SendMessage", hello],
    ["is both", () => (answer = () => ({ task: task("a"), message: hello.message })), "SendMessage", hello],
    [
      "has a state of its own",
      () => (answer = () => ({ task: task("a", { status: {} }) })),
      "SendMessage",
      hello,
    ],
    [
      "quotes our key",
      () => (answer = () => ({ task: task("agent-key-77aa-secret") })),
      "SendMessage",
      hello,
    ],
    [
      "is a stream's to a plain request",
      () => raw(200, "text/event-stream", "data: {}\n\n"),
      "SendMessage",
      hello,
    ],
  ] as const)("that %s is none", async (_name, prepare, method, params) => {
    prepare();
    const response = await call(method, params);
    expect(response.status).toBe(502);
    expect(await response.text()).not.toMatch(/admin|77aa/);
  });

  test("about another task than was asked for isn't given", async () => {
    answer = () => task("t-2");
    expect((await call("GetTask", { id: ids.task })).status).toBe(502);
    expect((await call("CancelTask", { id: ids.task })).status).toBe(502);
  });

  test("lists what is of the context that was asked for, and what may be seen of it", async () => {
    answer = () => ({ tasks: [task("t-1"), task("t-9", { contextId: "c-other" })] });
    expect((await call("ListTasks", { contextId: ids.context })).status).toBe(502);
    answer = () => ({ tasks: [task("t-1"), task("t-3")], nextPageToken: "2", totalSize: 99 });
    world.sidecar.decide = (asked) => ({
      allow: asked.action.properties["phase"] === "request" || world.sidecar.decided() % 2 === 0,
    });
    const response = await call("ListTasks", { contextId: ids.context });
    const { result } = (await response.json()) as { result: { tasks: unknown[]; nextPageToken: string } };
    expect(result).toMatchObject({ totalSize: 1, pageSize: 1 });
    expect(result.tasks.length).toBe(1);
    world.sidecar.decide = allow;
    await call("ListTasks", { contextId: ids.context, pageToken: result.nextPageToken });
    expect(agent.received.at(-1)?.body).toContain('"pageToken":"2"');
  });

  test("is masked where a duty says so; pieces of an artifact can't be", async () => {
    const obligations = [{ id: "o", type: "mask", properties: { phase: "response", patterns: ["email"] } }];
    world.sidecar.decide = (asked) => ({
      allow: true,
      obligations: asked.action.properties["phase"] === "request" ? obligations : [],
    });
    answer = () => ({ message: { ...hello.message, parts: [{ text: "ask eve@example.com" }] } });
    expect(await (await call("SendMessage", hello)).text()).toContain("ask [email]");
    agent.answer = (_req, res, body) => {
      const { id } = JSON.parse(body) as Rpc;
      const artifact = { artifactId: "a", parts: [{ text: "eve@exam" }] };
      const result = { artifactUpdate: { taskId: "t", contextId: "c", artifact, append: true } };
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
    };
    const cut = await call("SendStreamingMessage", hello);
    expect(cut.status).toBe(403);
    expect(await cut.text()).not.toContain("eve@exam");
  });

  test("that streams ends where an event is denied, or about another task", async () => {
    agent.answer = (_req, res, body) => {
      const { id, params } = JSON.parse(body) as Rpc;
      const write = (result: unknown): void => {
        res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
      };
      res.writeHead(200, { "content-type": "text/event-stream" });
      write({ task: task("t-1") });
      const at = { contextId: "c-1", status: { state: "TASK_STATE_WORKING" } };
      write({ statusUpdate: { taskId: params.id === undefined ? "t-1" : "t-2", ...at } });
      write({ task: task("t-1", { metadata: { secret: "after" } }) });
      res.end();
    };
    const other = await (await call("SubscribeToTask", { id: ids.task })).text();
    expect(other.match(/^data:/gm)?.length).toBe(2);
    expect(other).toContain("UPSTREAM_INVALID");
    world.sidecar.decide = (asked) => {
      const { result } = asked.resource.properties as { result?: { kind?: string } };
      return { allow: result?.kind !== "status_update" };
    };
    const denied = await (await call("SendStreamingMessage", hello)).text();
    expect(denied).toContain('"DENIED"');
    expect(`${other}${denied}`).not.toContain("after");
  });
});

test("a stream ends when its caller is revoked", async () => {
  const before = agent.answer;
  agent.answer = (_req, res, body) => {
    const { id } = JSON.parse(body) as Rpc;
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result: { task: task("t-1") } })}\n\n`);
  };
  const response = await call("SendStreamingMessage", hello);
  const ended = response.text();
  expect(world.gateway.endConnections({ route: "a2a/helper" })).toBe(1);
  expect(await ended).toMatch(/"error":\{.*fenced.*\}\n\n$/);
  await until(() => agent.aborted() > 0);
  await until(() => world.sidecar.outcomes.at(-1)?.outcome === "denied");
  agent.answer = before;
});

test("a message's facts are told, its content isn't", async () => {
  const parts = [
    { text: "my secret" },
    { raw: Buffer.alloc(30).toString("base64"), mediaType: "application/pdf", filename: "x.pdf" },
    { url: "https://files.example.com/a", mediaType: "image/png" },
    { data: { iban: "DE00" } },
  ];
  const metadata = { skillId: "greet" };
  const configuration = { returnImmediately: true };
  await call("SendMessage", { message: { ...hello.message, parts, metadata }, configuration });
  expect(world.sidecar.asked[0]?.calls?.[0]?.resource.properties).toMatchObject({
    agent: "helper",
    skill: "greet",
    return_immediately: true,
    kinds: ["data", "file", "text", "url"],
    parts: [
      { kind: "text", bytes: 9 },
      { kind: "file", bytes: 30, mime: "application/pdf" },
      { kind: "url", host: "files.example.com", scheme: "https", web: true, mime: "image/png" },
      { kind: "data", bytes: 15 },
    ],
  });
  expect(JSON.stringify(world.sidecar.asked)).not.toMatch(/my secret|DE00|x\.pdf/);
  expect(world.log.join("\n")).not.toMatch(/my secret|DE00|77aa/);
});
