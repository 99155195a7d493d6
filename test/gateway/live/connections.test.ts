/** Agents' streams, WebSockets, tunnels, named routes and stores: cut in their own words. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { ClientFactory, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { Role } from "@a2a-js/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import type { FenceMatch } from "../../../sidecar/contract.js";
import type { ProxyLab } from "../proxy/lab.js";
import { host, speak, startProxyLab } from "../proxy/lab.js";
import type { Served, World } from "../world.js";
import { allow, callerToken, post, startUpstream, startWorld, subject, until } from "../world.js";

const place = { region: "eu", environment: "prod" };
const bearer = { authorization: `Bearer ${callerToken}` };
let upstream: Served;
let world: World;
const sockets = createServer();
const peers = new Set<WebSocket>();
beforeAll(async () => {
  const server = new WebSocketServer({ server: sockets });
  server.on("connection", (peer) => {
    peers.add(peer);
    peer.on("close", () => peers.delete(peer)).on("error", () => undefined);
    peer.on("message", (data) => {
      peer.send(data);
    });
  });
  await new Promise<void>((resolve) => sockets.listen(0, "127.0.0.1", resolve));
  upstream = await startUpstream((_req, res) => void res.end());
  const at = `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
  world = await startWorld({
    config: {
      agents: {
        helper: { url: `${upstream.url}/rpc` },
        rest: { url: `${upstream.url}/rest`, binding: "http+json" },
      },
      routes: {
        live: { kind: "web", url: at, ...place, websocket: { recheck_ms: 100_000 } },
        ui: { kind: "web", url: upstream.url, ...place },
        lama: { kind: "ollama", url: upstream.url, ...place, models: { llama: {} } },
        chain: { kind: "langserve", url: upstream.url, ...place },
      },
    },
  });
  await until(() => world.sidecar.connected() === 1);
});
afterAll(async () => {
  await world.close();
  await upstream.close();
  sockets.closeAllConnections();
  sockets.close();
});
const silent = (): void => undefined;
beforeEach(() => {
  upstream.answer = silent;
  upstream.received.length = 0;
  world.sidecar.decide = allow;
  world.sidecar.outcomes.length = 0;
});
afterEach(() => {
  world.sidecar.lift("f");
});
const fence = (match: FenceMatch): void => {
  world.sidecar.fence({ id: "f", match });
};
const denied = (): boolean => world.sidecar.outcomes.some(({ outcome }) => outcome === "denied");
const begins = (type: string, text: string): void => {
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": type });
    res.write(text);
  };
};
/** Reads the first piece of an answer, fences, and gives the rest; `cut` where it broke off. */
async function rest(response: Response, match: FenceMatch): Promise<string> {
  const reader = response.body?.getReader();
  await reader?.read();
  fence(match);
  let text = "";
  try {
    for (let got = await reader?.read(); got?.done === false; got = await reader?.read())
      text += Buffer.from(got.value).toString();
  } catch {
    return `${text}cut`;
  }
  return text;
}

describe("an agent's stream", () => {
  const task = { id: "t-1", contextId: "c-1", status: { state: "TASK_STATE_WORKING" } };

  test("is cut with a JSON-RPC error, which the A2A SDK's client raises", async () => {
    upstream.answer = (_req, res, body) => {
      const { id } = JSON.parse(body) as { id: unknown };
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result: { task } })}\n\n`);
    };
    const fetchImpl: typeof fetch = (input, init) =>
      fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), ...bearer } });
    const factory = new ClientFactory({ transports: [new JsonRpcTransportFactory({ fetchImpl })] });
    const client = await factory.createFromAgentCard({
      ...{ name: "helper", description: "", version: "1", capabilities: { streaming: true, extensions: [] } },
      ...{ defaultInputModes: [], defaultOutputModes: [], skills: [], securitySchemes: {}, signatures: [] },
      supportedInterfaces: [
        { url: `${world.url}/a2a/helper`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" },
      ],
    } as never);
    const aborted = upstream.aborted();
    const read = (async () => {
      const message = {
        ...{ messageId: "m", role: Role.ROLE_USER, contextId: "", taskId: "", metadata: {}, extensions: [] },
        ...{ referenceTaskIds: [], parts: [{ content: { $case: "text", value: "hi" }, metadata: {} }] },
      };
      for await (const event of client.sendMessageStream({ message } as never))
        if (event !== undefined) fence({ agent: "helper" });
    })();
    await expect(read).rejects.toThrow(/fence/);
    await until(() => denied() && upstream.aborted() > aborted);
  });

  test("of REST is cut with a status", async () => {
    begins("text/event-stream", `data: ${JSON.stringify({ task })}\n\n`);
    const response = await post(
      world,
      "/a2a/rest/v1/message:stream",
      JSON.stringify({ message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "hi" }] } }),
      { "a2a-version": "1.0" },
    );
    expect(response.status).toBe(200);
    expect(await rest(response, { subject: subject.id })).toMatch(/^event: error\ndata: .*fenced/s);
    await until(denied);
  });

  test("an answer that hasn't come is a JSON-RPC error", async () => {
    const body = {
      ...{ jsonrpc: "2.0", id: 7, method: "SendMessage" },
      params: { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "hi" }] } },
    };
    const pending = post(world, "/a2a/helper", JSON.stringify(body), { "a2a-version": "1.0" });
    await until(() => upstream.received.length === 1);
    fence({ agent: "helper" });
    expect(await (await pending).json()).toMatchObject({
      id: 7,
      error: { message: expect.stringContaining("fence") },
    });
    await until(denied);
  });
});

describe("a WebSocket", () => {
  const open = async (): Promise<{ socket: WebSocket; closed: Promise<string> }> => {
    const socket = new WebSocket(`${world.url.replace("http", "ws")}/routes/live/room`, { headers: bearer });
    const closed = new Promise<string>((resolve) => {
      socket.on("close", (code, reason) => {
        resolve(`${code} ${reason.toString().split(" ")[0] ?? ""}`);
      });
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return { socket, closed };
  };

  test("is closed as policy violation, and its upstream with it; another caller's isn't", async () => {
    const first = await open();
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
    const second = await open();
    expect(await world.sidecar.census({ tenant: subject.tenant })).toEqual({ websocket: 2 });
    fence({ subject: subject.id });
    expect(await first.closed).toBe("1008 fenced");
    await until(() => peers.size === 1 && denied());
    second.socket.send("x");
    await new Promise((resolve) => second.socket.once("message", resolve));
    fence({ everything: "*" });
    expect(await second.closed).toBe("1008 fenced");
  });
});

describe("a tunnel", () => {
  let lab: ProxyLab;
  beforeAll(async () => {
    lab = await startProxyLab({ recheck_ms: 100_000 });
    await until(() => lab.world.sidecar.connected() === 1);
  });
  afterAll(() => lab.close());

  test("is closed, with its host", async () => {
    const head = `CONNECT ${host}:${lab.port} HTTP/1.1\r\nproxy-authorization: ${bearer.authorization}\r\n\r\n`;
    const tls = await new Promise<ReturnType<typeof connectTls>>((resolve) => {
      void speak(lab.proxyPort, head, (_answer, socket) => {
        socket.removeAllListeners("data");
        socket.setTimeout(0);
        const made = connectTls({ socket, servername: host, ca: lab.caPem }, () => {
          resolve(made);
        });
        made.on("error", () => undefined);
      });
    });
    expect(await lab.world.sidecar.census({ subject: subject.id })).toEqual({ tunnel: 1 });
    const closed = new Promise((resolve) => tls.once("close", resolve));
    lab.world.sidecar.fence({ id: "f", match: { subject: subject.id } });
    await closed;
    await until(() => lab.world.sidecar.outcomes.some(({ outcome }) => outcome === "denied"));
    expect(lab.world.gateway.live.size).toBe(0);
  });
});

describe("a named route", () => {
  const ask = (path: string): Promise<Response> => fetch(`${world.url}${path}`, { headers: bearer });

  test("that streams events says why; one that streams anything else breaks off", async () => {
    begins("text/event-stream", "data: one\n\n");
    expect(await rest(await ask("/routes/ui/events"), { subject: subject.id })).toMatch(
      /\n\nevent: error\ndata: \{"code":"fenced".*\n\n$/,
    );
    await until(denied);
    world.sidecar.lift("f");
    begins("text/plain", "one");
    expect(await rest(await ask("/routes/ui/text"), { subject: subject.id })).toBe("cut");
  });

  test("of a model server says it in that server's words", async () => {
    begins("application/x-ndjson", '{"model":"llama","response":"He","done":false}\n');
    const body = JSON.stringify({ model: "llama", prompt: "hi", stream: true });
    const response = await post(world, "/routes/lama/api/generate", body);
    expect(await rest(response, { model: "llama" })).toMatch(/\n\{"error":".*"code":"fenced".*\}\n$/);
    await until(denied);
  });

  test("that hasn't answered is refused", async () => {
    const pending = ask("/routes/ui/slow");
    await until(() => upstream.received.length === 1);
    fence({ tenant: subject.tenant });
    const response = await pending;
    expect([response.status, await response.json()]).toMatchObject([403, { code: "fenced" }]);
    await until(denied);
  });
});

test("a query that a store hasn't answered is refused", async () => {
  world.store.answer = silent;
  const pending = post(world, "/v1/retrieval/handbook/query", '{"query":"x"}');
  await until(() => world.store.received.length === 1);
  fence({ collection: "handbook" });
  const response = await pending;
  expect([response.status, await response.json()]).toMatchObject([403, { code: "fenced" }]);
  await until(() => denied() && world.store.aborted() === 1);
});

test("a client that connects and says nothing isn't in the register", async () => {
  const socket = connect(world.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  expect(world.gateway.live.size).toBe(0);
  socket.destroy();
});
