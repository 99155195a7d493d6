/** The official clients, unmodified, through the real gateway to real upstreams. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError } from "openai";
import type { IdentityName } from "../../demo/identities.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const hello = [{ role: "user" as const, content: "hello" }];

async function openai(name: IdentityName): Promise<OpenAI> {
  return new OpenAI({
    apiKey: await world.issuer.token(name),
    baseURL: `${world.gatewayUrl}/v1`,
    maxRetries: 0,
  });
}

async function mcp(name: IdentityName, server: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${world.gatewayUrl}/mcp/${server}`), {
    requestInit: { headers: { authorization: `Bearer ${await world.issuer.token(name)}` } },
  });
  await client.connect(transport as unknown as Transport);
  return client;
}

/** Runs what must fail and gives its error. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("openai", () => {
  test("an allowed call answers", async () => {
    const { data, response } = await (
      await openai("senior")
    ).chat.completions
      .create({ model: "gpt-4o", messages: hello })
      .withResponse();
    expect(data.choices[0]?.message.content).toContain("This is gpt-4o");
    expect(response.headers.get("x-countersign-decision-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("an allowed stream streams, with usage", async () => {
    const stream = await (
      await openai("senior")
    ).chat.completions.create({
      model: "gpt-4o",
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toContain("This is gpt-4o");
    expect(usage).toMatchObject({ prompt_tokens: 1 });
  });

  test.each([true, false])(
    "a denied call raises PermissionDeniedError with code, reasons and decision id (stream: %s)",
    async (stream) => {
      const before = world.upstreams.model.received.length;
      const error = await failure(
        (await openai("analyst")).chat.completions.create({ model: "gpt-4o", messages: hello, stream }),
      );
      expect(error).toBeInstanceOf(PermissionDeniedError);
      const { error: body, code } = error as PermissionDeniedError;
      expect(code).toBe("denied");
      expect(body).toMatchObject({
        decision_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        reasons: [{ code: "tier_not_granted", rule: "model.tier" }],
      });
      expect(world.upstreams.model.received).toHaveLength(before);
    },
  );

  test("each refusal raises the client's own class", async () => {
    const senior = await openai("senior");
    const stranger = new OpenAI({ apiKey: "not-a-token", baseURL: `${world.gatewayUrl}/v1`, maxRetries: 0 });
    expect(
      await failure(stranger.chat.completions.create({ model: "gpt-4o", messages: hello })),
    ).toBeInstanceOf(AuthenticationError);
    expect(
      await failure(
        senior.chat.completions.create({ model: "gpt-4o", messages: hello, temperature: "hot" as never }),
      ),
    ).toBeInstanceOf(BadRequestError);
    expect(await failure(senior.models.retrieve("no-such-model"))).toBeInstanceOf(NotFoundError);
  });

  test("models are only those that the caller may use", async () => {
    const names = async (who: IdentityName): Promise<string[]> => {
      const list: string[] = [];
      for await (const model of (await openai(who)).models.list()) list.push(model.id);
      return list.sort();
    };
    expect(await names("analyst")).toEqual(["gpt-4o-mini", "llama-3.1-70b"]);
    expect(await names("ci")).toEqual(["gpt-4o-mini"]);
    expect(await failure((await openai("analyst")).models.retrieve("gpt-4o"))).toBeInstanceOf(NotFoundError);
  });

  test("the upstream gets its own key and nothing of the caller's", async () => {
    const client = await openai("senior");
    await client.chat.completions.create(
      { model: "gpt-4o", messages: hello },
      { headers: { cookie: "session=caller", "x-secret": "caller", "openai-organization": "callers" } },
    );
    const { headers } = world.upstreams.model.received.at(-1) ?? {};
    expect(headers?.authorization).not.toContain(client.apiKey);
    expect(Object.keys(headers ?? {}).sort()).toEqual([
      "accept",
      "accept-encoding",
      "authorization",
      "connection",
      "content-length",
      "content-type",
      "host",
    ]);
  });

  test("a client that goes away ends the upstream's work", async () => {
    const stream = await (
      await openai("senior")
    ).chat.completions.create({ model: "gpt-4o", messages: hello, stream: true });
    stream.controller.abort();
    const started = Date.now();
    const last = world.upstreams.model.received.at(-1);
    // a short answer may be whole before the client is gone; either way nothing hangs
    while (last?.aborted === false && Date.now() - started < 500)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await (await openai("senior")).models.list()).toBeDefined();
  });
});

describe("mcp", () => {
  test("lists the tools that the caller may call, and no other", async () => {
    const names = async (who: IdentityName): Promise<string[]> => {
      const client = await mcp(who, "files");
      const { tools } = await client.listTools();
      await client.close();
      return tools.map(({ name }) => name).sort();
    };
    expect(await names("senior")).toEqual(["read_file", "write_file"]);
    expect(await names("analyst")).toEqual(["read_file"]);
  });

  test("calls a tool that is allowed", async () => {
    const client = await mcp("senior", "files");
    const answer = await client.callTool({ name: "read_file", arguments: { path: "/workspace/plan.md" } });
    expect(JSON.stringify(answer.content)).toContain("# ");
    await client.close();
  });

  test.each([
    ["read_file", { path: "/workspace/../../etc/passwd" }, "path_not_plain"],
    ["read_file", { path: "/etc/passwd" }, "default_deny"],
    ["delete_file", { path: "/workspace/plan.md" }, "tool_forbidden"],
    ["no_such_tool", {}, "tool_unknown"],
  ])("a denied %s raises McpError with the reason", async (name, args, code) => {
    const client = await mcp("senior", "files");
    // the gateway may ask the server what tools it has
    const calls = () => world.upstreams.mcp.received.filter(({ body }) => body.includes("tools/call")).length;
    const before = calls();
    const error = await failure(client.callTool({ name, arguments: args }));
    expect(error).toBeInstanceOf(McpError);
    expect((error as McpError).code).toBe(-32001);
    expect((error as McpError).data).toMatchObject({ code: "denied", decision_id: expect.any(String) });
    const { reasons } = (error as McpError).data as { reasons: { code: string }[] };
    expect(reasons.map((reason) => reason.code)).toContain(code);
    expect(calls()).toBe(before);
    await client.close();
  });

  test("a session is its opener's alone, and its server's", async () => {
    const post = async (who: IdentityName, server: string, session?: string): Promise<Response> =>
      fetch(`${world.gatewayUrl}/mcp/${server}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          authorization: `Bearer ${await world.issuer.token(who)}`,
          ...(session === undefined ? {} : { "mcp-session-id": session }),
        },
        body: JSON.stringify(
          session === undefined
            ? {
                jsonrpc: "2.0",
                id: 1,
                method: "initialize",
                params: {
                  protocolVersion: "2025-06-18",
                  capabilities: {},
                  clientInfo: { name: "t", version: "1" },
                },
              }
            : { jsonrpc: "2.0", id: 2, method: "tools/list" },
        ),
      });
    const session = (await post("senior", "files")).headers.get("mcp-session-id") ?? "";
    expect(session).not.toBe("");
    expect((await post("senior", "files", session)).status).toBe(200);
    expect((await post("analyst", "files", session)).status).toBe(404);
    expect((await post("senior", "search", session)).status).toBe(404);
    expect((await post("senior", "files", `${session}x`)).status).toBe(404);
  });

  test("a stranger is told where to authenticate", async () => {
    const response = await fetch(`${world.gatewayUrl}/mcp/files`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
  });
});

describe("retrieval", () => {
  const query = async (who: IdentityName, collection: string, body: unknown): Promise<Response> =>
    fetch(`${world.gatewayUrl}/v1/retrieval/${collection}/query`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await world.issuer.token(who)}`,
      },
      body: JSON.stringify(body),
    });

  test("documents above the caller's clearance stay out", async () => {
    const response = await query("analyst", "handbook", {
      query: "salary of engineers, vacation, models",
      top_k: 10,
    });
    expect(response.status).toBe(200);
    const { documents } = (await response.json()) as { documents: { id: string; classification: string }[] };
    expect(documents.length).toBeGreaterThan(0);
    expect(documents.map(({ id }) => id)).not.toContain("handbook-salaries");
  });

  test("another tenant's collection is denied in words that help", async () => {
    const before = world.upstreams.store.received.length;
    const response = await query("contractor", "handbook", { query: "holiday" });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: "denied",
      fix: expect.any(String),
      reasons: expect.any(Array),
    });
    expect(world.upstreams.store.received).toHaveLength(before);
  });
});
