/** Handshakes: listeners with client certificates, key pairs that change, upstreams that must prove who they are. */
import { copyFileSync, writeFileSync } from "node:fs";
import { createServer, get, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { UpstreamConfig } from "../../../gateway/config.js";
import { createForwarder, type Forwarder } from "../../../gateway/forward/forward.js";
import { listen, parseAddress } from "../../../sidecar/api/listen.js";
import {
  Fields,
  peerCertificates,
  Problems,
  readListenerTls,
  readUpstreamTls,
  type Json,
} from "../../../sidecar/contract.js";
import { createTls, type TlsParts } from "../../../sidecar/tls.js";
import { startAgent, svidOf, type Agent } from "./agent.js";
import { authorityLines, createCa, svidLines, type Issued } from "./ca.js";
import { createPki, workload } from "./x509-svid.cases.js";
import { base64, until } from "./world.js";

const ca = createCa();
const { root, intermediate, strangerRoot, otherRoot } = createPki(ca);
const webCa = ca.issue({ extensions: authorityLines, subject: "/CN=web" });
const serverLines = ["subjectAltName=DNS:localhost,IP:127.0.0.1", "extendedKeyUsage=serverAuth"];
const server = ca.issue({ by: webCa, extensions: serverLines });
const client = ca.issue({ by: intermediate, extensions: svidLines(workload) });
const clientPair = { cert: client.pem + intermediate.pem, key: client.keyPem };
const closers: (() => unknown)[] = [];
let count = 0;
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => ca.remove());

const read = <T>(parse: (fields: Fields, problems: Problems) => T, value: unknown): T => {
  const problems = new Problems();
  const read = parse(new Fields(value as Json, "tls", problems), problems);
  if (problems.list.length > 0) throw new Error(problems.list.join("\n"));
  return read;
};
const openTls = (events: object[] = []): ReturnType<typeof createTls> => {
  const parts: TlsParts = { now: Date.now, onEvent: (event) => events.push(event) };
  const tls = createTls(parts);
  closers.push(tls.close);
  return tls;
};
const agentAt = async (state: Parameters<typeof startAgent>[1]): Promise<Agent> => {
  const agent = await startAgent(join(ca.directory, `tls-${(count += 1)}.sock`), state);
  closers.push(agent.stop);
  return agent;
};
const secretOf = (): never => {
  throw new Error("no upstream here has a key");
};

/** Listens with these settings; answers with the client's certificates. */
async function open(config: object, events: object[] = []): Promise<string> {
  const serve = await openTls(events).serve(read(readListenerTls, config));
  const listening = await listen(
    parseAddress("localhost:0"),
    (req, res) => res.end(JSON.stringify(peerCertificates(req.socket) ?? null)),
    { tls: serve },
  );
  closers.push(listening.close);
  expect(listening.address).toMatch(/^https:/);
  return listening.address;
}
const files = (issued: Issued = server): object => ({ cert_file: issued.certFile, key_file: issued.keyFile });

function ask(url: string, options: ConnectionOptions & { ca?: string } = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const req = get(url, { ca: webCa.pem, agent: false, ...options }, (res) => {
      let text = "";
      res.on("data", (chunk: Buffer) => (text += chunk.toString()));
      res.on("end", () => {
        resolve(JSON.parse(text));
      });
    });
    req.on("error", reject);
  });
}
function shake(url: string, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url);
    const socket = connect({ port: Number(port), host: "127.0.0.1", ca: webCa.pem, ...options }, () => {
      resolve(socket);
    });
    socket.on("error", reject);
    closers.push(() => socket.destroy());
  });
}

describe("a listener", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "%s: gives the client's chain, leaf first, in DER",
    async (version) => {
      const url = await open({ ...files(), client_certificates: "optional" });
      const versions = { minVersion: version, maxVersion: version };
      expect(await ask(url, { ...clientPair, ...versions })).toEqual(base64(client, intermediate));
      expect(await ask(url, versions)).toBeNull();
    },
  );

  test("takes no older version, and no cipher without forward secrecy", async () => {
    const url = await open(files());
    await expect(
      shake(url, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }),
    ).rejects.toThrow();
    await expect(shake(url, { maxVersion: "TLSv1.2", ciphers: "AES128-SHA" })).rejects.toThrow();
    expect((await shake(url, {})).getProtocol()).toBe("TLSv1.3");
  });

  test("asks for none unless told", async () => {
    expect(await ask(await open(files()), clientPair)).toBeNull();
  });

  test("required: who brings none gets no answer", async () => {
    const url = await open({ ...files(), client_certificates: "required" });
    await expect(ask(url)).rejects.toThrow();
    expect(await ask(url, clientPair)).toHaveLength(2);
  });

  test.each(["optional", "required"])(
    "with a CA file, %s: none of another CA gets an answer",
    async (wanted) => {
      const url = await open({ ...files(), client_certificates: wanted, ca_file: root.certFile });
      const stranger = ca.issue({ by: strangerRoot, extensions: svidLines(workload) });
      await expect(ask(url, { cert: stranger.pem, key: stranger.keyPem })).rejects.toThrow();
      expect(await ask(url, clientPair)).toHaveLength(2);
    },
  );

  test("resumes no session: each connection proves its key anew", async () => {
    const url = await open({ ...files(), client_certificates: "optional" });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      let session: Buffer | undefined;
      const first = await shake(url, { ...clientPair, maxVersion });
      first.on("session", (one) => (session = one));
      first.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      await new Promise((resolve) => first.once("data", resolve));
      session ??= first.getSession();
      const again = await shake(url, { maxVersion, ...(session === undefined ? {} : { session }) });
      expect(again.isSessionReused()).toBe(false);
      again.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      const answer = await new Promise<string>((resolve) =>
        again.once("data", (data) => resolve(String(data))),
      );
      expect(answer).toMatch(/null$/);
    }
  });

  test("a client can't present a certificate without its key", async () => {
    const url = await open({ ...files(), client_certificates: "optional" });
    const other = ca.issue({ by: root, extensions: svidLines("spiffe://acme.example/else") });
    await expect((async () => ask(url, { cert: client.pem, key: other.keyPem }))()).rejects.toThrow();
  });

  test("more certificates than are taken arrive as too many, not as fewer", async () => {
    const url = await open({ ...files(), client_certificates: "optional" });
    let by = root;
    const chain: Issued[] = [];
    for (let i = 0; i < 10; i++) {
      by = ca.issue({ by, extensions: authorityLines, subject: `/CN=${i}` });
      chain.unshift(by);
    }
    const leaf = ca.issue({ by, extensions: svidLines(workload) });
    const cert = [leaf, ...chain].map(({ pem }) => pem).join("");
    expect(await ask(url, { cert, key: leaf.keyPem })).toHaveLength(9);
  });

  test("its files may change; a key that doesn't fit leaves the last good pair", async () => {
    const events: { kind?: string }[] = [];
    const at = { certFile: ca.file("live.pem", server.pem), keyFile: ca.file("live.key", server.keyPem) };
    const url = await open({ cert_file: at.certFile, key_file: at.keyFile, refresh_seconds: 1 }, events);
    const served = async (): Promise<string> => (await shake(url, {})).getPeerCertificate().serialNumber;
    const before = await served();
    writeFileSync(at.keyFile, client.keyPem);
    await until(() => events.some(({ kind }) => kind === "tls_certificate_failed"));
    expect(await served()).toBe(before);
    const next = ca.issue({ by: webCa, extensions: serverLines });
    copyFileSync(next.keyFile, at.keyFile);
    copyFileSync(next.certFile, at.certFile);
    await until(() => events.some(({ kind }) => kind === "tls_certificate_changed"));
    expect(await served()).not.toBe(before);
  });

  test("serves our own SVID, and its successor", async () => {
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    const agent = await agentAt({ svids: [svidOf(workload, one)] });
    const url = await open({ workload_api: `unix://${agent.socket}` });
    const served = async (): Promise<string> =>
      (await shake(url, { rejectUnauthorized: false })).getPeerCertificate().raw.toString("base64");
    expect([await served()]).toEqual(base64(one));
    const two = ca.issue({ by: root, extensions: svidLines(workload) });
    agent.set({ svids: [svidOf(workload, two)] });
    await until(async () => (await served()) === base64(two)[0]);
  });

  test("serves our own SVID, and holds clients to a CA file", async () => {
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    const agent = await agentAt({ svids: [svidOf(workload, one)] });
    const held = { client_certificates: "optional", ca_file: otherRoot.certFile };
    const url = await open({ workload_api: `unix://${agent.socket}`, ...held });
    const other = ca.issue({ by: otherRoot, extensions: svidLines("spiffe://other.example/a") });
    const loose = { rejectUnauthorized: false };
    expect(await ask(url, { ...loose, cert: other.pem, key: other.keyPem })).toEqual(base64(other));
    await expect(ask(url, { ...loose, ...clientPair })).rejects.toThrow();
  });

  test.each<[string, () => object, RegExp]>([
    ["files that aren't there", () => ({ cert_file: "/no/cert", key_file: server.keyFile }), /no\/cert/],
    [
      "another certificate's key",
      () => ({ cert_file: server.certFile, key_file: client.keyFile }),
      /is not that of/,
    ],
    [
      "an agent with nothing for us",
      () => ({ workload_api: `unix://${join(ca.directory, "none.sock")}` }),
      /no X.509-SVID/,
    ],
    ["a key without a certificate", () => ({ key_file: server.keyFile }), /cert_file and key_file/],
    [
      "CAs that nobody is asked for",
      () => ({ ...files(), ca_file: root.certFile }),
      /needs client_certificates/,
    ],
  ])("doesn't start with %s", async (_name, config, problem) => {
    await expect((async () => open(config()))()).rejects.toThrow(problem);
  });

  test("https:// needs a certificate; http:// has none", async () => {
    const answer = (): void => undefined;
    await expect(listen(parseAddress("https://localhost:0"), answer)).rejects.toThrow(/needs a certificate/);
    const tls = await openTls().serve(read(readListenerTls, files()));
    const plain = await listen(parseAddress("http://localhost:0"), answer, { tls });
    closers.push(plain.close);
    expect(plain.address).toMatch(/^http:/);
  });
});

describe("towards an upstream", () => {
  const upstreamId = "spiffe://acme.example/model";
  interface Upstream {
    readonly url: string;
    readonly clients: (string | undefined)[];
  }
  /** An upstream that remembers whose certificate it was shown. */
  const startUpstream = async (own: Issued, clientCa: string, chain = own.pem): Promise<Upstream> => {
    const clients: (string | undefined)[] = [];
    const options = {
      cert: chain,
      key: own.keyPem,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const upstream: Server = createServer(options, (req, res) => {
      clients.push(peerCertificates(req.socket)?.[0]);
      req.resume();
      res.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      upstream.closeAllConnections();
      upstream.close();
    });
    return { url: `https://localhost:${(upstream.address() as AddressInfo).port}`, clients };
  };
  const forwarderTo = async (url: string, config: object) => {
    const tls = read(readUpstreamTls, config);
    const timeouts = { connectTimeoutMs: 2_000, headersTimeoutMs: 2_000, bodyTimeoutMs: 2_000 };
    const upstream: UpstreamConfig = { url: new URL(url), protocol: "openai", tls, ...timeouts };
    const connect = await openTls().connect(tls);
    const forwarder: Forwarder = createForwarder({ secretOf, tlsOf: () => connect });
    closers.push(forwarder.close);
    return async (): Promise<string> => {
      const signal = new AbortController().signal;
      const forwarded = await forwarder.forward({
        upstream,
        method: "POST",
        path: "/",
        assertion: undefined,
        body: "{}",
        signal,
      });
      if (forwarded.kind !== "answered") return forwarded.kind === "failed" ? forwarded.code : forwarded.kind;
      await forwarded.body.dump();
      return String(forwarded.status);
    };
  };

  test("files: shows our certificate, and a new one when they change", async () => {
    const upstream = await startUpstream(server, root.pem);
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    const at = { cert_file: ca.file("up.pem", one.pem), key_file: ca.file("up.key", one.keyPem) };
    const forward = await forwarderTo(upstream.url, { ...at, ca_file: webCa.certFile, refresh_seconds: 1 });
    expect(await forward()).toBe("200");
    expect(upstream.clients).toEqual(base64(one));
    const two = ca.issue({ by: root, extensions: svidLines(workload) });
    copyFileSync(two.keyFile, at.key_file);
    copyFileSync(two.certFile, at.cert_file);
    await until(async () => (await forward()) === "200" && upstream.clients.at(-1) === base64(two)[0]);
  });

  test("files: an upstream of another CA gets no request", async () => {
    const upstream = await startUpstream(server, root.pem);
    const forward = await forwarderTo(upstream.url, { ca_file: otherRoot.certFile });
    expect(await forward()).toBe("upstream_unavailable");
    expect(upstream.clients).toEqual([]);
  });

  const asWorkload = async (peer_id = upstreamId) => {
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    const agent = await agentAt({
      svids: [svidOf(workload, one)],
      x509: { "spiffe://acme.example": root.der, "spiffe://other.example": otherRoot.der },
      jwt: {},
    });
    return { one, agent, config: { workload_api: `unix://${agent.socket}`, peer_id } };
  };

  test("as a workload: both prove their SPIFFE ids, whatever the host is called; ours rotates", async () => {
    const upstream = await startUpstream(ca.issue({ by: root, extensions: svidLines(upstreamId) }), root.pem);
    const { one, agent, config } = await asWorkload();
    const forward = await forwarderTo(upstream.url, config);
    expect(await forward()).toBe("200");
    expect(upstream.clients).toEqual(base64(one));
    const two = ca.issue({ by: root, extensions: svidLines(workload) });
    agent.set({ svids: [svidOf(workload, two)] });
    await until(async () => (await forward()) === "200" && upstream.clients.at(-1) === base64(two)[0]);
  });

  test.each<[string, () => Issued]>([
    [
      "another workload of the trust domain",
      () => ca.issue({ by: root, extensions: svidLines("spiffe://acme.example/model2") }),
    ],
    ["its id by an unknown CA", () => ca.issue({ by: strangerRoot, extensions: svidLines(upstreamId) })],
    [
      "its id by a federated trust domain's CA",
      () => ca.issue({ by: otherRoot, extensions: svidLines(upstreamId) }),
    ],
    ["a certificate of the web", () => server],
  ])("as a workload: %s gets no request", async (_name, own) => {
    const upstream = await startUpstream(own(), root.pem);
    const forward = await forwarderTo(upstream.url, (await asWorkload()).config);
    expect(await forward()).toBe("upstream_unavailable");
    expect(upstream.clients).toEqual([]);
  });

  test("as a workload: the upstream's chain may have intermediates", async () => {
    const own = ca.issue({ by: intermediate, extensions: svidLines(upstreamId) });
    const upstream = await startUpstream(own, root.pem, own.pem + intermediate.pem);
    const forward = await forwarderTo(upstream.url, (await asWorkload()).config);
    expect(await forward()).toBe("200");
    expect(await forward()).toBe("200");
  });

  test("as a workload: an authority that the agent drops ends the connections that it vouched for", async () => {
    const upstream = await startUpstream(ca.issue({ by: root, extensions: svidLines(upstreamId) }), root.pem);
    const { agent, config } = await asWorkload();
    const forward = await forwarderTo(upstream.url, config);
    expect(await forward()).toBe("200");
    agent.set({ x509: { "spiffe://acme.example": otherRoot.der } });
    await until(async () => (await forward()) === "upstream_unavailable");
  });

  test("settings that contradict are refused", () => {
    const fails =
      (value: object): (() => unknown) =>
      () =>
        read(readUpstreamTls, value);
    expect(fails({ peer_id: upstreamId })).toThrow(/cert_file and key_file/);
    expect(fails({ workload_api: "unix:///s" })).toThrow(/say who the upstream is/);
    expect(fails({ workload_api: "unix:///s", peer_id: "spiffe://a/b", ca_file: "x" })).toThrow(
      /bundle says/,
    );
    expect(fails({ ...files(), peer_id: upstreamId })).toThrow(/needs workload_api/);
    expect(fails({ cert_file: "x" })).toThrow(/cert_file and key_file/);
  });

  test("without its settings opened, an upstream is never asked", async () => {
    const upstream = await startUpstream(server, root.pem);
    const config: UpstreamConfig = {
      url: new URL(upstream.url),
      protocol: "openai",
      tls: { kind: "files", refreshSeconds: 1 },
      ...{ connectTimeoutMs: 500, headersTimeoutMs: 500, bodyTimeoutMs: 500 },
    };
    const forwarder = createForwarder({ secretOf, tlsOf: () => undefined });
    const signal = new AbortController().signal;
    const ask = { upstream: config, method: "POST", path: "/", assertion: undefined, signal } as const;
    expect(await forwarder.forward(ask)).toMatchObject({ code: "upstream_unavailable" });
    await forwarder.close();
  });
});
