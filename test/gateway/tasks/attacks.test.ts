/** What goes wrong with tokens on purpose, and where their bytes must never be. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { TasksWorld } from "./world.js";
import { must, startTasksWorld } from "./world.js";

let world: TasksWorld;
let other: TasksWorld;
beforeAll(async () => {
  [world, other] = await Promise.all([startTasksWorld(), startTasksWorld()]);
});
afterAll(() => Promise.all([world.close(), other.close()]));

const who = { user: "eve", agent: "writer" };

const cases: readonly {
  readonly name: string;
  readonly make: (token: string) => string | Promise<string>;
  readonly code: string;
}[] = [
  { name: "empty", make: () => "", code: "task_token_invalid" },
  { name: "no token", make: () => "hello", code: "task_token_invalid" },
  { name: "huge", make: () => `a.${"b".repeat(9_000)}.c`, code: "task_token_invalid" },
  { name: "two in one", make: (token) => `${token}, ${token}`, code: "task_token_invalid" },
  { name: "tampered", make: (token) => `${token.slice(0, -6)}AAAAAA`, code: "task_token_invalid" },
  {
    name: "another fleet's",
    make: async () => must((await other.ask("plain", who)).task),
    code: "task_token_invalid",
  },
  { name: "an access token", make: () => world.bearer(who), code: "task_token_invalid" },
  {
    name: "another user's",
    make: async () => must((await world.ask("plain", { user: "ann", agent: "writer" })).task),
    code: "task_token_misbound",
  },
  {
    name: "another workload's of the same user",
    make: async () => must((await world.ask("plain", { user: "eve", agent: "reader" })).task),
    code: "task_token_misbound",
  },
];

test.each(cases)("$name: $code, and nothing is forwarded", async ({ make, code }) => {
  const token = await make(must((await world.ask("plain", who)).task));
  world.model.received.length = 0;
  const answer = await world.ask("plain", { ...who, task: token });
  expect(answer).toMatchObject({ status: 403, code, task: undefined });
  expect(world.model.received).toEqual([]);
  if (token.length > 20) expect(answer.text).not.toContain(token.slice(0, 20));
});

test("an ended task's token is refused also where policy asks for nothing but the token", async () => {
  const rules = `package countersign

import rego.v1

# METADATA
# entrypoint: true
decision := {"allow": input.context.task.proven, "reasons": [], "obligations": [], "labels": [], "ttl": 60} if {
	input.action.name == "model.invoke"
} else := {"allow": true, "reasons": [], "obligations": [], "labels": [], "ttl": 60}
`;
  const small = await startTasksWorld({}, rules);
  try {
    const begun = await small.request("POST", "/v1/tasks", who, {});
    const { id, token: task } = JSON.parse(begun.text) as { id: string; token: string };
    expect((await small.ask("plain", who)).code).toBe("denied");
    expect((await small.ask("plain", { ...who, task })).status).toBe(200);
    await small.request("POST", `/v1/tasks/${id}/end`, { ...who, task });
    expect((await small.ask("plain", { ...who, task })).code).toBe("task_ended");
  } finally {
    await small.close();
  }
});

test("a header that stands twice is refused", async () => {
  const token = must((await world.ask("plain", who)).task);
  const { hostname, port } = new URL(world.url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => {
      resolve(text);
    });
    const line = `X-Countersign-Task: ${token}\r\n`;
    socket.write(
      `GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${world.bearer(who)}\r\n${line}${line}\r\n`,
    );
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain("stands twice");
});

test.each(["authorization", "txn-token", "x-api-key"])("a task token as %s proves nobody", async (name) => {
  const token = must((await world.ask("plain", who)).task);
  const response = await fetch(`${world.url}/v1/models`, {
    headers: { [name]: name === "authorization" ? `Bearer ${token}` : token },
  });
  expect(response.status).toBe(401);
});

test("another's hint groups nothing with what the other did", async () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, "x-litellm-trace-id": "shared" };
  const [mine, again, theirs] = [
    await world.ask("plain", { ...who, headers }),
    await world.ask("plain", { ...who, headers }),
    await world.ask("plain", { user: "ann", agent: "writer", headers }),
  ];
  expect(mine.taskId).toMatch(/^hint-/);
  expect(again.taskId).toBe(mine.taskId);
  expect(theirs.taskId).not.toBe(mine.taskId);
  expect((await world.ask("proven", { ...who, headers })).text).toContain("token_wanted");
});

describe("a token's bytes are nowhere but where it is given", () => {
  test("not upstream on any way, in no log, metric or error", async () => {
    const first = must((await world.ask("plain", who)).task);
    const asked = { ...who, task: first };
    const accept = { accept: "application/json, text/event-stream" };
    const answers = [
      await world.ask("plain", asked),
      await world.ask("forbidden", asked),
      await world.ask("plain", { ...asked, user: "ann" }),
      await world.request("POST", "/routes/web/things?x=1", asked, { a: 1 }),
      await world.request("GET", "/v1/models", asked),
      await world.request("GET", "/v1/tasks/nothing", asked),
      await world.request(
        "POST",
        "/mcp/files",
        { ...asked, headers: accept },
        {
          ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
          params: {
            ...{ protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "1" } },
            _meta: { "countersign/task": first },
          },
        },
      ),
      await world.request(
        "POST",
        "/a2a/helper",
        { ...asked, headers: { "a2a-version": "1.0" } },
        {
          ...{ jsonrpc: "2.0", id: 1, method: "SendMessage" },
          params: { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "say hi" }] } },
        },
      ),
    ];
    expect(answers.map(({ status }) => status)).toEqual(
      [200, 403, 403, 200, 200, 403, 200, 200].map((status, i) => (i === 5 ? 404 : status)),
    );
    const signature = must(first.split(".")[2]);
    const sinks: Record<string, unknown> = {
      model: world.model.received,
      tools: world.tools.received,
      agent: world.agent.received,
      answers: answers.map(({ text }) => text),
      decisions: await world.decisionLog(),
      log: world.log,
      metrics: await world.sidecar.metrics.text(),
    };
    for (const [name, sink] of Object.entries(sinks)) {
      const text = typeof sink === "string" ? sink : JSON.stringify(sink);
      expect([name, text.length > 0, text.includes(signature)]).toEqual([name, true, false]);
      expect([name, /x-countersign-task"/i.test(text), text.includes("countersign/task")]).toEqual([
        name,
        false,
        false,
      ]);
    }
  });
});
