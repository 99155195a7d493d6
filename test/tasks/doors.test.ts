/** Every other door: where policy wants a token, one that was dropped is denied there, too; and none goes through. */
import { createServer as createHttp } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import { WebSocket, WebSocketServer } from "ws";
import { json } from "../gateway/world.js";
import type { Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";

const user = "bound";
const host = "api.agents.example";
let fleet: Fleet;
let one: Replica;
/** All that any upstream got. */
const got: string[] = [];
const sockets = createHttp();
const tunnels = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.on("data", (piece) => {
    got.push(piece.toString("latin1"));
    socket.destroy();
  });
});
const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
beforeAll(async () => {
  new WebSocketServer({ server: sockets }).on("connection", (peer, req) => {
    got.push(JSON.stringify(req.headers));
    peer.on("message", (data) => {
      peer.send(String(data));
    });
  });
  for (const server of [sockets, tunnels])
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
  const place = { region: "eu", environment: "prod" };
  const url = `http://127.0.0.1:${port(sockets)}`;
  // its upstream is known only once it runs
  const stored = createHttp((req, res) => {
    let body = "";
    req.on("data", (piece) => (body += String(piece)));
    req.on("end", () => {
      got.push(`${req.url ?? ""} ${JSON.stringify(req.headers)} ${body}`);
      if (req.url?.endsWith("/files") === true)
        json(res, { id: "file-1", object: "file", bytes: 1, created_at: 1, filename: "a", purpose: "batch" });
      else if (req.url?.endsWith("/batches") === true)
        json(res, {
          ...{ id: "batch_1", object: "batch", endpoint: "/v1/chat/completions", input_file_id: "file-1" },
          ...{ status: "validating", created_at: 1 },
        });
      else json(res, { documents: [{ id: "1", text: "a" }] });
    });
  });
  await new Promise<void>((resolve) => stored.listen(0, "127.0.0.1", resolve));
  stores = stored;
  const files = `http://127.0.0.1:${port(stored)}`;
  fleet = await startFleet(
    1,
    {},
    {
      upstreams: { main: { url: files } },
      models: { plain: { ...place, upstream: "main", provider: "openai" } },
      storage: { ...place, upstream: "main", provider: "openai" },
      routes: {
        live: { kind: "web", url, ...place, websocket: {} },
        web: { kind: "web", url: files, ...place },
      },
      collections: { handbook: { url: `${files}/query`, classification: "internal", ...place } },
      forward_proxy: { listen: "127.0.0.1:0", ports: [port(tunnels)], private_hosts: [host] },
    },
    (name) => Promise.resolve(name === host ? ["127.0.0.1"] : []),
  );
  [one] = fleet.replicas as [Replica];
});
let stores: ReturnType<typeof createHttp>;
afterAll(async () => {
  await fleet.close();
  for (const server of [sockets, stores]) {
    server.closeAllConnections();
    server.close();
  }
  tunnels.close();
});
beforeEach(() => {
  got.length = 0;
});

/** Comes through a door, with a token or without; says how that ended. */
type Come = (task: string | undefined) => Promise<string>;
const tokenHeader = (task: string | undefined): Record<string, string> =>
  task === undefined ? {} : { "x-countersign-task": task };
const bearer = (): string => `Bearer ${fleet.tokenOf(user)}`;
const openAi = (task: string | undefined): OpenAI =>
  new OpenAI({
    ...{ baseURL: `${one.url}/v1`, apiKey: fleet.tokenOf(user), maxRetries: 0 },
    defaultHeaders: tokenHeader(task),
  });
const line = JSON.stringify({
  ...{ custom_id: "r1", method: "POST", url: "/v1/chat/completions" },
  body: { model: "plain", messages: [{ role: "user", content: "hi" }] },
});
const upload = async (task: string | undefined): Promise<string> => {
  const file = await toFile(Buffer.from(line), "batch.jsonl", { type: "application/jsonl" });
  return (await openAi(task).files.create({ file, purpose: "batch" })).id;
};
const statusOf = (error: unknown): string => String((error as { status?: number }).status);

const doors: Record<string, Come> = {
  "a WebSocket's upgrade": (task) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${one.url.replace("http", "ws")}/routes/live/room`, {
        headers: { authorization: bearer(), ...tokenHeader(task) },
      });
      socket.on("open", () => {
        socket.send("hello");
      });
      socket.on("message", () => {
        resolve("200");
        socket.close();
      });
      socket.on("unexpected-response", (_req, res) => {
        resolve(String(res.statusCode));
      });
      socket.on("error", () => undefined);
    }),
  "CONNECT through the forward proxy": (task) =>
    new Promise((resolve) => {
      const proxy = new URL(one.gateway.forwardProxy ?? "");
      const socket: Socket = connect(Number(proxy.port), proxy.hostname, () => {
        const own = task === undefined ? "" : `x-countersign-task: ${task}\r\n`;
        const to = `${host}:${port(tunnels)}`;
        socket.write(
          `CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\nproxy-authorization: ${bearer()}\r\n${own}\r\n`,
        );
      });
      socket.on("error", () => undefined);
      socket.once("data", (piece) => {
        const status = /^HTTP\/1\.1 (\d+)/.exec(piece.toString("latin1"))?.[1] ?? "";
        if (status !== "200") return void resolve(status);
        const tls = connectTls({ socket, servername: host });
        // the upstream hears the hello, and leaves
        tls
          .on("error", () => undefined)
          .on("close", () => {
            resolve(status);
          });
      });
    }),
  "a query of a collection": async (task) => {
    const asked = await fleet.request(
      one,
      "/v1/retrieval/handbook/query",
      { query: "x", top_k: 1 },
      { user, task },
    );
    return String(asked.status);
  },
  "a named route": async (task) =>
    String((await fleet.request(one, "/routes/web/things", { a: 1 }, { user, task })).status),
  "a file of a batch": (task) => upload(task).then(() => "200", statusOf),
  "a batch": async (task) => {
    const input_file_id = await upload(token);
    got.length = 0;
    const made = { input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
    return openAi(task)
      .batches.create(made)
      .then(() => "200", statusOf);
  },
};
let token = "";
beforeAll(async () => {
  const made = await fleet.request(one, "/v1/tasks", {}, { user });
  // who is bound to have one may begin one
  expect(made.status).toBe(201);
  token = made.task ?? "";
});

describe("where policy wants a task token", () => {
  test.each(Object.entries(doors))(
    "%s is denied without one, and passes with it, which goes no further",
    async (_name, come) => {
      expect(await come(undefined)).toBe("403");
      expect(got).toEqual([]);
      expect(await come(`${token.slice(0, -4)}AAAA`)).toBe("403");
      expect(got).toEqual([]);
      expect(await come(token)).toBe("200");
      expect(got.length).toBeGreaterThan(0);
      const signature = token.split(".")[2] ?? "";
      expect(signature.length).toBeGreaterThan(20);
      expect(got.join("\n")).not.toContain(signature);
      expect(got.join("\n").toLowerCase()).not.toContain("x-countersign-task");
    },
  );
});
