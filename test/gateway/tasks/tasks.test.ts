/** Tasks through the real gateway and sidecar. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import OpenAI from "openai";
import type { TasksWorld } from "./world.js";
import { claimsOf, must, startTasksWorld } from "./world.js";

let world: TasksWorld;
beforeAll(async () => {
  world = await startTasksWorld();
});
afterAll(() => world.close());

const writer = { user: "ann", agent: "writer" };
let users = 0;
/** Somebody to whom nothing sticks yet. */
const somebody = () => ({ user: `user-${++users}`, agent: "writer" });

test("an answer brings a token, under which the next requests are of the same task", async () => {
  const first = await world.ask("plain", writer);
  expect(first.status).toBe(200);
  const task = must(first.task);
  expect(first.taskId).toBe(claimsOf(task).txn);
  const second = await world.ask("proven", { ...writer, task });
  expect(second).toMatchObject({ status: 200, taskId: first.taskId, task: undefined });
  const none = await world.ask("proven", writer);
  expect(none).toMatchObject({ status: 403, task: undefined });
  expect(none.text).toContain("token_wanted");
});

test("whoever is behind can verify a token by the keys that the gateway publishes", async () => {
  const { task } = await world.ask("plain", writer);
  const keys = (await (await fetch(`${world.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const { payload } = await jwtVerify(must(task), createLocalJWKSet(keys), {
    typ: "txntoken+jwt",
    audience: "countersign:tasks",
  });
  expect(payload["req_wl"]).toBe("writer");
});

describe("what a task has seen isn't shed", () => {
  test("by dropping its token, nor by beginning another task", async () => {
    const who = somebody();
    const { task } = await world.ask("reads", who);
    expect((await world.ask("sends", { ...who, task })).text).toContain("flow");
    expect((await world.ask("sends", who)).text).toContain("flow");
    const created = await world.request("POST", "/v1/tasks", who, {});
    const fresh = (JSON.parse(created.text) as { token: string }).token;
    expect((await world.ask("sends", { ...who, task: fresh })).text).toContain("flow");
  });

  test("by swapping it for one of before", async () => {
    const who = somebody();
    const { task: clean } = await world.ask("plain", who);
    await world.ask("reads", who);
    expect((await world.ask("sends", { ...who, task: clean })).status).toBe(403);
  });

  test("by leaving the user's token away", async () => {
    const who = { ...somebody(), agent: "leaver" };
    await world.ask("reads", who);
    const alone = { user: "leaver", claims: { sub_type: "agent" } };
    expect((await world.ask("sends", alone)).status).toBe(403);
    expect((await world.ask("sends", { user: "other", claims: { sub_type: "agent" } })).status).toBe(200);
  });

  test("and isn't another user's", async () => {
    await world.ask("reads", somebody());
    expect((await world.ask("sends", somebody())).status).toBe(200);
  });

  test("the denial tells what led there", async () => {
    const who = somebody();
    const { task, taskId } = await world.ask("reads", who);
    const { text } = await world.ask("sends", { ...who, task });
    const { error } = JSON.parse(text) as { error: { reasons: { led_here: object[] }[] } };
    expect(error.reasons[0]?.led_here).toMatchObject([
      { label: "secret", resource: "model:reads", action: "model.invoke", task: taskId },
    ]);
  });
});

describe("begun, shown and ended by route", () => {
  const plan = {
    purpose: "research",
    scopes: ["docs.read"],
    budget: { requests: 50, tool_calls: 9 },
    deadline: new Date(Date.now() + 600_000).toISOString(),
  };

  test("a task is created, decided by policy, carried, shown and ended", async () => {
    const who = somebody();
    const created = await world.request("POST", "/v1/tasks", who, plan);
    expect(created.status).toBe(201);
    const {
      id,
      token: task,
      task: facts,
    } = JSON.parse(created.text) as { id: string; token: string; task: object };
    expect(created).toMatchObject({ task, taskId: id });
    expect(facts).toMatchObject({ id, born: "created", proven: true, depth: 0, ...plan });
    expect((await world.ask("proven", { ...who, task })).taskId).toBe(id);
    expect((await world.ask("writes", { ...who, task })).text).toContain("scope_wanted");
    await world.ask("reads", { ...who, task });
    const shown = await world.request("GET", `/v1/tasks/${id}`, { ...who, task });
    expect(JSON.parse(shown.text)).toMatchObject({
      id,
      task: { id, purpose: "research", labels: ["secret"] },
    });
    const ended = await world.request("POST", `/v1/tasks/${id}/end`, { ...who, task });
    expect(ended).toMatchObject({ status: 200, text: JSON.stringify({ id, ended: true }) });
    expect(await world.ask("plain", { ...who, task })).toMatchObject({ status: 403, code: "task_ended" });
    const again = await world.request("GET", `/v1/tasks/${id}`, { ...who, task });
    expect(again.code).toBe("task_ended");
  });

  test("one under it is narrower, and ends with it", async () => {
    const who = somebody();
    const parent = JSON.parse((await world.request("POST", "/v1/tasks", who, plan)).text) as {
      id: string;
      token: string;
    };
    const under = { ...who, task: parent.token };
    const child = await world.request("POST", "/v1/tasks", under, { budget: { requests: 5 } });
    const { token: task, task: facts } = JSON.parse(child.text) as { token: string; task: object };
    expect(facts).toMatchObject({
      depth: 1,
      scopes: plan.scopes,
      purpose: "research",
      budget: { requests: 5 },
    });
    const wider = await world.request("POST", "/v1/tasks", { ...who, task }, { budget: { requests: 6 } });
    expect(wider.code).toBe("task_budget_exceeded");
    await world.request("POST", `/v1/tasks/${parent.id}/end`, under);
    expect((await world.ask("sends", { ...who, task })).code).toBe("task_ended");
  });

  const cases: readonly { name: string; body: unknown; status: number; code: string }[] = [
    { name: "an unknown field", body: { purpos: "x" }, status: 400, code: "invalid_request" },
    { name: "an unknown unit", body: { budget: { gold: 1 } }, status: 400, code: "invalid_request" },
    { name: "less than nothing", body: { budget: { tokens: -1 } }, status: 400, code: "invalid_request" },
    { name: "a purpose that isn't a name", body: { purpose: "a b" }, status: 400, code: "invalid_request" },
    { name: "no object", body: [1], status: 400, code: "invalid_request" },
    {
      name: "what has passed",
      body: { deadline: "2020-01-01T00:00:00Z" },
      status: 403,
      code: "task_deadline_exceeded",
    },
    { name: "what policy denies", body: { purpose: "mischief" }, status: 403, code: "denied" },
  ];
  test.each(cases)("$name is refused", async ({ body, status, code }) => {
    const answer = await world.request("POST", "/v1/tasks", writer, body);
    expect(answer).toMatchObject({ status, code, task: undefined });
  });

  test("a scope that the caller hasn't is refused", async () => {
    const who = { ...somebody(), claims: { scope: "docs.read mail.send" } };
    const answer = await world.request("POST", "/v1/tasks", who, { scopes: ["docs.read", "admin"] });
    expect(answer.code).toBe("task_scope_exceeded");
    expect((await world.request("POST", "/v1/tasks", who, { scopes: ["docs.read"] })).status).toBe(201);
  });

  test("another's task, and one without its token, are unknown; neither is ended so", async () => {
    const [one, other] = [somebody(), somebody()];
    const begin = async (who: typeof one) =>
      JSON.parse((await world.request("POST", "/v1/tasks", who, {})).text) as { id: string; token: string };
    const [mine, theirs] = [await begin(one), await begin(other)];
    const end = `/v1/tasks/${theirs.id}/end`;
    for (const [path, method] of [
      [`/v1/tasks/${theirs.id}`, "GET"],
      [end, "POST"],
    ] as const) {
      expect((await world.request(method, path, { ...one, task: mine.token })).code).toBe("unknown_task");
      expect((await world.request(method, path, one)).code).toBe("unknown_task");
      expect((await world.request(method, path, other)).code).toBe("unknown_task");
      expect((await world.request(method, path, { ...one, task: theirs.token })).code).toBe(
        "task_token_misbound",
      );
    }
    expect((await world.ask("sends", { ...other, task: theirs.token })).status).toBe(200);
    expect((await world.ask("sends", { ...one, task: mine.token })).status).toBe(200);
  });
});

test("the official OpenAI client carries its task by a header of its own", async () => {
  const { user, agent } = somebody();
  let task: string | undefined;
  const client = new OpenAI({
    apiKey: world.bearer({ user, agent }),
    baseURL: `${world.url}/v1`,
    fetch: async (to, init) => {
      const headers = new Headers(init?.headers);
      if (task !== undefined) headers.set("x-countersign-task", task);
      const answer = await fetch(to, { ...init, headers });
      task = answer.headers.get("x-countersign-task") ?? task;
      return answer;
    },
  });
  const messages = [{ role: "user", content: "hi" }] as const;
  await client.chat.completions.create({ model: "plain", messages: [...messages] });
  const { id } = { id: claimsOf(task).txn };
  const { response } = await client.chat.completions
    .create({ model: "proven", messages: [...messages] })
    .withResponse();
  expect(response.headers.get("x-countersign-task-id")).toBe(id);
});

describe("the official MCP client", () => {
  const connect = async (who: { user: string; agent: string }): Promise<Client> => {
    const client = new Client({ name: "test", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(`${world.url}/mcp/files`), {
      requestInit: { headers: { authorization: `Bearer ${world.bearer(who)}` } },
    });
    await client.connect(transport as Transport);
    return client;
  };
  const read = (client: Client, task?: string) =>
    client.callTool({
      name: "read_file",
      arguments: { path: "/a" },
      ...(task === undefined ? {} : { _meta: { "countersign/task": task } }),
    });

  test("gets its token in a result's _meta, and brings it back there", async () => {
    const who = somebody();
    const client = await connect(who);
    const first = await read(client);
    const task = must(first._meta?.["countersign/task"] as string | undefined);
    const again = await read(client, task);
    expect(again.content).toEqual([{ type: "text", text: "content of /a" }]);
    expect(again._meta?.["countersign/task"]).toBeUndefined();
    expect((await world.ask("proven", { ...who, task })).taskId).toBe(claimsOf(task).txn);
    await client.close();
  });

  test("without it, its session groups what it does", async () => {
    const client = await connect(somebody());
    const ids = [await read(client), await read(client)].map(
      ({ _meta }) => claimsOf(_meta?.["countersign/task"] as string).txn,
    );
    expect(ids[0]).toMatch(/^hint-/);
    expect(ids[1]).toBe(ids[0]);
    await client.close();
  });

  test.each([
    {
      name: "another's",
      make: async () => must((await world.ask("plain", somebody())).task),
      code: "task_token_misbound",
    },
    { name: "no token", make: () => Promise.resolve("hello"), code: "task_token_invalid" },
    { name: "huge", make: () => Promise.resolve(`a.${"b".repeat(9_000)}.c`), code: "task_token_invalid" },
  ])("$name in _meta: $code", async ({ make, code }) => {
    const client = await connect(somebody());
    const error = (await read(client, await make()).catch((one: unknown) => one)) as {
      data?: { code: string; reasons?: { code: string }[] };
    };
    expect(error.data?.reasons?.[0]?.code ?? error.data?.code ?? String(error)).toContain(code);
    await client.close();
  });

  test("a header that says another is refused", async () => {
    const who = somebody();
    const [one, two] = [await world.ask("plain", who), await world.ask("plain", who)];
    const params = { name: "read_file", arguments: { path: "/" }, _meta: { "countersign/task": one.task } };
    const answer = await world.request(
      "POST",
      "/mcp/files",
      { ...who, task: two.task, headers: { accept: "application/json, text/event-stream" } },
      { jsonrpc: "2.0", id: 1, method: "tools/call", params },
    );
    expect(answer.text).toContain("header_mismatch");
  });
});

describe("a sub-agent", () => {
  const send = async (who: object, to: string, task?: string) => {
    world.agent.received.length = 0;
    const message = { messageId: "m", role: "ROLE_USER", parts: [{ text: "say hi" }] };
    const answer = await world.request(
      "POST",
      `/a2a/${to}`,
      { ...who, task, headers: { "a2a-version": "1.0" } },
      { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } },
    );
    return {
      answer,
      handed: world.agent.received.at(-1)?.headers["x-countersign-task"] as string | undefined,
    };
  };

  test("that is declared gets a task under its caller's, calls back with it, and is narrower", async () => {
    const who = somebody();
    const { answer, handed } = await send(who, "delegate");
    expect(answer.status).toBe(200);
    const parent = must(answer.task);
    expect(handed).not.toBe(parent);
    expect(claimsOf(handed)).toMatchObject({
      txn: claimsOf(parent).txn,
      tctx: { depth: 1, born: "exchanged", scopes: ["docs.read"], chain: ["writer"] },
    });
    const reader = { user: who.user, agent: "reader" };
    const back = await world.ask("proven", { ...reader, task: handed });
    expect(back.status).toBe(200);
    // from then on it is the sub-agent's alone
    expect(claimsOf(back.task)).toMatchObject({ tctx: { chain: ["writer", "reader"], depth: 1 } });
    expect((await world.ask("writes", { ...reader, task: back.task })).text).toContain("scope_wanted");
    expect((await world.ask("plain", { user: who.user, agent: "other", task: back.task })).code).toBe(
      "task_token_misbound",
    );
    expect((await world.ask("plain", { user: "stranger", agent: "reader", task: handed })).code).toBe(
      "task_token_misbound",
    );
    // what it sees, its caller has seen
    await world.ask("reads", { ...reader, task: back.task });
    expect((await world.ask("sends", { ...who, task: parent })).text).toContain("flow");
  });

  test("can't be handed more than its caller's task has", async () => {
    const who = somebody();
    const small = await world.request("POST", "/v1/tasks", who, { budget: { requests: 2 } });
    const { answer, handed } = await send(who, "delegate", small.task);
    expect(answer.text).toContain("task_budget_exceeded");
    expect(handed).toBeUndefined();
  });

  test("that isn't declared gets nothing", async () => {
    const { answer, handed } = await send(somebody(), "helper");
    expect(answer.status).toBe(200);
    expect(handed).toBeUndefined();
  });
});
