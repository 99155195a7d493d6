/** Upgrades at every door: TLS, a local proxy's Unix socket; and towards an upstream with a certificate of its own. */
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import { createGatewayDoors } from "../../cli/gateway-doors.js";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { authorityLines, createCa } from "../identify/spiffe/ca.js";
import type { FakeSidecar } from "./world.js";
import { allow, callerToken, startFakeSidecar } from "./world.js";

const ca = createCa();
const webCa = ca.issue({ extensions: authorityLines, subject: "/CN=web" });
const otherCa = ca.issue({ extensions: authorityLines, subject: "/CN=other" });
const own = ca.issue({ by: webCa, extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"] });
const socketPath = join(ca.directory, "proxy", "gateway.sock");
const authorization = `Bearer ${callerToken}`;
let gateway: Gateway;
let sidecar: FakeSidecar;
const upstream = createTlsServer({ cert: own.pem, key: own.keyPem });
new WebSocketServer({ server: upstream }).on("connection", (peer) => {
  peer.on("message", (data) => {
    peer.send(String(data));
  });
});

beforeAll(async () => {
  sidecar = await startFakeSidecar();
  sidecar.decide = allow;
  await new Promise<void>((resolve) => {
    upstream.listen(0, "127.0.0.1", resolve);
  });
  const { port } = upstream.address() as AddressInfo;
  const route = (caFile: string): object => ({
    ...{ kind: "web", url: `https://127.0.0.1:${port}`, region: "eu", environment: "prod", websocket: {} },
    tls: { ca_file: caFile },
  });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      tls: { cert_file: own.certFile, key_file: own.keyFile },
      proxies: [{ name: "envoy", socket: socketPath }],
      sidecar: { socket: sidecar.socket, deadline_ms: 20_000 },
      routes: { live: route(webCa.certFile), distrusted: route(otherCa.certFile) },
    } as unknown as Json,
    log,
    doors: createGatewayDoors(log),
  });
});
afterAll(async () => {
  await gateway.close();
  await sidecar.close();
  upstream.closeAllConnections();
  upstream.close();
  ca.remove();
});

/** Says something, and gives what comes back; or why nothing does. */
function echo(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.on("unexpected-response", (_req, { statusCode }) => {
      resolve(statusCode);
    });
    socket.on("open", () => {
      socket.send("hello");
    });
    socket.on("message", (data) => {
      resolve(String(data));
      socket.close();
    });
  });
}

test("over TLS, to an upstream by its certificate", async () => {
  const url = gateway.address.replace("https:", "wss:");
  const options = { ca: webCa.pem, headers: { authorization } };
  expect(await echo(new WebSocket(`${url}/routes/live/a`, options))).toBe("hello");
  expect(await echo(new WebSocket(`${url}/routes/distrusted/a`, options))).toBe(502);
  expect(await echo(new WebSocket(`${url}/v1/models`, options))).toBe(400);
});

test("through a proxy's own socket", async () => {
  const options = { headers: { authorization } };
  expect(await echo(new WebSocket(`ws+unix://${socketPath}:/routes/live/a`, options))).toBe("hello");
  expect(await echo(new WebSocket(`ws+unix://${socketPath}:/v1/models`, options))).toBe(400);
});

test.each([
  [
    "TLS",
    () => connectTls({ port: Number(new URL(gateway.address).port), host: "127.0.0.1", ca: webCa.pem }),
  ],
  ["a Unix socket", () => connect(socketPath)],
] as const)("h2c is refused at %s, and the connection ended", async (_name, open) => {
  const socket = open();
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  socket.write(
    "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
  );
  await new Promise((resolve) => socket.on("close", resolve));
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain("upgrade_refused");
});

test("stopping ends live connections: they are told so", async () => {
  const url = gateway.address.replace("https:", "wss:");
  const socket = new WebSocket(`${url}/routes/live/a`, { ca: webCa.pem, headers: { authorization } });
  await new Promise((resolve) => socket.once("open", resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await gateway.close();
  expect(await closed).toBe(1001);
});
