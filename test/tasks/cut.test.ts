/** What is cut in mid-stream, in the words of each protocol, by its own clients: budgets and revoked users. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import OpenAI from "openai";
import type { ToolServer } from "../gateway/tools/mcp/lab.js";
import { startServer } from "../gateway/tools/mcp/lab.js";
import { until } from "../redis.js";
import type { Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";

let tools: ToolServer;
let fleet: Fleet;
let one: Replica;
beforeAll(async () => {
  tools = await startServer("session");
  tools.serve = () => undefined;
  fleet = await startFleet(1, {}, { servers: { lab: { url: tools.url } } });
  [one] = fleet.replicas as [Replica];
});
afterAll(async () => {
  await fleet.close();
  await tools.close();
});

describe("a task over its budget in mid-stream", () => {
  /** Begins a task of 60 tokens of output. */
  const begin = async (user: string): Promise<Record<string, string>> => {
    const made = await fleet.request(one, "/v1/tasks", { budget: { output_tokens: 60 } }, { user });
    expect(made.status).toBe(201);
    return { "x-countersign-task": made.task ?? "" };
  };

  test("OpenAI's SDK raises", async () => {
    const user = "budget-openai";
    const client = new OpenAI({
      ...{ baseURL: `${one.url}/v1`, apiKey: fleet.tokenOf(user), maxRetries: 0 },
      defaultHeaders: await begin(user),
    });
    const asked = { model: "plain", max_tokens: 30, messages: [{ role: "user", content: "hi" }] } as const;
    const stream = await client.chat.completions.create({
      ...asked,
      messages: [...asked.messages],
      stream: true,
    });
    let words = 0;
    const read = (async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) words++;
    })();
    await expect(read).rejects.toMatchObject({ code: "insufficient_quota" });
    expect(words).toBeGreaterThan(20);
    expect(words).toBeLessThan(200);
  });

  test("Anthropic's SDK raises", async () => {
    const user = "budget-claude";
    const aborted = fleet.upstream.aborted();
    const client = new Anthropic({
      ...{ baseURL: one.url, apiKey: null, authToken: fleet.tokenOf(user), maxRetries: 0 },
      defaultHeaders: await begin(user),
    });
    const asked = { model: "metered-claude", max_tokens: 30 };
    const stream = client.messages.stream({ ...asked, messages: [{ role: "user", content: "hi" }] });
    let words = 0;
    stream.on("text", () => words++);
    await expect(stream.finalMessage()).rejects.toThrow(/rate_limit_error.*budget/s);
    expect(words).toBeGreaterThan(20);
    expect(words).toBeLessThan(200);
    await until(() => fleet.upstream.aborted() > aborted);
    const again = client.messages.create({ ...asked, messages: [{ role: "user", content: "hi" }] });
    await expect(again).rejects.toBeInstanceOf(Anthropic.RateLimitError);
  });

  test("Gemini's stream ends with its status", async () => {
    const user = "budget-gemini";
    const aborted = fleet.upstream.aborted();
    const how = { user, stream: true, headers: await begin(user) };
    const body = {
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
      generationConfig: { maxOutputTokens: 30 },
    };
    const path = "/v1beta/models/metered-gemini:streamGenerateContent?alt=sse";
    const { status, text } = await fleet.request(one, path, body, how);
    expect(status).toBe(200);
    const words = text.split('"word ').length - 1;
    expect(words).toBeGreaterThan(20);
    expect(words).toBeLessThan(200);
    const last =
      text
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^data: /, "") ?? "";
    expect(JSON.parse(last)).toMatchObject({ error: { code: 429, status: "RESOURCE_EXHAUSTED" } });
    await until(() => fleet.upstream.aborted() > aborted);
    expect(await fleet.request(one, path, body, how)).toMatchObject({ status: 429 });
  });
});

test("a user who is revoked while a tool works: the call is cut, the session ends, and no other begins", async () => {
  const connect = async (user: string): Promise<Client> => {
    const client = new Client({ name: "t", version: "1" });
    const headers = { authorization: `Bearer ${fleet.tokenOf(user)}` };
    const transport = new StreamableHTTPClientTransport(new URL(`${one.url}/mcp/lab`), {
      requestInit: { headers },
    });
    // a type of the SDK's own that exactOptionalPropertyTypes doesn't take
    await client.connect(transport as never);
    return client;
  };
  const [revoked, other] = [await connect("revoked"), await connect("other")];
  const calls = () => tools.got.filter(({ method }) => method === "tools/call").length;
  const pending = revoked.callTool({ name: "read", arguments: {} });
  const going = other.callTool({ name: "read", arguments: {} });
  const cut = expect(pending).rejects.toMatchObject({ code: -32001, data: { code: "fenced" } });
  going.catch(() => undefined);
  await until(() => calls() === 2);
  const match = { tenant: "acme", subject: "revoked" };
  const added = await one.sidecar.fences.add({ match, reason: "left", by: "test" });
  await cut;
  // the tool server is told
  await until(() => tools.http.received.some(({ method }) => method === "DELETE"));
  await expect(revoked.callTool({ name: "read", arguments: {} })).rejects.toThrow();
  await expect(connect("revoked")).rejects.toThrow(/fenced/);
  expect(calls()).toBe(2);
  // the session doesn't come back with the user
  if (added.kind === "done") await one.sidecar.fences.lift(added.fence.id, "test");
  await expect(revoked.callTool({ name: "read", arguments: {} })).rejects.toMatchObject({ code: 404 });
  // another's goes on
  tools.serve = (_message, { reply }) => {
    reply({ content: [] });
  };
  expect(await other.callTool({ name: "write", arguments: {} })).toEqual(
    expect.objectContaining({ content: [] }),
  );
  await Promise.all([revoked.close(), other.close()]);
});
