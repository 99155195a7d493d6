/** Ways around limits and labels that were open once: through real gateways, each as a client would try it. */
import type { Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import OpenAI, { toFile } from "openai";
import { WebSocket, WebSocketServer } from "ws";
import type { ToolServer } from "../gateway/mcp-server.js";
import { startToolServer } from "../gateway/mcp-server.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream } from "../gateway/world.js";
import { sleep, until } from "../redis.js";
import type { Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";

const place = { region: "eu", environment: "prod" };
const price = { input: 1, output: 2, currency: "EUR", as_of: "2026-11-01", source: "test" };
const each = { window: "1h", per: ["user"] };
const limits = [
  { name: "written", unit: "output_tokens", amount: 1_000, ...each, when: { models: ["written", "claude"] } },
  { name: "asked", unit: "requests", amount: 10, ...each, when: { models: ["asked"] } },
  { name: "read", unit: "input_tokens", amount: 8, ...each, when: { models: ["read"] } },
  { name: "paid", unit: "cost", amount: "0.00001", currency: "EUR", ...each, when: { models: ["paid"] } },
  {
    ...{ name: "sockets", unit: "concurrent", amount: 1, window: "concurrent", per: ["user"] },
    when: { actions: ["websocket.open"] },
  },
  { name: "streamed", unit: "output_tokens", amount: 60, ...each, when: { models: ["llama"] } },
  { name: "called", unit: "tool_calls", amount: 2, ...each, when: { servers: ["files"] } },
  { name: "opened", unit: "requests", amount: 3, ...each, when: { actions: ["websocket.open"] } },
];

let provider: Served;
let fleet: Fleet;
let one: Replica;
let sockets: Server;
let tools: ToolServer;
beforeAll(async () => {
  provider = await startUpstream((req, res) => {
    const path = req.url ?? "";
    res.setHeader("x-countersign-task", "e30.e30.c2ln");
    res.setHeader("x-countersign-task-id", "task-of-the-upstream");
    if (path.endsWith("/files")) json(res, file);
    else if (path.endsWith("/messages/batches")) json(res, messages);
    else if (/\/batches(?:\/batch_1)?$/.test(path)) json(res, batch);
    else if (path.endsWith("/embeddings")) json(res, embedding);
    else if (path.endsWith("/api/chat")) goOn(res);
    else json(res, { error: { message: "no such thing" } }, 404);
  });
  tools = await startToolServer(true);
  sockets = createServer();
  const upgrades = new WebSocketServer({ server: sockets });
  upgrades.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      socket.send(data.toString());
    });
  });
  await new Promise<void>((resolve) => {
    sockets.listen(0, "127.0.0.1", resolve);
  });
  const own = { ...place, upstream: "own", provider: "openai" };
  fleet = await startFleet(
    1,
    { limits },
    {
      storage: { ...place, upstream: "own", provider: "openai" },
      upstreams: {
        own: { url: provider.url },
        claude: { url: provider.url, protocol: "anthropic" },
      },
      models: {
        ...{ written: own, asked: own, read: own, paid: { ...own, cost: price } },
        claude: { ...place, upstream: "claude", provider: "anthropic" },
      },
      servers: { files: { url: tools.url } },
      routes: {
        lama: { ...place, kind: "ollama", url: provider.url, models: { llama: {} } },
        live: {
          ...{ ...place, kind: "web", url: `http://127.0.0.1:${(sockets.address() as AddressInfo).port}` },
          websocket: { recheck_ms: 100 },
        },
      },
    },
  );
  const [first] = fleet.replicas;
  if (first === undefined) throw new Error("there is one");
  one = first;
});
afterAll(async () => {
  await fleet.close();
  await provider.close();
  await tools.close();
  sockets.closeAllConnections();
  sockets.close();
});

const file = {
  ...{ id: "file-1", object: "file", bytes: 1, created_at: 1, filename: "a", purpose: "batch" },
  status: "processed",
};
const batch = {
  ...{ id: "batch_1", object: "batch", endpoint: "/v1/chat/completions", input_file_id: "file-1" },
  ...{ status: "completed", output_file_id: null, error_file_id: null, created_at: 1 },
};
const messages = {
  ...{ id: "msgbatch_1", type: "message_batch", processing_status: "in_progress", results_url: null },
  ...{ created_at: "2026-11-21T00:00:00Z", expires_at: "2026-11-22T00:00:00Z", ended_at: null },
  ...{ cancel_initiated_at: null, archived_at: null },
  request_counts: { processing: 1, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
};
const embedding = {
  ...{ object: "list", model: "m", usage: { prompt_tokens: 4, total_tokens: 4 } },
  data: [{ object: "embedding", index: 0, embedding: [0.1] }],
};

/** Writes, as Ollama does, a token in each line, and doesn't end by itself. */
function goOn(res: ServerResponse): void {
  res.writeHead(200, { "content-type": "application/x-ndjson" });
  const line = { model: "llama", created_at: "x", message: { role: "assistant", content: "w" }, done: false };
  const timer = setInterval(() => res.write(`${JSON.stringify(line)}\n`), 2);
  res.on("close", () => {
    clearInterval(timer);
  });
}

const client = (user: string) =>
  new OpenAI({ baseURL: `${one.url}/v1`, apiKey: fleet.tokenOf(user), maxRetries: 0 });
/** Gives the status of whatever was tried. */
const statusOf = (tried: Promise<unknown>): Promise<number> =>
  tried.then(
    () => 200,
    (error: unknown) => (error as { status?: number }).status ?? 0,
  );
const chat = (model: string, max_tokens: number) => ({
  ...{ model, max_tokens, messages: [{ role: "user" as const, content: "hi" }] },
});
const upload = async (user: string, model: string, count: number, most: number): Promise<string> => {
  const lines = Array.from({ length: count }, (_, n) => ({
    ...{ custom_id: `r${n}`, method: "POST", url: "/v1/chat/completions", body: chat(model, most) },
  }));
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  const { id } = await client(user).files.create({
    file: await toFile(Buffer.from(text), "batch.jsonl", { type: "application/jsonl" }),
    purpose: "batch",
  });
  return id;
};
const run = (user: string, input_file_id: string) =>
  client(user).batches.create({
    ...{ input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h" },
  });
const post = async (user: string, path: string, body: unknown): Promise<number> =>
  (await fleet.request(one, path, body, { user })).status;
const many = async (count: number, tried: () => Promise<number>): Promise<number[]> => {
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) statuses.push(await tried());
  return statuses;
};

describe("a limit isn't gone around by", () => {
  const ways: readonly {
    readonly name: string;
    readonly tries: (user: string) => Promise<readonly number[]>;
    readonly statuses: readonly number[];
  }[] = [
    {
      name: "lines of a batch that are alike",
      tries: async (user) => [await statusOf(upload(user, "written", 20, 100))],
      statuses: [429],
    },
    {
      name: "a file of a batch that is used again",
      async tries(user) {
        const id = await upload(user, "written", 4, 100);
        return many(3, () => statusOf(run(user, id)));
      },
      statuses: [200, 200, 429],
    },
    {
      name: "the id of that file, as its batch tells it",
      async tries(user) {
        const { id } = await run(user, await upload(user, "written", 6, 100));
        const { input_file_id: again } = await client(user).batches.retrieve(id);
        return [await statusOf(run(user, again))];
      },
      statuses: [429],
    },
    {
      name: "many requests in one",
      async tries(user) {
        const id = await upload(user, "asked", 5, 1);
        return many(3, () => statusOf(run(user, id)));
      },
      statuses: [200, 200, 429],
    },
    {
      name: "a batch of messages",
      tries: (user) =>
        many(2, () =>
          post(user, "/v1/messages/batches", {
            requests: Array.from({ length: 6 }, (_, n) => ({
              ...{ custom_id: `r${n}`, params: chat("claude", 100) },
            })),
          }),
        ),
      statuses: [200, 429],
    },
    {
      name: "several prompts at once",
      tries: async (user) => [
        await post(user, "/v1/completions", {
          ...{ model: "written", max_tokens: 100, prompt: Array.from({ length: 20 }, () => "hi") },
        }),
      ],
      statuses: [429],
    },
    {
      name: "tokens instead of texts",
      tries: (user) => many(4, () => post(user, "/v1/embeddings", { model: "read", input: [1, 2, 3, 4] })),
      statuses: [200, 200, 429, 429],
    },
    {
      name: "tokens instead of texts, for money",
      tries: (user) => many(4, () => post(user, "/v1/embeddings", { model: "paid", input: [1, 2, 3, 4] })),
      statuses: [200, 200, 429, 429],
    },
    {
      name: "an empty text",
      tries: (user) => many(4, () => post(user, "/v1/embeddings", { model: "read", input: [""] })),
      statuses: [200, 200, 429, 429],
    },
  ];
  test.each(ways)("$name", async ({ name, tries, statuses }) => {
    expect(await tries(name.replace(/\W/g, "-"))).toEqual(statuses);
  });
});

test("a route's stream that doesn't end is cut where its limit is, and what came counts", async () => {
  const user = "streamer";
  const asked = { model: "llama", messages: [{ role: "user", content: "hi" }], options: { num_predict: 20 } };
  const { status, text } = await fleet.request(one, "/routes/lama/api/chat", asked, { user });
  expect(status).toBe(200);
  expect(text).toContain("rate_limited");
  expect(text.split("\n").length).toBeLessThan(120);
  expect(await post(user, "/routes/lama/api/chat", asked)).toBe(429);
});

test("a tool that was called counts, though nobody may see its result", async () => {
  const requestInit = { headers: { authorization: `Bearer ${fleet.tokenOf("caller")}` } };
  const agent = new Client({ name: "agent", version: "1" });
  await agent.connect(
    new StreamableHTTPClientTransport(new URL(`${one.url}/mcp/files`), { requestInit }) as never,
  );
  const told: string[] = [];
  for (let n = 0; n < 3; n++) {
    const failed = await agent
      .callTool({ name: "delete_file", arguments: { path: "a" } })
      .catch((error: unknown) => error);
    told.push(/unseen|rate_limited/.exec(JSON.stringify([failed, String(failed)]))?.[0] ?? "given");
  }
  expect(told).toEqual(["unseen", "unseen", "rate_limited"]);
  await agent.close();
});

describe("a label isn't shed by", () => {
  const call = (id: string, phase: string) => ({
    kind: "model",
    action: { name: "model.invoke", properties: { phase } },
    resource: { type: "model", id, properties: {} },
  });
  /** Asks the sidecar itself, with the caller's own token. */
  const decide = async (user: string, body: object): Promise<{ allow: boolean; text: string }> => {
    const { href } = new URL(
      "/v1/decisions",
      one.sidecar.addresses.find((at) => at.startsWith("http")),
    );
    const response = await fetch(href, {
      method: "POST",
      headers: { authorization: `Bearer ${fleet.tokenOf(user)}`, "content-type": "application/json" },
      body: JSON.stringify({ context: { request: { id: "r", method: "POST", path: "/" } }, ...body }),
    });
    const text = await response.text();
    const { allow } = JSON.parse(text) as { allow?: boolean };
    return { allow: allow === true, text };
  };
  const ways: readonly {
    readonly name: string;
    readonly tries: (user: string) => Promise<unknown>;
  }[] = [
    {
      name: "saying that a review took place",
      async tries(user) {
        const said = await decide(user, { call: call("review", "response") });
        expect(said.text).toContain("obligation_unsatisfiable");
      },
    },
    {
      name: "another session",
      tries: (user) =>
        fleet.request(one, "/v1/embeddings", { model: "read", input: "x" }, { user, claims: { sid: "s2" } }),
    },
  ];
  test.each(ways)("$name", async ({ name, tries }) => {
    const user = name.replace(/\W/g, "-");
    expect((await decide(user, { call: call("reads-private", "request") })).allow).toBe(true);
    await tries(user);
    expect((await decide(user, { call: call("sends", "request") })).allow).toBe(false);
    const claims = { sid: "s3" };
    const sent = await fleet.request(one, "/v1/chat/completions", chat("sends", 1), { user, claims });
    expect(sent.status).toBe(403);
  });
});

test("an upstream gives out no tasks", async () => {
  const how = { user: "given" };
  for (const [path, body, method] of [
    ["/v1/embeddings", { model: "read", input: "x" }, "POST"],
    ["/v1/embeddings", { model: "nobody", input: "x" }, "POST"],
    ["/v1/files/nothing", undefined, "GET"],
    ["/routes/lama/api/tags", undefined, "GET"],
  ] as const) {
    const { headers } = await fleet.request(one, path, body, how, method);
    expect(headers.get("x-countersign-task")).not.toBe("e30.e30.c2ln");
    expect(headers.get("x-countersign-task-id")).not.toBe("task-of-the-upstream");
  }
  // nor was any of them told whose task it is
  for (const { headers } of provider.received)
    expect(Object.keys(headers).filter((name) => name.startsWith("x-countersign"))).toEqual([]);
});

test("a task is told no more of another one's labels than who brought them", async () => {
  const user = "reader";
  expect((await post(user, "/v1/chat/completions", chat("reads-private", 1))) < 500).toBe(true);
  const { status, text } = await fleet.request(one, "/v1/tasks", {}, { user });
  expect(status).toBe(201);
  const { task } = JSON.parse(text) as { task: { labels: string[]; provenance: Record<string, object> } };
  expect(task.labels).toEqual(["private"]);
  expect(Object.keys(task.provenance["private"] ?? {}).sort()).toEqual(["at", "decision_id", "task"]);
});

describe("what goes on since it was allowed", () => {
  test("counts once, however often it is asked about again", async () => {
    const connect = () =>
      new Promise<WebSocket | undefined>((resolve) => {
        const socket = new WebSocket(`${one.url.replace("http", "ws")}/routes/live/x`, {
          headers: { authorization: `Bearer ${fleet.tokenOf("listener")}` },
        });
        socket.on("open", () => {
          resolve(socket);
        });
        socket.on("error", () => {
          resolve(undefined);
        });
      });
    const first = await connect();
    await sleep(600);
    expect(first?.readyState).toBe(WebSocket.OPEN);
    expect(await connect()).toBeUndefined();
    first?.close();
    let second: WebSocket | undefined;
    await until(async () => (second = await connect()) !== undefined);
    second?.close();
  });
});
