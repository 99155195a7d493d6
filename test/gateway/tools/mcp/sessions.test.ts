/** Sessions: whose they are, what is heard in them, what is taken up again, and how they end. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { allow, subject } from "../../world.js";
import type { LabClient, ToolServer } from "./lab.js";
import { openSession, readAnswer, startLab, startServer } from "./lab.js";

const call = (id: unknown, name = "read", params: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ jsonrpc: "2.0", id, method: "tools/call", params: { name, ...params } },
});

let world: World;
let server: ToolServer;
let client: LabClient;
beforeAll(async () => {
  server = await startServer("session");
  world = await startLab(
    { lab: server, other: server },
    { mcp: { max_sessions_per_caller: 8, resume_bytes: 4_096 } },
  );
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(async () => {
  world.sidecar.decide = allow;
  server.serve = (_message, { reply }) => {
    reply({ content: [] });
  };
  client = await openSession(world);
  await client.ask("tools/list");
  server.got.length = 0;
});

afterEach(() => end(client));

const end = (one: LabClient): Promise<Response> => fetch(one.url, { method: "DELETE", headers: one.headers });

describe("whose a session is", () => {
  const others: { name: string; route?: string; subject?: Partial<typeof subject> }[] = [
    { name: "another caller", subject: { id: "agent-2" } },
    { name: "another tenant", subject: { tenant: "globex" } },
    { name: "another type of caller", subject: { type: "user" } },
    { name: "another server", route: "/mcp/other" },
  ];
  const messages: { method: string; message?: unknown }[] = [
    { method: "POST", message: call(1) },
    { method: "POST", message: { jsonrpc: "2.0", id: 1, method: "ping" } },
    {
      method: "POST",
      message: { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "x" } },
    },
    { method: "POST", message: { jsonrpc: "2.0", id: "x", result: {} } },
    { method: "GET" },
    { method: "DELETE" },
  ];
  test.each(
    others.flatMap((other) =>
      messages.map((message) => ({
        other,
        message,
        title: `${message.method} ${JSON.stringify(message.message ?? "")}`,
      })),
    ),
  )("$other.name gets nowhere with it: $title", async ({ other, message }) => {
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, ...other.subject } });
    const response = await fetch(`${world.url}${other.route ?? "/mcp/lab"}`, {
      ...{ method: message.method, headers: client.headers },
      ...(message.message === undefined ? {} : { body: JSON.stringify(message.message) }),
    });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { error: { data: { code: "unknown_session" } } },
    ]);
    expect(server.got).toEqual([]);
    world.sidecar.decide = allow;
    expect((await client.ask("ping")).last.result).toEqual({});
  });

  test("ends with DELETE, at the server, too", async () => {
    expect((await end(client)).status).toBe(200);
    expect((await client.ask("ping")).status).toBe(404);
    const deleted = (): boolean => server.http.received.some(({ method }) => method === "DELETE");
    while (!deleted()) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  test("there aren't more than may be", async () => {
    const opened = await Promise.all(Array.from({ length: 9 }, () => openSession(world)));
    expect(opened.filter(({ session }) => session === undefined).length).toBeGreaterThan(0);
    await Promise.all(opened.filter(({ session }) => session !== undefined).map(end));
  });
});

describe("requests of a session", () => {
  const hang = (): Promise<void> =>
    new Promise((started) => {
      server.serve = ({ method }, { res }) => {
        if (method === "tools/call") started();
        else res.writeHead(202).end();
      };
    });

  test("are cancelled by their own session alone", async () => {
    const begun = hang();
    const aborted = server.http.aborted();
    const answer = client.post(call("mine")).catch(() => undefined);
    await begun;
    const other = await openSession(world);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "mine" } };
    expect((await other.post(cancel)).status).toBe(202);
    await other.ask("ping");
    expect(server.http.aborted()).toBe(aborted);
    expect((await client.post(cancel)).status).toBe(202);
    await answer;
    // the server is told after the client
    while (!server.all.some(({ method }) => method === "notifications/cancelled"))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await end(other);
  });

  test.each([
    { first: 1, second: 1, taken: false },
    { first: 1, second: "1", taken: true },
  ])("with the ids $first and $second: the second is taken: $taken", async ({ first, second, taken }) => {
    const begun = hang();
    const waiting = client.post(call(first)).catch(() => undefined);
    await begun;
    server.serve = (_message, { reply }) => {
      reply({ content: [] });
    };
    const { last } = await readAnswer(await client.post(call(second)));
    expect(last.error?.data?.["code"]).toBe(taken ? undefined : "request_under_way");
    await client.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: first } });
    await waiting;
  });

  test.each([
    { name: "an id longer than bearable", message: call("x".repeat(129)) },
    { name: "an id of null", message: call(null) },
    { name: "a task", message: call(1, "read", { task: {} }) },
    { name: "answers to nothing", message: call(1, "read", { inputResponses: { a: {} } }) },
    { name: "an unknown method", message: { jsonrpc: "2.0", id: 1, method: "constructor" } },
    { name: "a denied method", message: { jsonrpc: "2.0", id: 1, method: "tasks/get", params: {} } },
    {
      name: "a method of another revision",
      message: { jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params: {} },
    },
    { name: "a batch", message: [call(1)] },
    {
      name: "an unknown notification",
      message: { jsonrpc: "2.0", method: "notifications/tools/list_changed" },
    },
    { name: "an answer to what nobody asked", message: { jsonrpc: "2.0", id: "x", result: {} } },
    { name: "an unknown tool", message: call(1, "nope") },
  ])("$name is refused, and nothing reaches the server", async ({ message }) => {
    const { last, status } = await readAnswer(await client.post(message));
    expect([status < 500, typeof last.error?.code]).toEqual([true, "number"]);
    expect(server.got).toEqual([]);
  });
});

describe("streams of a session", () => {
  const listen = async (more: Record<string, string> = {}): Promise<Response> =>
    fetch(client.url, { headers: { ...client.headers, ...more } });

  test("a call that is taken up again gives what was missed, once, to its own session", async () => {
    const leave = new AbortController();
    let finish: (() => void) | undefined;
    server.serve = ({ params }, { say, reply }) => {
      const { progressToken } = params["_meta"] as { progressToken: string };
      say({ method: "notifications/progress", params: { progressToken, progress: 1 } });
      finish = () => {
        say({ method: "notifications/progress", params: { progressToken, progress: 2 } });
        reply({ content: [{ type: "text", text: "whole" }] });
      };
    };
    const response = await fetch(client.url, {
      ...{ method: "POST", headers: client.headers, signal: leave.signal },
      body: JSON.stringify(call("long", "read", { _meta: { progressToken: 5 } })),
    });
    let text = "";
    const decoder = new TextDecoder();
    const events: string[] = [];
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      events.push(...[...text.matchAll(/^id: (.*)$/gm)].map(([, id = ""]) => id));
      if (text.includes('"progress":1')) break;
    }
    leave.abort();
    finish?.();
    const last = events.at(-1) ?? "";
    const other = await openSession(world);
    const stolen = await fetch(other.url, { headers: { ...other.headers, "last-event-id": last } });
    expect(stolen.status).toBe(404);
    await end(other);
    for (const forged of [`${last}0`, last.replace(/\.\d+$/, ".99"), "x", `${last.slice(0, -3)}AA.1`])
      expect((await listen({ "last-event-id": forged })).status).toBe(404);
    const { messages } = await readAnswer(await listen({ "last-event-id": last }));
    expect(messages).toMatchObject([
      { params: { progress: 2 } },
      { id: "long", result: { content: [{ text: "whole" }] } },
    ]);
  });

  test("are no streams of who takes no events", async () => {
    const response = await fetch(client.url, { headers: { ...client.headers, accept: "application/json" } });
    expect(response.status).toBe(400);
  });
  test("need a session", async () => {
    const { "mcp-session-id": _id, ...headers } = client.headers;
    expect((await fetch(client.url, { headers })).status).toBe(400);
    expect((await fetch(client.url, { method: "DELETE", headers })).status).toBe(400);
  });
  test("of another version than was agreed on are refused", async () => {
    expect((await client.ask("ping", {}, { "mcp-protocol-version": "2025-06-18" })).last.error?.code).toBe(
      -32022,
    );
    expect((await client.ask("ping", {}, { "mcp-protocol-version": "1999-01-01" })).last.error?.code).toBe(
      -32022,
    );
  });
});

describe("what servers ask", () => {
  const asks = (method: string, params: unknown): Promise<number | undefined> =>
    new Promise((resolve) => {
      let waiting: (() => void) | undefined;
      server.serve = ({ id, error, result }, { say, reply, res }) => {
        if (id === 9) {
          res.writeHead(202).end();
          resolve(error?.code ?? (result === undefined ? undefined : 0));
          waiting?.();
          return;
        }
        waiting = () => {
          reply({ content: [] });
        };
        say({ id: 9, method, params });
      };
    });
  test.each([
    {
      name: "what the client can't do",
      method: "sampling/createMessage",
      params: { messages: [], maxTokens: 1 },
      code: -32601,
    },
    { name: "what nobody knows", method: "constructor", params: {}, code: -32601 },
    {
      name: "a form with fields in fields",
      method: "elicitation/create",
      params: {
        message: "m",
        requestedSchema: { type: "object", properties: { a: { type: "object", properties: {} } } },
      },
      code: -32602,
    },
    {
      name: "a form with another member",
      method: "elicitation/create",
      params: { message: "m", requestedSchema: { type: "object", properties: {} }, html: "x" },
      code: -32602,
    },
    {
      name: "a URL, of a client that knows forms",
      method: "elicitation/create",
      params: { mode: "url", message: "m", url: "https://a.example", elicitationId: "1" },
      code: -32602,
    },
    {
      name: "a task",
      method: "elicitation/create",
      params: { message: "m", requestedSchema: { type: "object", properties: {} }, task: {} },
      code: -32602,
    },
    { name: "ping", method: "ping", params: {}, code: 0 },
  ])("$name is answered here ($code)", async ({ method, params, code }) => {
    const asking = await openSession(world, "/mcp/lab", { elicitation: {} });
    const got = asks(method, params);
    const { messages } = await asking.ask("tools/call", { name: "read" });
    expect(await got).toBe(code);
    expect(messages).toMatchObject([{ result: { content: [] } }]);
    await end(asking);
  });

  test.each([
    { name: "a field that wasn't asked for", result: { action: "accept", content: { other: "x" } } },
    { name: "an object for a text", result: { action: "accept", content: { a: { b: 1 } } } },
    { name: "another member", result: { action: "accept", content: { a: "x" }, more: 1 } },
    { name: "an unknown action", result: { action: "steal" } },
  ])("an answer that doesn't fit isn't passed on: $name", async ({ result }) => {
    const asking = await openSession(world, "/mcp/lab", { elicitation: {} });
    const got = asks("elicitation/create", {
      message: "m",
      requestedSchema: { type: "object", properties: { a: { type: "string" } } },
    });
    const response = await asking.post(call("c"));
    await readAnswer(response, ({ id, method }) => {
      if (method === "elicitation/create") void asking.post({ jsonrpc: "2.0", id, result });
    });
    expect(await got).toBe(-32602);
    await end(asking);
  });
});
