/** The demo's upstreams, asked by the clients that real callers use. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import OpenAI from "openai";
import { firstFiles } from "../../demo/upstreams/files.js";
import { startMcpServer } from "../../demo/upstreams/mcp.js";
import { startModelServer } from "../../demo/upstreams/model.js";
import { rank } from "../../demo/upstreams/rank.js";
import { startStore } from "../../demo/upstreams/store.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ask = { model: "gpt-4o", messages: [{ role: "user" as const, content: "three words here" }] };

describe("the model server", () => {
  async function open(options: { slow?: number; sent?: string } = {}) {
    const { slow = 0, sent = "key-1" } = options;
    const server = await startModelServer({ port: 0, apiKey: "key-1", slow });
    closers.push(() => server.close());
    return { server, client: new OpenAI({ apiKey: sent, baseURL: `${server.url}/v1`, maxRetries: 0 }) };
  }

  test("answers the same request with the same answer, and keeps its bytes", async () => {
    const { server, client } = await open();
    const answer = await client.chat.completions.create(ask);
    const choice = answer.choices[0];
    expect(choice?.message.content).toMatch(/gpt-4o .*1 message /);
    expect(choice?.finish_reason).toBe("stop");
    expect(answer.usage?.prompt_tokens).toBe(3);
    expect(answer.usage?.total_tokens).toBe(3 + (answer.usage?.completion_tokens ?? 0));
    expect(await client.chat.completions.create(ask)).toEqual(answer);
    expect(server.received[0]).toMatchObject({
      method: "POST",
      path: "/v1/chat/completions",
      aborted: false,
    });
    expect(server.received[0]?.body.equals(Buffer.from(JSON.stringify(ask)))).toBe(true);
  });

  test("streams the words of the plain answer, its end and its usage", async () => {
    const { client } = await open();
    const plain = await client.chat.completions.create(ask);
    const stream = await client.chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices[0]?.delta.role).toBe("assistant");
    expect(choices.map(({ delta }) => delta.content ?? "").join("")).toBe(plain.choices[0]?.message.content);
    expect(choices.at(-1)?.finish_reason).toBe("stop");
    expect(chunks.at(-1)?.usage).toEqual(plain.usage);
  });

  test("ends a stream with [DONE], without usage where none was asked for", async () => {
    const { server } = await open();
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer key-1" },
      body: JSON.stringify({ ...ask, stream: true }),
    });
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const text = await answer.text();
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(text).not.toContain("usage");
  });

  test.each([
    [{ max_tokens: 2 }, "This is"],
    [{ max_completion_tokens: 3 }, "This is gpt-4o"],
    [{ max_tokens: 4, max_completion_tokens: 1 }, "This"],
  ])("cuts the answer at %j", async (limit, content) => {
    const { client } = await open();
    const answer = await client.chat.completions.create({ ...ask, ...limit });
    expect(answer.choices[0]).toMatchObject({ finish_reason: "length", message: { content } });
    expect(answer.usage?.completion_tokens).toBe(content.split(" ").length);
  });

  test.each([
    ["another key", "key-2", {}, 401],
    ["a limit of 0", "key-1", { max_tokens: 0 }, 400],
    ["no messages", "key-1", { messages: [] }, 400],
    ["no model", "key-1", { model: "" }, 400],
  ])("refuses %s in OpenAI's form", async (_what, sent, change, status) => {
    const { client } = await open({ sent });
    await expect(client.chat.completions.create({ ...ask, ...change })).rejects.toMatchObject({
      status,
      type: "invalid_request_error",
    });
  });

  test("lists its models, to who holds the key", async () => {
    const { server, client } = await open();
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(["gpt-4o", "gpt-4o-mini", "llama-3.1-70b", "medical-llm"]);
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
  });

  test("stops and says so when the client leaves", async () => {
    const { server, client } = await open({ slow: 20 });
    const stream = await client.chat.completions.create({ ...ask, stream: true });
    for await (const chunk of stream) if (chunk.choices.length > 0) break;
    stream.controller.abort();
    // the test's own timeout ends this where the server never notices
    while (server.received[0]?.aborted !== true) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.received[0].aborted).toBe(true);
  });
});

describe("the MCP servers", () => {
  async function open() {
    const root = await mkdtemp(join(tmpdir(), "upstreams-"));
    closers.push(() => rm(root, { recursive: true }));
    const server = await startMcpServer({ port: 0, root });
    closers.push(() => server.close());
    const connect = async (name: string) => {
      const client = new Client({ name: "test", version: "1.0.0" });
      const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/${name}`));
      await client.connect(transport as Transport);
      closers.push(() => client.close());
      return { client, transport };
    };
    return { root, server, connect };
  }
  const call = async (client: Client, name: string, args: Record<string, string>) => {
    const result = await client.callTool({ name, arguments: args });
    const [part] = result.content as { text: string }[];
    return { refused: result.isError === true, text: part?.text ?? "" };
  };

  test("reads, writes and deletes real files in a session", async () => {
    const { root, server, connect } = await open();
    const { client, transport } = await connect("files");
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      "read_file",
      "write_file",
      "delete_file",
    ]);
    for (const [path, text] of Object.entries(firstFiles))
      expect(await call(client, "read_file", { path })).toEqual({ refused: false, text });
    await call(client, "write_file", { path: "/workspace/new.md", content: "ünï" });
    expect(await readFile(join(root, "workspace/new.md"), "utf8")).toBe("ünï");
    await call(client, "delete_file", { path: "/workspace/plan.md" });
    await expect(readFile(join(root, "workspace/plan.md"))).rejects.toMatchObject({ code: "ENOENT" });
    expect(transport.sessionId).toBeDefined();
    expect(server.received.at(-1)?.headers["mcp-session-id"]).toBe(transport.sessionId);
  });

  test.each([
    "/../outside.md",
    "/workspace/../../outside.md",
    "workspace/plan.md",
    "/workspace//plan.md",
    "/workspace/..\\plan.md",
    "/workspace/plan.md\0",
    "/workspace",
    "/",
    "",
    "/workspace/link.md",
    "/workspace/away/outside.md",
    "/workspace/pipe",
  ])("refuses the path %j to every tool", async (path) => {
    const { root, connect } = await open();
    const away = await mkdtemp(join(tmpdir(), "outside-"));
    closers.push(() => rm(away, { recursive: true }));
    const outside = join(away, "outside.md");
    await writeFile(outside, "stays");
    await symlink(outside, join(root, "workspace/link.md"));
    await symlink(away, join(root, "workspace/away"));
    execFileSync("mkfifo", [join(root, "workspace/pipe")]);
    const { client } = await connect("files");
    for (const tool of ["read_file", "write_file", "delete_file"]) {
      const args = tool === "write_file" ? { path, content: "changed" } : { path };
      const answer = await call(client, tool, args);
      expect(answer.refused).toBe(true);
      expect(answer.text).not.toContain(root);
    }
    expect(await readFile(outside, "utf8")).toBe("stays");
  });

  test("searches public documents and no others", async () => {
    const { connect } = await open();
    const { client } = await connect("search");
    expect((await call(client, "web_search", { query: "bearer token" })).text).toMatch(/^public-api: /);
    expect((await call(client, "web_search", { query: "diagnosis salary" })).text).not.toMatch(
      /patient-|salaries/,
    );
  });

  const post = (url: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
      body,
    });

  test("answers tools/list and tools/call without a session, as JSON", async () => {
    const { server } = await open();
    const rpc = async (method: string, params: unknown) => {
      const answer = await post(
        `${server.url}/files`,
        JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }),
      );
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.headers.get("mcp-session-id")).toBeNull();
      return answer.json();
    };
    expect(await rpc("tools/list", {})).toMatchObject({ id: 7, result: { tools: { length: 3 } } });
    const path = "/public/welcome.md";
    expect(await rpc("tools/call", { name: "read_file", arguments: { path } })).toMatchObject({
      result: { content: [{ type: "text", text: firstFiles[path] }] },
    });
  });

  test("refuses an ended or unknown session, a body that is no object, and other paths", async () => {
    const { server, connect } = await open();
    const { transport } = await connect("files");
    const id = transport.sessionId ?? "";
    await transport.terminateSession();
    const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const statuses = [
      await post(`${server.url}/files`, list, { "mcp-session-id": id }),
      await post(`${server.url}/files`, list, { "mcp-session-id": "unknown" }),
      await post(`${server.url}/files`, "[]"),
      await fetch(`${server.url}/files`),
      await post(`${server.url}/elsewhere`, list),
    ].map(({ status }) => status);
    expect(statuses).toEqual([404, 404, 400, 405, 404]);
  });

  test("keeps the sessions of its two servers apart", async () => {
    const { server, connect } = await open();
    const { transport } = await connect("search");
    const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const answer = await post(`${server.url}/files`, list, { "mcp-session-id": transport.sessionId ?? "" });
    expect(answer.status).toBe(404);
  });
});

describe("the store", () => {
  async function ask(method: string, path: string, body?: unknown, store = startStore({ port: 0 })) {
    const { url, received, close } = await store;
    closers.push(() => close());
    const answer = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(received.length).toBeGreaterThan(0);
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  }
  interface Hits {
    readonly total: { readonly value: number };
    readonly hits: readonly { _id: string; _score: number; _source?: Record<string, unknown> }[];
  }
  async function search(index: string, body: unknown) {
    const { status, value } = await ask("POST", `/${index}/_search`, body);
    expect(status).toBe(200);
    return value["hits"] as Hits;
  }
  const match = (text: string) => ({ match: { text } });

  test.each([
    ["handbook", "frontier model", "handbook-models", "acme", "internal"],
    ["handbook", "salary bands", "handbook-salaries", "acme", "restricted"],
    ["patients", "asthma", "patient-0042", "acme", "restricted"],
    ["globex-docs", "roadmap relay", "globex-roadmap", "globex", "confidential"],
    ["public-docs", "maintenance sunday", "public-status", "*", "public"],
  ])("%s: %s finds %s first", async (index, words, id, tenant, classification) => {
    const { hits } = await search(index, { query: match(words) });
    expect(hits[0]).toMatchObject({ _id: id, _source: { tenant, classification } });
    const scores = hits.map(({ _score }) => _score);
    expect(scores.every((score) => score > 0)).toBe(true);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  test.each<[string, unknown, number]>([
    ["everything", { match_all: {} }, 11],
    ["nothing", { match_none: {} }, 0],
    ["words that aren't there", match("zeppelin"), 0],
    ["a term, also in a list", { term: { tenant: "globex" } }, 2],
    ["terms", { terms: { department: ["support", "analytics"] } }, 2],
    ["a field that is there", { exists: { field: "expires" } }, 1],
    ["ids", { ids: { values: ["budget-board", "none"] } }, 1],
    ["what expires early", { range: { expires: { lt: Date.UTC(2026, 5, 1), format: "epoch_millis" } } }, 1],
    ["what was made late", { range: { created: { gt: "2026-03-02T09:00:00Z" } } }, 0],
    ["what was made then", { range: { created: { gte: "2026-03-02T09:00:00Z", lte: "2027-01-01" } } }, 11],
    ["one of two", { bool: { should: [match("board"), { term: { department: "support" } }] } }, 2],
    ["both of two", { bool: { must: [match("trials")], filter: { term: { department: "research" } } } }, 2],
    ["all but one", { bool: { must_not: [{ term: { tenant: "*" } }] } }, 10],
    ["what may be there besides", { bool: { filter: [match("board")], should: [match("x")] } }, 1],
  ])("finds %s", async (_name, query, count) => {
    expect((await search("wiki", { query, size: 0 })).total.value).toBe(count);
    expect((await ask("POST", "/wiki/_count", { query })).value).toMatchObject({ count });
  });

  test("gives what is asked for of a document, from where it is asked for", async () => {
    const all = await search("wiki", {});
    const some = await search("wiki", {
      from: 2,
      size: 1,
      _source: { includes: ["text", "tenant"], excludes: ["text"] },
    });
    expect(some.hits).toEqual([{ ...all.hits[2], _source: { tenant: all.hits[2]?._source?.["tenant"] } }]);
    expect((await search("wiki", { size: 1, _source: false })).hits[0]).not.toHaveProperty("_source");
  });

  test("takes documents and gives them up, for as long as it runs", async () => {
    const store = startStore({ port: 0 });
    const path = "/wiki/_doc/note";
    const got = async () =>
      (await ask("POST", "/_mget", { docs: [{ _index: "wiki", _id: "note" }] }, store)).value;
    expect(await ask("PUT", path, { text: "x" }, store)).toMatchObject({ status: 201 });
    expect(await ask("PUT", path, { text: "y" }, store)).toMatchObject({ value: { result: "updated" } });
    expect(await got()).toMatchObject({ docs: [{ found: true, _source: { text: "y" } }] });
    expect(await ask("DELETE", path, undefined, store)).toMatchObject({ value: { result: "deleted" } });
    expect(await ask("DELETE", path, undefined, store)).toMatchObject({ status: 404 });
    expect(await got()).toMatchObject({ docs: [{ found: false }] });
    expect(await ask("POST", "/wiki/_doc", { text: "z" }, store)).toMatchObject({ value: { _id: "doc-12" } });
  });

  test.each<[string, string, unknown, number]>([
    ["POST", "/nowhere/_search", {}, 404],
    ["POST", "/wiki/_search", ["x"], 400],
    ["POST", "/wiki/_search", { size: -1 }, 400],
    ["POST", "/wiki/_search", { query: { script: {} } }, 400],
    ["POST", "/wiki/_search", { query: { match: { text: "a", tenant: "b" } } }, 400],
    ["POST", "/wiki/_search", { query: { match: { tenant: "b" } } }, 400],
    ["POST", "/wiki/_search", { query: { terms: { tenant: "b" } } }, 400],
    ["POST", "/wiki/_search", { query: { range: { created: { around: 1 } } } }, 400],
    ["POST", "/wiki/_search", { query: { range: { created: 1 } } }, 400],
    ["POST", "/wiki/_search", { query: { bool: { minimum_should_match: "1" } } }, 400],
    ["POST", "/wiki/_search", { query: { term: {}, match_all: {} } }, 400],
    ["POST", "/wiki/_forcemerge", {}, 400],
  ])("refuses %s %s %j with %i", async (method, path, body, status) => {
    expect((await ask(method, path, body)).status).toBe(status);
  });

  test("scores by BM25: rare words weigh more, long texts less", () => {
    const documents = ["a a b", "a c", "a d d d d d"].map((text) => ({ text }));
    expect(rank(documents, "c a", 3).map(({ text }) => text)).toEqual(["a c", "a a b", "a d d d d d"]);
    // by hand: idf(c) = ln(1 + 2.5/1.5); tf part 2.2 / (1 + 1.2 (0.25 + 0.75 · 2 / (11/3)))
    expect(rank(documents, "c", 3)[0]?.score).toBeCloseTo(1.2049, 4);
  });
});
