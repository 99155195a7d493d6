/** Frames: many questions on one connection, and what a client of that door must not be able to do. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createFrameReader, frameKinds, framesProtocol } from "../../sidecar/contract.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly value: unknown;
}

interface Client {
  readonly socket: Socket;
  readonly frames: Frame[];
  /** Resolves once so many frames came. */
  until(count: number): Promise<readonly Frame[]>;
  /** Resolves once the sidecar has ended the connection. */
  readonly ended: Promise<void>;
}

const hello = (protocol = framesProtocol, path = "/v1/decisions", method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nHost: sidecar\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

function frame(kind: number, id: number, payload: unknown, length?: number): Buffer {
  const text = Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
  const head = Buffer.alloc(11);
  head.writeUInt32BE(length ?? text.length, 0);
  head.writeUInt8(kind, 4);
  head.writeUIntBE(id, 5, 6);
  return Buffer.concat([head, text]);
}

/** Connects and sends; what isn't the answer to the upgrade is read as frames. */
function open(...sent: readonly (string | Buffer)[]): Client {
  const frames: Frame[] = [];
  let wake = (): void => undefined;
  const socket = connect(join(world.directory, "pdp.sock"));
  const reader = createFrameReader(2 ** 24, (kind, id, payload) => {
    const text = payload.toString();
    // what is told of fences comes unasked
    if (kind === frameKinds.fences) return;
    frames.push({ kind, id, value: text === "" ? undefined : JSON.parse(text) });
    wake();
  });
  let head = "";
  socket.on("data", (chunk: Buffer) => {
    if (head.includes("\r\n\r\n")) {
      reader(chunk);
      return;
    }
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end >= 0 && end + 4 < head.length) reader(Buffer.from(head.slice(end + 4), "latin1"));
  });
  socket.on("error", () => undefined);
  for (const one of sent) socket.write(one);
  return {
    socket,
    frames,
    until: (count) =>
      new Promise((resolve) => {
        wake = () => {
          if (frames.length >= count) resolve(frames);
        };
        wake();
      }),
    ended: new Promise((resolve) => socket.on("end", resolve).on("close", resolve)),
  };
}

const question = (token: string, model = "gpt-4o-mini") => ({
  calls: [
    {
      kind: "model",
      action: { name: "model.invoke", properties: { phase: "request", stream: false } },
      resource: {
        type: "model",
        id: model,
        properties: { provider: "openai", region: "us", environment: "dev" },
      },
    },
  ],
  credentials: { bearer: token },
  context: {
    source: { ip: "10.0.0.1" },
    request: { id: "r-1", method: "POST", path: "/v1/chat/completions" },
  },
  obligations: [],
});
const outcome = (id: string) => ({
  decision_id: id,
  outcome: "forwarded",
  kind: "model",
  status: 200,
  duration_ms: 1,
});

test("questions and outcomes on one connection: as the door answers in HTTP, each by its id", async () => {
  const token = await world.issuer.token("analyst");
  const client = open(
    hello(),
    Buffer.concat([
      frame(frameKinds.question, 7, question(token)),
      frame(frameKinds.question, 9, question("no token")),
      frame(frameKinds.outcome, 10, outcome("d-1")),
      frame(frameKinds.outcome, 11, outcome("d-2")),
    ]),
  );
  const frames = await client.until(3);
  const answers = new Map(frames.map(({ kind, id, value }) => [`${kind}:${id}`, value]));
  expect([...answers.keys()].sort()).toEqual(["2:7", "2:9", "5:11"]);
  expect(answers.get("2:7")).toMatchObject({ decisions: [{ subject: { type: "workload" } }] });
  expect(answers.get("2:9")).toMatchObject({ decisions: [{ allow: false }] });
  client.socket.destroy();
});

test("frames may come in pieces of any size", async () => {
  const token = await world.issuer.token("analyst");
  const client = open(hello());
  const bytes = Buffer.concat([
    frame(frameKinds.question, 1, question(token)),
    frame(frameKinds.outcome, 2, outcome("d-3")),
    frame(frameKinds.question, 3, question(token)),
  ]);
  client.socket.setNoDelay(true);
  for (let at = 0; at < bytes.length; at += 97) {
    client.socket.write(bytes.subarray(at, at + 97));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const frames = await client.until(3);
  expect(frames.map(({ kind, id }) => `${kind}:${id}`).sort()).toEqual(["2:1", "2:3", "5:2"]);
  client.socket.destroy();
});

test("what was asked before the client's end is still answered", async () => {
  const client = open(hello());
  client.socket.end(frame(frameKinds.question, 5, question(await world.issuer.token("analyst"))));
  await client.ended;
  expect(client.frames.map(({ id }) => id)).toEqual([5]);
});

const bad: readonly { name: string; payload: unknown; kind?: number; code: string }[] = [
  { name: "no JSON", payload: "{", code: "invalid_json" },
  { name: "nothing", payload: "", code: "invalid_json" },
  { name: "a key twice", payload: '{"calls":[],"calls":[]}', code: "duplicate_key" },
  { name: "no question", payload: {}, code: "invalid_request" },
  { name: "an unknown field", payload: { ...question("t"), more: 1 }, code: "invalid_request" },
  {
    name: "an outcome that is none",
    payload: { decision_id: 1 },
    kind: frameKinds.outcome,
    code: "invalid_request",
  },
  { name: "a kind for clients", payload: "{}", kind: frameKinds.answer, code: "invalid_request" },
  { name: "an unknown kind", payload: "{}", kind: 250, code: "invalid_request" },
];

test.each(bad)("$name: refused by its id, and the connection goes on", async ({ payload, kind, code }) => {
  const client = open(hello(), frame(kind ?? frameKinds.question, 3, payload));
  const frames = await client.until(1);
  const refusal = frames.find(({ kind: one }) => one === frameKinds.refusal);
  expect(refusal).toMatchObject({ value: { code } });
  client.socket.write(frame(frameKinds.question, 4, question(await world.issuer.token("analyst"))));
  const seen = await client.until(kind === frameKinds.outcome ? 3 : 2);
  expect(seen.some((one) => one.kind === frameKinds.answer && one.id === 4)).toBe(true);
  client.socket.destroy();
});

test("a frame that is larger than any question ends the connection, told why", async () => {
  const client = open(hello(), frame(frameKinds.question, 1, "{}", 2 ** 32 - 1));
  await client.ended;
  expect(client.frames).toMatchObject([{ kind: frameKinds.refusal, value: { code: "body_too_large" } }]);
});

describe("who is not let in", () => {
  const first = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      socket.once("data", (chunk: Buffer) => {
        resolve(chunk.toString("latin1"));
        socket.destroy();
      });
    });

  test.each([
    { name: "another protocol", bytes: hello("websocket"), status: 400 },
    { name: "another path", bytes: hello(framesProtocol, "/v1/data"), status: 400 },
    { name: "another method", bytes: hello(framesProtocol, "/v1/decisions", "POST"), status: 405 },
  ])("$name: $status", async ({ bytes, status }) => {
    const socket = connect(join(world.directory, "pdp.sock"));
    socket.write(bytes);
    expect(await first(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test("a TCP door, where no enforcement point is known by its connection", async () => {
    const { hostname, port } = new URL(world.sidecarUrl);
    const socket = connect(Number(port), hostname);
    socket.write(hello().replace("Host: sidecar", "Host: localhost"));
    expect(await first(socket)).toMatch(/^HTTP\/1.1 405 /);
  });
});
