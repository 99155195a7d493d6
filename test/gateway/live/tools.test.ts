/** Tools' calls and sessions that are cut: by the MCP SDK's client, and by hand where it hides too much. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { FenceMatch } from "../../../sidecar/contract.js";
import type { LabClient, Rpc, ToolServer } from "../tools/mcp/lab.js";
import { openSession, readAnswer, startLab, startServer, stateless } from "../tools/mcp/lab.js";
import type { World } from "../world.js";
import { allow, callerToken, subject, until } from "../world.js";

let server: ToolServer;
let newer: ToolServer;
let world: World;
beforeAll(async () => {
  server = await startServer("session");
  newer = await startServer("stateless");
  world = await startLab({ lab: server, newer, other: server });
  await until(() => world.sidecar.connected() === 1);
});
afterAll(async () => {
  await world.close();
  await Promise.all([server.close(), newer.close()]);
});
const silent = (): void => undefined;
beforeEach(() => {
  server.serve = silent;
  newer.serve = silent;
  server.got.length = 0;
  newer.got.length = 0;
  world.sidecar.outcomes.length = 0;
  world.sidecar.decide = allow;
});
afterEach(() => {
  world.sidecar.lift("f");
});
const fence = (match: FenceMatch): void => {
  world.sidecar.fence({ id: "f", match });
};
const calls = (of: ToolServer): Rpc[] => of.got.filter(({ method }) => method === "tools/call");
const cancelled = (of: ToolServer): boolean =>
  of.got.some(({ method }) => method === "notifications/cancelled");
const denied = (): boolean => world.sidecar.outcomes.some(({ outcome }) => outcome === "denied");

describe("the MCP SDK's client", () => {
  let client: Client;
  beforeEach(async () => {
    client = new Client({ name: "t", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(`${world.url}/mcp/lab`), {
      requestInit: { headers: { authorization: `Bearer ${callerToken}` } },
    });
    // a type of the SDK's own that exactOptionalPropertyTypes doesn't take
    await client.connect(transport as never);
    await client.listTools();
  });
  afterEach(() => client.close());

  test("gets a JSON-RPC error for the call that is pending; the tool server is told that it is over", async () => {
    const pending = client.callTool({ name: "read", arguments: {} });
    await until(() => calls(server).length === 1);
    fence({ tool: "lab/read" });
    await expect(pending).rejects.toMatchObject({ code: -32001, data: { code: "fenced" } });
    await until(() => cancelled(server) && denied());
    // the session isn't the tool's
    world.sidecar.lift("f");
    server.serve = (_message, { reply }) => {
      reply({ content: [] });
    };
    expect(await client.callTool({ name: "write", arguments: {} })).toEqual({ content: [] });
  });

  test("loses its session to a fence of who it is", async () => {
    expect(await world.sidecar.census({ subject: subject.id })).toHaveProperty("session");
    const pending = client.callTool({ name: "read", arguments: {} });
    await until(() => calls(server).length === 1);
    fence({ subject: subject.id, tenant: subject.tenant });
    await expect(pending).rejects.toMatchObject({ code: -32001, data: { code: "fenced" } });
    expect(world.gateway.live.census({ subject: subject.id })).toEqual({});
    world.sidecar.lift("f");
    await expect(client.callTool({ name: "read", arguments: {} })).rejects.toMatchObject({ code: 404 });
  });
});

describe("a session", () => {
  let session: LabClient;
  beforeEach(async () => {
    session = await openSession(world, "/mcp/lab", { sampling: {}, elicitation: {} });
    await session.ask("tools/list");
    server.serve = (_message, { reply }) => {
      reply({});
    };
    await session.ask("logging/setLevel", { level: "debug" });
    server.serve = silent;
    server.got.length = 0;
  });
  afterEach(() => fetch(session.url, { method: "DELETE", headers: session.headers }));
  const call = (id: string, name = "read") =>
    session.post({ jsonrpc: "2.0", id, method: "tools/call", params: { name } });

  test("whose stream has begun gets the error on it", async () => {
    server.serve = (_message, { say }) => {
      say({ method: "notifications/message", params: { level: "error", data: "working" } });
    };
    const response = await call("one");
    const answered = readAnswer(response, ({ method }) => {
      if (method === "notifications/message") fence({ server: "lab" });
    });
    const { last } = await answered;
    expect(last).toMatchObject({ id: "one", error: { code: -32001, data: { code: "fenced" } } });
    await until(denied);
  });

  test("that was asked something by the server isn't waited for", async () => {
    server.serve = ({ id }, { say, res }) => {
      if (id === 77) res.writeHead(202).end();
      else say({ id: 77, method: "sampling/createMessage", params: { messages: [], maxTokens: 5 } });
    };
    const response = await call("one");
    const { last } = await readAnswer(response, ({ method }) => {
      if (method === "sampling/createMessage") fence({ tool: "lab/read" });
    });
    expect(last).toMatchObject({ id: "one", error: { data: { code: "fenced" } } });
    await until(() => cancelled(server));
  });

  test("whose own stream is open loses it, and itself", async () => {
    const own = await fetch(session.url, { headers: session.headers });
    expect(own.status).toBe(200);
    const text = own.text();
    fence({ server: "lab" });
    expect(await text).toBe("");
    world.sidecar.lift("f");
    const next = await call("two");
    expect([next.status, await next.json()]).toMatchObject([
      404,
      { error: { data: { code: "unknown_session" } } },
    ]);
  });

  test("of another server, and of another caller, goes on", async () => {
    const other = await openSession(world, "/mcp/other");
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
    const foreign = await openSession(world, "/mcp/lab", {}, "another-token-e30.e30.c2ln");
    world.sidecar.decide = allow;
    fence({ subject: subject.id, server: "lab" });
    world.sidecar.lift("f");
    expect((await session.ask("ping")).status).toBe(404);
    expect((await other.ask("ping")).last.result).toEqual({});
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
    expect((await foreign.ask("ping")).last.result).toEqual({});
    await Promise.all(
      [other, foreign].map((one) => fetch(one.url, { method: "DELETE", headers: one.headers })),
    );
  });

  test("a request that goes on without its client ends all the same", async () => {
    server.serve = (_message, { say }) => {
      say({ method: "notifications/message", params: { level: "error", data: "working" } });
    };
    const gone = new AbortController();
    const response = await fetch(session.url, {
      ...{ method: "POST", headers: session.headers, signal: gone.signal },
      body: JSON.stringify({ jsonrpc: "2.0", id: "one", method: "tools/call", params: { name: "read" } }),
    });
    await response.body?.getReader().read();
    gone.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cancelled(server)).toBe(false);
    expect(world.gateway.live.census({ tool: "lab/read" })).toEqual({ call: 1 });
    fence({ tool: "lab/read" });
    await until(() => cancelled(server) && denied());
    expect(world.gateway.live.census({ tool: "lab/read" })).toEqual({});
  });
});

describe("a client of the stateless era", () => {
  test("gets the error for what is pending; its links are let go", async () => {
    const client = stateless(world, "/mcp/newer");
    const pending = client.ask("tools/call", { name: "read" });
    await until(() => calls(newer).length === 1);
    const aborted = newer.http.aborted();
    fence({ tenant: subject.tenant });
    const { last } = await pending;
    expect(last).toMatchObject({ error: { code: -32001, data: { code: "fenced" } } });
    await until(() => newer.http.aborted() > aborted && denied());
    expect(world.gateway.live.census({ tenant: subject.tenant })).toEqual({});
  });

  test("whose call waits for input can't come back to it", async () => {
    const form = {
      ...{ mode: "form", message: "Which?" },
      requestedSchema: { type: "object", properties: { colour: { type: "string" } } },
    };
    server.serve = (message, { say }) => {
      if (message.method === "tools/call") say({ id: 77, method: "elicitation/create", params: form });
    };
    const client = stateless(world, "/mcp/lab", { elicitation: { form: {} } });
    const first = await client.ask("tools/call", { name: "read" });
    expect(first.last.result).toMatchObject({ resultType: "input_required" });
    expect(await world.sidecar.census({ tool: "lab/read" })).toEqual({ parked: 1 });
    fence({ tool: "lab/read" });
    await until(() => cancelled(server));
    world.sidecar.lift("f");
    const { requestState, inputRequests = {} } = first.last.result ?? {};
    const inputResponses = Object.fromEntries(
      Object.keys(inputRequests as object).map((key) => [
        key,
        { action: "accept", content: { colour: "blue" } },
      ]),
    );
    const again = await client.ask("tools/call", { name: "read", inputResponses, requestState });
    expect(again.last.error?.data).toMatchObject({ code: "unknown_request_state" });
  });
});
