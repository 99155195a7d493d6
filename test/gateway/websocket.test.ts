/** WebSocket on named routes: decided at the upgrade, relayed within limits, ended when it no longer holds. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway } from "../../gateway/main.js";
import type { GatewayMetrics } from "../../gateway/exchange.js";
import type { Gateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { upgradeCases } from "./routes.cases.js";
import type { FakeSidecar } from "./world.js";
import { allow, callerToken, deny, sendRaw, startFakeSidecar, subject, until } from "./world.js";

const key = "socket-key-77aa";
let sidecar: FakeSidecar;
let gateway: Gateway;
let port: number;
let config: { routes?: object };
let url: string;

/** An upstream that echoes, and remembers heads and messages. */
const heads: IncomingMessage[] = [];
const messages: string[] = [];
const peers = new Set<WebSocket>();
let greet: (peer: WebSocket) => void = () => undefined;
let answerRaw: ((socket: Socket) => void) | undefined;
const upstream = createServer((req, res) => {
  heads.push(req);
  res.writeHead(200).end("plain");
});
const server = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => [...offered][0] ?? false,
});
upstream.on("upgrade", (req, socket, head) => {
  heads.push(req);
  if (answerRaw !== undefined) {
    answerRaw(socket as Socket);
    return;
  }
  server.handleUpgrade(req, socket, head, (peer) => {
    peers.add(peer);
    peer.on("error", () => undefined);
    peer.on("close", () => peers.delete(peer));
    peer.on("message", (data, binary) => {
      messages.push(String(data));
      peer.send(data, { binary });
    });
    greet(peer);
  });
});

/** Starts a gateway; `answered` takes what it counts: kind and status. */
const begin = (answered: unknown[][] = []): Promise<Gateway> =>
  startGateway({
    config: config as unknown as Json,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    metrics: new Proxy({} as GatewayMetrics, {
      get:
        (_target, name) =>
        (...said: unknown[]) => {
          if (name === "gatewayAnswered") answered.push(said);
        },
    }),
  });

const place = { region: "eu", environment: "prod" };
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    upstream.listen(0, "127.0.0.1", resolve);
  });
  const base = {
    kind: "web",
    url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/base`,
    ...place,
  };
  sidecar = await startFakeSidecar();
  const limits = { max_message_bytes: 10_000, idle_ms: 60_000, ping_ms: 60_000, recheck_ms: 100_000 };
  config = {
    ...{
      listen: "127.0.0.1:0",
      sidecar: { socket: sidecar.socket, deadline_ms: 20_000 },
      allowed_origins: ["https://app.example"],
      routes: {
        ui: { ...base },
        lama: { ...base, kind: "ollama" },
        live: {
          ...base,
          api_key: { value: key },
          cookies: ["session"],
          headers: ["x-page"],
          websocket: {
            ...limits,
            subprotocols: ["chat.v1", "chat.v2"],
            max_connections: 3,
          },
        },
        idle: { ...base, websocket: { ...limits, idle_ms: 400, ping_ms: 100 } },
        mute: { ...base, websocket: { ...limits, ping_ms: 100 } },
        judged: { ...base, websocket: { ...limits, messages: "decide", answers: "decide" } },
        again: { ...base, websocket: { ...limits, recheck_ms: 100 } },
      },
    },
  };
  gateway = await begin();
  port = Number(new URL(gateway.address).port);
  url = gateway.address.replace("http", "ws");
});
afterAll(async () => {
  await gateway.close();
  await sidecar.close();
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(async () => {
  gateway.endConnections({});
  await until(() => peers.size === 0);
  sidecar.decide = allow;
  sidecar.asked.length = 0;
  sidecar.outcomes.length = 0;
  heads.length = 0;
  messages.length = 0;
  greet = () => undefined;
  answerRaw = undefined;
});

interface Client {
  readonly socket: WebSocket;
  readonly got: string[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

function start(
  path: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
  at = url,
): Client {
  const socket = new WebSocket(`${at}${path}`, protocols, {
    headers: { authorization: `Bearer ${callerToken}`, ...headers },
  });
  const got: string[] = [];
  socket.on("message", (data) => got.push(String(data)));
  socket.on("error", () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      resolve({ code, reason: String(reason) });
    });
  });
  return { socket, got, closed };
}

async function open(
  path: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
  at = url,
): Promise<Client> {
  const client = start(path, protocols, headers, at);
  await new Promise((resolve, reject) => client.socket.once("open", resolve).once("error", reject));
  return client;
}

/** What a refused client gets. */
const refusal = (
  path: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
  at = url,
): Promise<unknown> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${at}${path}`, protocols, {
      headers: { authorization: `Bearer ${callerToken}`, ...headers },
    });
    socket.on("error", () => undefined);
    socket.on("open", () => {
      resolve("open");
    });
    socket.on("unexpected-response", (_req, answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += String(chunk)));
      answer.on("end", () => {
        resolve({ status: answer.statusCode, ...(JSON.parse(text) as object) });
      });
    });
  });

describe("an upgrade", () => {
  test("is decided, then relayed; the upstream gets what the route chose, and the gateway's own key", async () => {
    greet = (peer) => {
      peer.send("welcome");
    };
    const client = await open("/routes/live/room?id=7", ["chat.v2", "token.abc", "chat.v1"], {
      cookie: "session=s1; other=o",
      "x-page": "1",
      "x-other": "2",
      origin: "https://app.example",
    });
    expect(client.socket.protocol).toBe("chat.v2");
    client.socket.send("hello");
    client.socket.send(Buffer.from([1, 2, 3]));
    await until(() => client.got.length === 3);
    expect(client.got).toEqual(["welcome", "hello", "\u0001\u0002\u0003"]);
    expect(sidecar.asked[0]?.calls).toEqual([
      {
        kind: "route",
        action: {
          name: "websocket.open",
          properties: { phase: "request", subprotocols: ["chat.v2", "chat.v1"], cookies: ["session"] },
        },
        resource: {
          type: "route",
          id: "live",
          properties: { route: "live", ...place, path: "/room", query: { names: ["id"], values: {} } },
        },
      },
    ]);
    const [head] = heads;
    expect(head?.url).toBe("/base/room?id=7");
    expect({ ...head?.headers, "sec-websocket-key": "", host: "" }).toEqual({
      ...{ "sec-websocket-key": "", host: "" },
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-protocol": "chat.v2,chat.v1",
      authorization: `Bearer ${key}`,
      cookie: "session=s1",
      "x-page": "1",
      "x-forwarded-prefix": "/routes/live",
    });
    client.socket.close(4001, "bye");
    expect((await client.closed).code).toBe(4001);
    await until(() => sidecar.outcomes.length === 1);
    expect(sidecar.outcomes).toMatchObject([{ kind: "route", outcome: "forwarded", status: 101, bytes: 15 }]);
  });

  test("that is denied reaches nobody", async () => {
    sidecar.decide = deny();
    expect(await refusal("/routes/live/room")).toMatchObject({
      status: 403,
      code: "denied",
      decision_id: "d-2",
    });
    expect(heads).toEqual([]);
  });

  test("without credentials is decided, too; the sidecar says who it is", async () => {
    sidecar.decide = () => ({ allow: true, subject: undefined as never });
    expect(await refusal("/routes/live/room")).toMatchObject({ status: 503 });
    expect(heads).toEqual([]);
  });

  test.each(upgradeCases.map((one) => [one.name, one] as const))(
    "is refused: %s",
    async (_name, { bytes, code }) => {
      const answer = await sendRaw(port, bytes);
      expect(answer).toContain(`"code":"${code ?? ""}"`);
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(sidecar.asked).toEqual([]);
      expect(heads).toEqual([]);
    },
  );

  test("that the upstream doesn't take is refused: a redirect, an answer, another subprotocol, a wrong key", async () => {
    const wrong = [
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ];
    for (const text of wrong) {
      answerRaw = (socket) => {
        socket.end(text);
      };
      expect(await refusal("/routes/live/room")).toMatchObject({ status: 502 });
    }
    expect(await refusal("/routes/live/room")).toMatchObject({ status: 502 });
    expect(heads).toHaveLength(5);
  });

  test("is refused past the most connections", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => open("/routes/live/room")));
    expect(await refusal("/routes/live/room")).toMatchObject({ code: "upgrade_refused" });
    for (const { socket } of clients) socket.close();
  });
});

test("each upgrade is counted once, when its connection has ended", async () => {
  const answered: unknown[][] = [];
  const own = await begin(answered);
  const at = own.address.replace("http", "ws");
  sidecar.decide = deny();
  await refusal("/routes/live/room", [], {}, at);
  await until(() => answered.length === 1);
  sidecar.decide = allow;
  const client = await open("/routes/live/room", [], {}, at);
  expect(answered).toEqual([["route", 403]]);
  client.socket.close();
  await until(() => answered.length === 2);
  expect(answered).toEqual([
    ["route", 403],
    ["route", 101],
  ]);
  await own.close();
});

describe("a connection", () => {
  test("has no extension, though the client offers one", async () => {
    const client = await open("/routes/live/room");
    expect(client.socket.extensions).toBe("");
    expect(heads[0]?.headers["sec-websocket-extensions"]).toBeUndefined();
  });

  test("takes messages up to their size, in fragments too", async () => {
    const client = await open("/routes/live/room");
    client.socket.send("x".repeat(10_000));
    await until(() => client.got.length === 1);
    client.socket.send("y".repeat(10_001));
    expect((await client.closed).code).toBe(1009);
    const other = await open("/routes/live/room");
    for (let i = 0; i < 11; i++) other.socket.send("z".repeat(1_000), { fin: false });
    expect((await other.closed).code).toBe(1009);
    expect(messages).toEqual(["x".repeat(10_000)]);
  });

  test("ends where an upstream says too much", async () => {
    greet = (peer) => {
      peer.send("x".repeat(10_001));
    };
    const client = await open("/routes/live/room");
    expect((await client.closed).code).toBe(1011);
    expect(client.got).toEqual([]);
  });

  const frame = (opcode: number, payload: Buffer, { fin = true, masked = true, rsv = 0 } = {}): Buffer => {
    const mask = randomBytes(4);
    const body = masked ? payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : payload;
    const length =
      payload.length < 126
        ? Buffer.from([(masked ? 0x80 : 0) | payload.length])
        : Buffer.from([(masked ? 0x80 : 0) | 126, payload.length >> 8, payload.length & 255]);
    return Buffer.concat([
      Buffer.from([(fin ? 0x80 : 0) | rsv | opcode]),
      length,
      ...(masked ? [mask] : []),
      body,
    ]);
  };
  const hi = Buffer.from("hi");
  const abuses: readonly (readonly [string, Buffer, number])[] = [
    ["a frame without a mask", frame(1, hi, { masked: false }), 1002],
    ["a continuation of nothing", frame(0, hi), 1002],
    ["a new message within another", Buffer.concat([frame(1, hi, { fin: false }), frame(1, hi)]), 1002],
    ["a reserved bit", frame(1, hi, { rsv: 0x40 }), 1002],
    ["an opcode that isn't", frame(3, hi), 1002],
    ["a control frame that is too long", frame(9, Buffer.alloc(126)), 1002],
    ["a control frame in fragments", frame(9, hi, { fin: false }), 1002],
    ["text that isn't UTF-8", frame(1, Buffer.from([0xff])), 1007],
    ["a close code that isn't", frame(8, Buffer.from([0x03, 0xed])), 1002],
    [
      "more fragments than are bearable",
      Buffer.concat([
        frame(1, Buffer.alloc(0), { fin: false }),
        ...Array.from({ length: 1_100 }, () => frame(0, Buffer.alloc(0), { fin: false })),
      ]),
      1008,
    ],
  ];
  test.each(abuses)("ends at %s, of which nothing reaches the upstream", async (_name, bytes, code) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    const done = new Promise((resolve) => socket.on("close", resolve));
    socket.write(
      [
        "GET /routes/live/room HTTP/1.1",
        "Host: x",
        `Authorization: Bearer ${callerToken}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
        "",
        "",
      ].join("\r\n"),
    );
    await until(() => Buffer.concat(chunks).includes("\r\n\r\n"));
    const head = Buffer.concat(chunks).toString("latin1");
    expect(head).toMatch(/^HTTP\/1\.1 101 [^]*x-countersign-decision-id: d-/i);
    chunks.length = 0;
    socket.write(bytes);
    await done;
    const answer = Buffer.concat(chunks);
    expect([answer[0], answer.readUInt16BE(2)]).toEqual([0x88, code]);
    expect(messages).toEqual([]);
    await until(() => peers.size === 0);
  });

  test("ends when nobody says anything, and goes on while the client answers pings", async () => {
    const idle = await open("/routes/idle/room");
    expect(await idle.closed).toEqual({ code: 1001, reason: "idle" });
  });

  test("ends with either side, whose code is passed on", async () => {
    greet = (peer) => {
      peer.close(4010, "upstream's own words");
    };
    const client = await open("/routes/live/room");
    expect(await client.closed).toEqual({ code: 4010, reason: "" });
    greet = (peer) => {
      peer.terminate();
    };
    const other = await open("/routes/live/room");
    expect((await other.closed).code).toBe(1011);
    greet = () => undefined;
    const gone = await open("/routes/live/room");
    await until(() => peers.size === 1);
    gone.socket.terminate();
    await until(() => peers.size === 0);
  });

  test("ends where a client gives no sign of life", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.resume();
    const done = new Promise((resolve) => socket.on("close", resolve));
    socket.write(
      [
        "GET /routes/mute/room HTTP/1.1",
        ...["Host: x", `Authorization: Bearer ${callerToken}`, "Connection: Upgrade", "Upgrade: websocket"],
        ...["Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, "", ""],
      ].join("\r\n"),
    );
    await done;
    await until(() => peers.size === 0);
  });

  test("ends where an upstream quotes the gateway's own key", async () => {
    greet = (peer) => {
      peer.send("hello");
      peer.send(`you sent Bearer ${key}`);
    };
    const client = await open("/routes/live/room");
    expect((await client.closed).code).toBe(1011);
    expect(client.got).toEqual(["hello"]);
  });

  test("outlives a change of the configuration; new ones come under the new one", async () => {
    const client = await open("/routes/live/room");
    const routes = Object.fromEntries(
      Object.entries(config.routes ?? {}).filter(([name]) => name !== "live"),
    );
    expect(await gateway.reload(() => ({ ...config, routes }) as unknown as Json)).toMatchObject({
      kind: "applied",
    });
    client.socket.send("still here");
    await until(() => client.got.length === 1);
    expect(await refusal("/routes/live/room")).toMatchObject({ status: 404, code: "unknown_route" });
    client.socket.close();
    await client.closed;
    expect(await gateway.reload(() => config as unknown as Json)).toMatchObject({ kind: "applied" });
  });

  test("is ended by decision or by subject, and by no other", async () => {
    const first = await open("/routes/live/room");
    const id = `d-${sidecar.decided()}`;
    const second = await open("/routes/live/room");
    const other = `d-${sidecar.decided()}`;
    expect(gateway.endConnections({ decisionId: "d-none" })).toBe(0);
    expect(gateway.endConnections({ subject: { id: "agent-1", tenant: "other" } })).toBe(0);
    expect(gateway.endConnections({ decisionId: id })).toBe(1);
    expect(await first.closed).toEqual({ code: 1008, reason: `fenced ${id}` });
    expect(second.socket.readyState).toBe(second.socket.OPEN);
    expect(gateway.endConnections({ subject })).toBe(1);
    expect(await second.closed).toEqual({ code: 1008, reason: `fenced ${other}` });
  });

  test("is decided anew, and ends when it is denied", async () => {
    const client = await open("/routes/again/room");
    await until(() => sidecar.asked.length >= 3);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    sidecar.decide = deny();
    const { code, reason } = await client.closed;
    expect([code, reason]).toEqual([1008, `denied d-${sidecar.decided()}`]);
  });

  test("waits where the upstream doesn't read", async () => {
    const client = await open("/routes/live/room");
    await until(() => peers.size === 1);
    for (const peer of peers) peer.pause();
    const one = "x".repeat(9_000);
    // one after the other, until one isn't taken: what lies between is bounded, and most of it is the system's
    let sent = 0;
    let taken = true;
    while (taken && sent < 12_000) {
      const written = new Promise<void>((resolve) => {
        client.socket.send(one, () => {
          resolve();
        });
      });
      sent++;
      taken = await Promise.race([
        written.then(() => true),
        new Promise<boolean>((resolve) => setTimeout(resolve, 500, false)),
      ]);
    }
    expect({ taken, most: sent < 12_000 }).toEqual({ taken: false, most: true });
    expect(messages).toEqual([]);
    for (const peer of peers) peer.resume();
    // however slow the machine is: as long as more comes
    while (client.got.length < sent) {
      const before = client.got.length;
      await until(() => client.got.length > before);
    }
    expect(client.got).toHaveLength(sent);
  }, 120_000);
});

describe("messages that are decided", () => {
  test("are sent as they were read; both ways", async () => {
    const client = await open("/routes/judged/room");
    client.socket.send('{"op" : "list", "n": 1.0}');
    await until(() => client.got.length === 1);
    expect(client.got).toEqual(['{"op":"list","n":1.0}']);
    expect(sidecar.asked.slice(1).map(({ calls }) => calls?.[0])).toMatchObject([
      {
        action: { name: "websocket.message", properties: { phase: "request", json: { op: "list" } } },
        resource: { type: "route", id: "judged", properties: { path: "/room" } },
      },
      { action: { name: "websocket.message", properties: { phase: "response" } } },
    ]);
  });

  test.each([
    ["a denied one", '{"op":"drop"}', 1008, /^denied d-\d+$/],
    ["one that is no JSON", "hello", 1008, /^invalid_json$/],
    ["one with a key twice", '{"op":"list","op":"drop"}', 1008, /^invalid_json$/],
    ["a binary one", Buffer.from([1]), 1003, /^invalid_request$/],
  ])("end the connection: %s, and what follows isn't sent", async (_name, message, code, reason) => {
    sidecar.decide = ({ action }) => ({
      allow: JSON.stringify(action.properties["json"] ?? null) !== '{"op":"drop"}',
    });
    const client = await open("/routes/judged/room");
    client.socket.send('{"op":"list"}');
    client.socket.send(message);
    client.socket.send('{"op":"after"}');
    const closed = await client.closed;
    expect(closed.code).toBe(code);
    expect(closed.reason).toMatch(reason);
    expect(messages).toEqual(['{"op":"list"}']);
  });
});
