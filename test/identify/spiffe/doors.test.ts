/** Sidecar and gateway as they are started: who a client certificate makes of a caller, at each door. */
import { get as httpGet, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createGatewayDoors } from "../../../cli/gateway-doors.js";
import { sidecarOptions } from "../../../cli/sidecar.js";
import { startGateway, type Gateway } from "../../../gateway/main.js";
import type { Json } from "../../../sidecar/contract.js";
import { startSidecar, type Sidecar } from "../../../sidecar/main.js";
import {
  chatBody,
  json,
  startFakeSidecar,
  startUpstream,
  type FakeSidecar,
  type Served,
} from "../../gateway/world.js";
import { bundleCache, policies } from "../../world.js";
import { ec } from "../world.js";
import { authorityLines, createCa, digestOf, svidLines, type Issued } from "./ca.js";
import { createPki, workload } from "./x509-svid.cases.js";
import { base64, document, jwtEntry, jwtSvid, svidPayload, x509Entry } from "./world.js";

const ca = createCa();
const { root, intermediate, strangerRoot } = createPki(ca);
const webCa = ca.issue({ extensions: authorityLines, subject: "/CN=web" });
const server = ca.issue({ by: webCa, extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"] });
const agent = ca.issue({ by: intermediate, extensions: svidLines(workload) });
const pepId = "spiffe://acme.example/ns/edge/sa/gateway";
const pep = ca.issue({ by: root, extensions: svidLines(pepId) });
const stranger = ca.issue({ by: strangerRoot, extensions: svidLines(pepId) });
const plain = ca.issue({ extensions: ["basicConstraints=CA:FALSE"], subject: "/CN=client" });
const key = ec();
const bundle = ca.file("bundle.json", document([x509Entry(root), jwtEntry(key, "j1")]));
const pair = (...chain: [Issued, ...Issued[]]): ConnectionOptions => ({
  cert: chain.map(({ pem }) => pem).join(""),
  key: chain[0].keyPem,
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
function post(url: string, body: string, options: RequestOptions & ConnectionOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", ...options.headers };
    const ask = url.startsWith("https:") ? httpsRequest : httpRequest;
    const req = ask(url, { method: "POST", agent: false, ca: webCa.pem, ...options, headers }, (res) => {
      let text = "";
      res.on("data", (chunk: Buffer) => (text += chunk.toString()));
      res.on("end", () => {
        resolve({ status: res.statusCode ?? 0, body: JSON.parse(text || "{}") as Record<string, unknown> });
      });
    });
    req.on("error", reject);
    req.end(body);
  });
}

describe("the sidecar", () => {
  let open: Sidecar;
  const config = {
    identity: {
      spiffe: {
        trust_domains: [
          { name: "acme.example", tenants: ["acme"], attested: true, bundle: { file: bundle } },
        ],
        audience: ["countersign"],
      },
    },
    pep: { peers: [{ name: "edge", spiffe_id: pepId }] },
    decision_logs: { file: join(ca.directory, "decisions.jsonl") },
  };
  const start = (flags: Parameters<typeof sidecarOptions>[0], more: object = {}): Promise<Sidecar> => {
    const options = sidecarOptions(
      { bundle: [policies], "cache-dir": bundleCache, "log-level": "error", ...flags },
      "localhost:0",
    );
    return startSidecar({ ...options, config: { ...config, ...more } as unknown as Json });
  };
  const files = { "tls-cert-file": server.certFile, "tls-private-key-file": server.keyFile };
  beforeAll(async () => {
    open = await start(files, { server: { tls: { client_certificates: "optional" } } });
  });
  afterAll(() => open.close());
  const call = {
    kind: "model",
    action: { name: "model.invoke", properties: { phase: "request" } },
    resource: {
      type: "model",
      id: "gpt-4o",
      properties: { provider: "openai", region: "us", environment: "prod" },
    },
  };
  const context = { request: { id: "r-12345678", method: "POST", path: "/" } };
  const own = JSON.stringify({ context, call });
  const decide = (body: string, options: RequestOptions & ConnectionOptions = {}): Promise<Answer> =>
    post(`${open.addresses[0] ?? ""}/v1/decisions`, body, options);

  test("decides on a caller's own certificate", async () => {
    expect(open.addresses[0]).toMatch(/^https:/);
    const { status, body } = await decide(own, pair(agent, intermediate));
    expect([status, body["subject"]]).toEqual([
      200,
      expect.objectContaining({ id: workload, tenant: "acme" }),
    ]);
  });

  test("decides on a caller's own JWT-SVID", async () => {
    const headers = { authorization: `Bearer ${jwtSvid(key, svidPayload(Date.now()))}` };
    expect((await decide(own, { headers })).body["subject"]).toMatchObject({ id: workload });
  });

  test("refuses a certificate that doesn't hold, whatever comes with it", async () => {
    const headers = { authorization: `Bearer ${jwtSvid(key, svidPayload(Date.now()))}` };
    const { body } = await decide(own, { headers, ...pair(stranger, strangerRoot) });
    expect(body).toMatchObject({ allow: false, reasons: [{ code: "certificate_untrusted" }] });
  });

  const others = JSON.stringify({
    credentials: { certificates: base64(agent, intermediate) },
    context,
    call,
  });
  test("an enforcement point known by its SPIFFE id presents others' credentials; nobody else does", async () => {
    expect((await decide(others, pair(pep))).body["subject"]).toMatchObject({ id: workload });
    for (const one of [pair(agent, intermediate), pair(stranger), {}]) {
      expect((await decide(others, one)).body).toMatchObject({ code: "pep_unauthenticated" });
    }
  });

  test("--authentication=tls: only workloads of the trust domains get to any door over TLS", async () => {
    const closed = await start({
      ...files,
      authentication: "tls",
      "diagnostic-addr": ["http://localhost:0"],
    });
    const [url = "", probes = ""] = closed.addresses;
    const data = (options: ConnectionOptions): Promise<Answer> =>
      post(`${url}/v1/data/countersign/none`, "{}", options);
    expect(await data(pair(agent, intermediate))).toMatchObject({ status: 200 });
    expect(await data(pair(stranger))).toMatchObject({
      status: 401,
      body: { code: "certificate_untrusted" },
    });
    expect(await data(pair(plain))).toMatchObject({ status: 401, body: { code: "certificate_identity" } });
    await expect(data({})).rejects.toThrow();
    const status = await new Promise((resolve) =>
      httpGet(`${probes}/health`, (res) => resolve(res.resume().statusCode)),
    );
    expect(status).toBe(200);
    await closed.close();
  });

  test("--authentication=tls with --tls-ca-cert-file: the CAs say who, as in OPA", async () => {
    const flags = { ...files, authentication: "tls", "tls-ca-cert-file": strangerRoot.certFile };
    const closed = await start(flags);
    const url = `${closed.addresses[0] ?? ""}/v1/data/countersign/none`;
    expect((await post(url, "{}", pair(stranger))).status).toBe(200);
    await expect(post(url, "{}", pair(agent, intermediate))).rejects.toThrow();
    await closed.close();
  });

  test("doesn't start where nothing could say who is known", async () => {
    await expect(start({ ...files, authentication: "tls" }, { identity: {}, pep: {} })).rejects.toThrow(
      /CA file/,
    );
    expect(() => sidecarOptions({ authentication: "token" }, "localhost:0")).toThrow(/tls or off/);
    await expect(start({ addr: ["https://localhost:0"] })).rejects.toThrow(/needs a certificate/);
  });
});

describe("the gateway", () => {
  let gateway: Gateway;
  let sidecar: FakeSidecar;
  let model: Served;
  const socket = join(ca.directory, "proxy", "gateway.sock");
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  beforeAll(async () => {
    sidecar = await startFakeSidecar();
    model = await startUpstream((_req, res) => json(res, {}));
    gateway = await startGateway({
      config: {
        listen: "127.0.0.1:0",
        tls: { cert_file: server.certFile, key_file: server.keyFile, client_certificates: "optional" },
        proxies: [{ name: "envoy", socket }],
        sidecar: { socket: sidecar.socket, deadline_ms: 2_000 },
        upstreams: { main: { url: model.url } },
        models: { small: { upstream: "main", provider: "openai", region: "eu", environment: "prod" } },
      } as unknown as Json,
      log,
      doors: createGatewayDoors(log),
    });
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([sidecar.close(), model.close()]);
    ca.remove();
  });
  const chat = (options: RequestOptions & ConnectionOptions): Promise<Answer> =>
    post(`${gateway.address}/v1/chat/completions`, chatBody(), options);
  const xfcc = `Hash=${digestOf(agent.der, "hex")};Cert="${encodeURIComponent(agent.pem)}"`;

  test("passes on the certificates of its own handshake", async () => {
    expect(gateway.address).toMatch(/^https:/);
    expect((await chat(pair(agent, intermediate))).status).toBe(200);
    expect(sidecar.asked.at(-1)?.credentials).toEqual({ certificates: base64(agent, intermediate) });
    await chat({ headers: { authorization: "Bearer x" } });
    expect(sidecar.asked.at(-1)?.credentials).toEqual({ bearer: "x" });
  });

  test("over TCP a forwarded certificate refuses the request, with or without one of its own", async () => {
    const before = sidecar.asked.length;
    for (const one of [{}, pair(agent, intermediate)]) {
      const { status, body } = await chat({ ...one, headers: { "x-forwarded-client-cert": xfcc } });
      expect([status, JSON.stringify(body)]).toEqual([
        401,
        expect.stringContaining("forwarded_certificate_untrusted"),
      ]);
    }
    expect(sidecar.asked.length).toBe(before);
  });

  test("from a proxy's own socket it is passed on with the proxy's name", async () => {
    const headers = { "x-forwarded-client-cert": xfcc, host: "gateway" };
    const { status } = await post("http://gateway/v1/chat/completions", chatBody(), {
      socketPath: socket,
      headers,
    });
    expect(status).toBe(200);
    expect(sidecar.asked.at(-1)?.credentials).toEqual({ xfcc: { proxy: "envoy", value: xfcc } });
  });

  test("needs its doors for what is configured", async () => {
    const config = {
      sidecar: { socket: sidecar.socket },
      listen: "127.0.0.1:0",
      proxies: [{ name: "p", socket }],
    };
    await expect(startGateway({ config, log })).rejects.toThrow(/doors/);
  });
});
