/** Named routes under the shipped policies: the real sidecar decides, real clients ask. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Ollama } from "ollama";
import { WebSocket, WebSocketServer } from "ws";
import type { IdentityName } from "../../demo/identities.js";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { until } from "../gateway/world.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let gateway: Gateway;
const seen: string[] = [];
const line = (content: string, done: boolean): string =>
  `${JSON.stringify({ model: "m", message: { role: "assistant", content }, done })}\n`;

const upstream = createServer((req, res) => {
  seen.push(`${req.method ?? ""} ${req.url ?? ""}`);
  req.resume();
  req.on("end", () => {
    if (req.url === "/api/chat") res.setHeader("content-type", "application/x-ndjson");
    else res.setHeader("content-type", "application/json");
    if (req.url === "/api/chat") res.end(line("he", false) + line("llo", true));
    else if (req.url === "/api/tags") res.end('{"models":[{"name":"gpt-4o-mini"},{"name":"gpt-4o"}]}');
    else if (req.url?.endsWith("/stream") === true) {
      res.setHeader("content-type", "text/event-stream");
      res.end('event: data\ndata: "short"\n\nevent: end\n\n');
    } else res.end('{"output":"short"}');
  });
});
new WebSocketServer({ server: upstream }).on("connection", (peer, { url = "" }) => {
  seen.push(`open ${url}`);
  peer.on("message", (data) => {
    peer.send(String(data));
  });
});

beforeAll(async () => {
  world = await startWorld();
  await new Promise<void>((resolve) => {
    upstream.listen(0, "127.0.0.1", resolve);
  });
  const at = {
    url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    ...{ region: "eu", environment: "prod" },
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      routes: {
        notes: { kind: "web", ...at, websocket: { messages: "decide" } },
        chains: { kind: "langserve", ...at, chains: ["summary", "other"] },
        "local-models": { kind: "ollama", ...at, models: { "gpt-4o-mini": {}, "gpt-4o": {} } },
      },
    } as unknown as Json,
    log,
  });
});
afterAll(async () => {
  await gateway.close();
  await world.close();
  upstream.closeAllConnections();
  upstream.close();
});

const authorization = async (name: IdentityName): Promise<string> =>
  `Bearer ${await world.issuer.token(name)}`;

async function ask(
  name: IdentityName,
  method: string,
  path: string,
  body?: object,
): Promise<[number, unknown]> {
  const answer = await fetch(`${gateway.address}/routes/${path}`, {
    method,
    headers: { authorization: await authorization(name), "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const codes = /"reasons":\[\{[^\]]*"code":"(\w+)"/.exec(text)?.[1];
  return [answer.status, codes ?? text];
}

test("a web interface by method and path", async () => {
  expect(await ask("senior", "GET", "notes/pages/1")).toEqual([200, '{"output":"short"}']);
  expect(await ask("analyst", "GET", "notes/pages/1")).toEqual([200, '{"output":"short"}']);
  expect(await ask("senior", "POST", "notes/api/x", {})).toEqual([200, '{"output":"short"}']);
  seen.length = 0;
  expect(await ask("analyst", "POST", "notes/api/x", {})).toEqual([403, "default_deny"]);
  expect(await ask("senior", "DELETE", "notes/api/x")).toEqual([403, "default_deny"]);
  expect((await ask("contractor", "GET", "notes/pages/1"))[0]).toBe(403);
  expect(seen).toEqual([]);
});

test("a WebSocket by path, and its messages", async () => {
  const open = async (name: IdentityName, path: string): Promise<unknown> => {
    const socket = new WebSocket(`${gateway.address.replace("http", "ws")}/routes/notes${path}`, {
      headers: { authorization: await authorization(name) },
    });
    return new Promise((resolve) => {
      socket.on("error", () => undefined);
      socket.on("unexpected-response", (_req, { statusCode }) => {
        resolve(statusCode);
      });
      socket.on("open", () => {
        socket.send('{"op":"hi"}');
      });
      socket.on("message", (data) => {
        resolve(String(data));
        socket.close();
      });
    });
  };
  seen.length = 0;
  expect(await open("senior", "/live")).toBe('{"op":"hi"}');
  expect(await open("ci", "/live")).toBe(403);
  expect(await open("senior", "/other")).toBe(403);
  expect(seen).toEqual(["open /live"]);
});

test("a chain by its groups and by what is configured, streamed and not", async () => {
  const body = { input: "long text", config: { configurable: { length: 2 } } };
  expect(await ask("senior", "POST", "chains/summary/invoke", body)).toEqual([200, '{"output":"short"}']);
  expect(await ask("analyst", "POST", "chains/summary/stream", body)).toEqual([
    200,
    'event: data\ndata: "short"\n\nevent: end\n\n',
  ]);
  seen.length = 0;
  expect(await ask("ci", "POST", "chains/summary/invoke", body)).toEqual([403, "default_deny"]);
  const other = { ...body, config: { configurable: { llm: "another" } } };
  expect(await ask("senior", "POST", "chains/summary/stream", other)).toEqual([
    403,
    "configuration_not_listed",
  ]);
  const batch = { inputs: ["a", "b"], config: [body.config, other.config] };
  expect(await ask("senior", "POST", "chains/summary/batch", batch)).toEqual([
    403,
    "configuration_not_listed",
  ]);
  expect(await ask("senior", "POST", "chains/other/invoke", body)).toEqual([403, "chain_unknown"]);
  expect(seen).toEqual([]);
});

describe("Ollama's client", () => {
  const client = async (name: IdentityName): Promise<Ollama> =>
    new Ollama({
      host: `${gateway.address}/routes/local-models`,
      headers: { authorization: await authorization(name) },
    });
  const messages = [{ role: "user", content: "a text that nobody records" }];

  test("uses models by tier, streamed and not", async () => {
    const analyst = await client("analyst");
    let text = "";
    for await (const part of await analyst.chat({ model: "gpt-4o-mini", messages, stream: true }))
      text += part.message.content;
    expect(text).toBe("hello");
    seen.length = 0;
    for (const stream of [true, false])
      await expect(
        analyst.chat({ model: "gpt-4o", messages, stream: stream as false }),
      ).rejects.toMatchObject({
        name: "ResponseError",
        status_code: 403,
        error: expect.stringContaining("denied by policy") as unknown,
      });
    expect(seen).toEqual([]);
    const log = (): string => readFileSync(join(world.directory, "decisions.jsonl"), "utf8");
    await until(() => log().includes("local-models"));
    expect(log()).not.toContain("nobody records");
  });

  test("sees its models only, and administers none without the right", async () => {
    expect((await (await client("analyst")).list()).models.map(({ name }) => name)).toEqual(["gpt-4o-mini"]);
    const all = await (await client("senior")).list();
    expect(all.models.map(({ name }) => name)).toEqual(["gpt-4o-mini", "gpt-4o"]);
    const pull = async (name: IdentityName, model: string): Promise<unknown> =>
      (await client(name))
        .pull({ model })
        .catch((error: unknown) => (error as { status_code: number }).status_code);
    expect(await pull("senior", "gpt-4o")).toEqual({ output: "short" });
    expect(await pull("senior", "unknown")).toBe(403);
    expect(await pull("analyst", "gpt-4o-mini")).toBe(403);
  });
});
