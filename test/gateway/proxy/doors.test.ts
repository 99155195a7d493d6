import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createGatewayDoors } from "../../../cli/gateway-doors.js";
import type { Gateway } from "../../../gateway/main.js";
import { startGateway } from "../../../gateway/main.js";
import type { Json } from "../../../sidecar/contract.js";
import { authorityLines, createCa } from "../../identify/spiffe/ca.js";
import type { FakeSidecar } from "../fake-sidecar.js";
import { startFakeSidecar } from "../fake-sidecar.js";
import { host, run } from "./lab.js";

const ca = createCa();
const authority = ca.issue({ extensions: authorityLines, subject: "/CN=web" });
const own = ca.issue({
  by: authority,
  extensions: [`subjectAltName=DNS:localhost,DNS:${host},IP:127.0.0.1`],
});
const client = ca.issue({ by: authority, extensions: ["subjectAltName=URI:spiffe://acme.example/agent"] });
const server = createTlsServer({ cert: own.pem, key: own.keyPem }, (_req, res) => {
  res.end("hello");
});
let sidecar: FakeSidecar;
let gateway: Gateway;
let port: number;

beforeAll(async () => {
  sidecar = await startFakeSidecar();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: sidecar.socket, deadline_ms: 20_000 },
      forward_proxy: {
        listen: "127.0.0.1:0",
        tls: { cert_file: own.certFile, key_file: own.keyFile, client_certificates: "optional" },
        ports: [port],
        private_hosts: [host],
      },
    } as unknown as Json,
    log,
    doors: createGatewayDoors(log),
    resolve: () => Promise.resolve(["127.0.0.1"]),
  });
});
afterAll(async () => {
  await gateway.close();
  await sidecar.close();
  server.closeAllConnections();
  server.close();
  ca.remove();
});

test("curl speaks to the proxy over TLS, and proves itself by its certificate", async () => {
  const proxy = gateway.forwardProxy?.replace("127.0.0.1", "localhost") ?? "";
  expect(proxy).toMatch(/^https:/);
  const { code, out } = await run("curl", [
    ...["-sS", "--proxy", proxy, "--proxy-cacert", authority.certFile],
    ...["--proxy-cert", client.certFile, "--proxy-key", client.keyFile, "--cacert", authority.certFile],
    `https://${host}:${port}/`,
  ]);
  expect({ code, out }).toEqual({ code: 0, out: "hello" });
  const credentials = sidecar.asked[0]?.credentials;
  expect(credentials?.certificates?.[0]).toBe(client.der.toString("base64"));
  expect(credentials?.bearer).toBeUndefined();
});
