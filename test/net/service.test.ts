/** How services are asked: by real servers, over TLS and without, that are honest and that aren't. */
import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcpServer, type Server } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Credentials, ServiceConfig } from "../../sidecar/net/service/config.js";
import type { Service, ServiceParts, ServiceRequest } from "../../sidecar/net/service/service.js";
import { createService } from "../../sidecar/net/service/service.js";
import { authorityLines, createCa, type Issued } from "../identify/spiffe/ca.js";

const ca = createCa();
const authority = ca.issue({ subject: "/O=authority", extensions: authorityLines });
const [serverPair, first, second] = [0, 1, 2].map((n) =>
  ca.issue({
    ...{ by: authority, subject: `/O=number ${n}` },
    extensions: ["basicConstraints=CA:FALSE", "subjectAltName=DNS:service.test,IP:127.0.0.1"],
  }),
) as [Issued, Issued, Issued];

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
  readonly port: number | undefined;
}

interface World {
  readonly url: string;
  readonly seen: Seen[];
  readonly server: Server;
}

const servers: Server[] = [];
const sockets = new Set<Socket>();
const services: Service[] = [];

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function serve(answer: RequestListener, tls = false): Promise<World> {
  const seen: Seen[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url = "", headers, socket } = request;
    const peer = tls ? (socket as TLSSocket).getPeerCertificate().subject?.O : "";
    seen.push({ method, url, headers, peer: String(peer ?? ""), port: socket.remotePort });
    answer(request, response);
  };
  const options = { key: serverPair.keyPem, cert: serverPair.pem, ca: authority.pem, requestCert: true };
  const server = tls
    ? createTlsServer({ ...options, rejectUnauthorized: false }, listener)
    : createServer(listener);
  const port = await listen(server);
  return { url: `${tls ? "https" : "http"}://127.0.0.1:${port}`, seen, server };
}

/** A server that writes what no HTTP library would. */
async function serveRaw(answer: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.once("data", () => answer(socket));
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

function serviceAt(url: string, more: Partial<ServiceConfig> = {}, parts: ServiceParts = {}): Service {
  const service = createService(
    {
      ...{ name: "acme", url, type: "http", headers: {}, responseHeaderTimeoutMs: 20_000 },
      ...{ credentials: { kind: "none" } },
      ...more,
    },
    parts,
  );
  services.push(service);
  return service;
}

const ask = (service: Service, more: Partial<ServiceRequest> = {}) =>
  service.request({ path: "bundles/one", maxBytes: 1_000, timeoutMs: 20_000, ...more });
const textOf = (answer: Awaited<ReturnType<typeof ask>>): string =>
  answer.kind === "answered"
    ? `${answer.status} ${Buffer.from(answer.bytes).toString()}`
    : `${answer.fault}: ${answer.message}`;
const fine: RequestListener = (_request, response) => void response.end("fine");
const bearer = (more: object): Credentials => ({ kind: "bearer", scheme: "Bearer", ...more });

beforeAll(() => expect(serverPair.pem).toContain("BEGIN CERTIFICATE"));
afterEach(() => {
  for (const service of services.splice(0)) service.close();
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  ca.remove();
});

describe("a service", () => {
  test("is asked below its URL, with its headers, over connections that are kept", async () => {
    const { url, seen } = await serve(fine);
    const service = serviceAt(`${url}/v1`, { headers: { "X-Team": "blue" } });
    expect(textOf(await ask(service, { path: "/bundles/one?x=1", headers: { Prefer: "p" } }))).toBe(
      "200 fine",
    );
    expect(textOf(await ask(service, { path: "../../..//evil.test/" }))).toBe("200 fine");
    expect(
      textOf(await ask(service, { path: "@evil.test:1/", method: "POST", body: Buffer.from("b") })),
    ).toBe("200 fine");
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /v1/bundles/one?x=1",
      "GET //evil.test/",
      "POST /v1/@evil.test:1/",
    ]);
    expect(seen[0]?.headers).toMatchObject({ "x-team": "blue", prefer: "p", "accept-encoding": "identity" });
    expect(seen[0]?.headers).not.toHaveProperty("authorization");
    expect(new Set(seen.map(({ port }) => port)).size).toBe(1);
  });

  test("is asked again where a connection that was kept has ended meanwhile", async () => {
    const { url, seen } = await serve((request, response) => {
      // ends at the second request, as a server does whose time for it is over
      if (seen.length === 2) request.socket.destroy();
      else response.end("fine");
    });
    const service = serviceAt(url);
    expect([textOf(await ask(service)), textOf(await ask(service))]).toEqual(["200 fine", "200 fine"]);
    expect(seen.length).toBe(3);
  });

  test("proves who it is by a certificate, whatever the environment says", async () => {
    const { url } = await serve(fine, true);
    expect(textOf(await ask(serviceAt(url, { ca: authority.pem })))).toBe("200 fine");
    expect(textOf(await ask(serviceAt(url)))).toMatch(/^certificate: .*tls\.ca_cert/);
    const named = { ca: authority.pem };
    const lookup = () => Promise.resolve(["127.0.0.1"]);
    const { port } = new URL(url);
    const at = (name: string) => ask(serviceAt(`https://${name}:${port}`, named, { lookup }));
    expect(textOf(await at("service.test"))).toBe("200 fine");
    expect(textOf(await at("other.test"))).toMatch(/^certificate: .*ALTNAME/);
  });

  test("is told no secret in the clear beyond this machine", () => {
    const at = (url: string, more: Partial<ServiceConfig>) => () => serviceAt(url, more);
    const token = { credentials: bearer({ token: "secret" }) };
    expect(at("http://service.test", token)).toThrow(/services\.acme: must be https: credentials\.bearer/);
    expect(at("http://10.0.0.1", token)).toThrow(/allow_plaintext/);
    expect(at("http://service.test", { headers: { Authorization: "x" } })).toThrow(
      /the header Authorization/,
    );
    expect(at("http://127.0.0.1.evil.test", token)).toThrow(/must be https/);
    expect(at("http://service.test", { ...token, allowPlaintext: true })).not.toThrow();
    expect(at("http://localhost:1", token)).not.toThrow();
    expect(at("http://service.test", {})).not.toThrow();
    expect(at("http://localhost", { headers: { Host: "x" } })).toThrow(/Host is set by the connection/);
    expect(at("http://localhost", { headers: { a: "secret\r\nb: c" } })).toThrow(/^(?!.*secret)/);
  });

  test("isn't looked for at a cloud's metadata where nothing proves who answers", async () => {
    const lookup = () => Promise.resolve(["169.254.169.254"]);
    expect(textOf(await ask(serviceAt("http://service.test", {}, { lookup })))).toMatch(/^address: /);
  });
});

describe("redirects", () => {
  test("are followed within the origin, with credentials, and no further", async () => {
    const other = await serve(fine);
    const token = bearer({ token: "secret" });
    const to = (location: string, status = 302) =>
      serve((request, response) => {
        if (request.url === "/there") response.end("there");
        else response.writeHead(status, { location }).end();
      });
    const here = await to("/there", 307);
    expect(textOf(await ask(serviceAt(here.url, { credentials: token })))).toBe("200 there");
    expect(here.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer secret", "Bearer secret"]);
    const places = [
      other.url,
      "http://169.254.169.254/latest/meta-data",
      "//evil.test/x",
      "file:///etc/passwd",
    ];
    for (const place of [...places, "javascript:alert(1)"]) {
      const { url, seen } = await to(place);
      expect(textOf(await ask(serviceAt(url, { credentials: token })))).toMatch(
        /^redirect: .*another origin/,
      );
      expect(seen.length).toBe(1);
    }
    expect(other.seen).toEqual([]);
    // the same host without TLS is another origin, too
    const secure = await serve((_request, response) => {
      response.writeHead(302, { location: other.url.replace(/:\d+$/, "") }).end();
    }, true);
    expect(textOf(await ask(serviceAt(secure.url, { ca: authority.pem })))).toMatch(/^redirect: /);
  });

  test("end, and aren't followed with a body; or are given as they are", async () => {
    const { url, seen } = await serve((_request, response) => {
      response.writeHead(302, { location: "/again" }).end();
    });
    expect(textOf(await ask(serviceAt(url)))).toMatch(/^redirect: .*more than 3/);
    expect(seen.length).toBe(4);
    expect(textOf(await ask(serviceAt(url), { method: "POST", body: Buffer.from("x") }))).toMatch(
      /^redirect: /,
    );
    expect(await ask(serviceAt(url), { redirects: "answer" })).toMatchObject({ status: 302 });
    expect(seen.length).toBe(6);
  });
});

describe("an answer", () => {
  const packed =
    (body: string | Buffer, encoding = "gzip"): RequestListener =>
    (_request, response) => {
      response.writeHead(200, { "content-encoding": encoding }).end(body);
    };
  test.each<[string, RegExp, RequestListener]>([
    ["in pieces", /^200 ab$/, (_r, response) => (response.write("a"), response.end("b"))],
    ["packed though nobody asked for it", /^200 unpacked$/, packed(gzipSync("unpacked"))],
    ["a bomb", /^too_large: /, packed(gzipSync(Buffer.alloc(50_000_000)))],
    ["packed in another way", /^malformed: .*content-encoding/, packed("x", "br")],
    ["packed only as it says", /^malformed: .*gzip/, packed("x")],
    ["cut within what is packed", /^malformed: /, packed(gzipSync("unpacked").subarray(0, 15))],
    ["too long by its header", /^too_large: /, (_r, response) => void response.end(Buffer.alloc(1_001))],
    [
      "an error, of which only the begin is read",
      /^500 x{1000}$/,
      (_r, response) => {
        response.writeHead(500).end("x".repeat(100_000));
      },
    ],
    ["nothing", /^timeout: it doesn't answer within 0\.2 s/, () => undefined],
    [
      "another protocol",
      /^malformed: /,
      (_r, response) => {
        response.writeHead(101, { upgrade: "x", connection: "upgrade" }).end();
      },
    ],
  ])("that is %s", async (_name, expected, answer) => {
    const { url } = await serve(answer);
    const hasty = String(expected).includes("timeout") ? { headerTimeoutMs: 200 } : {};
    expect(textOf(await ask(serviceAt(url), hasty))).toMatch(expected);
  });

  const head = "HTTP/1.1 200 OK\r\n";
  const endless = (socket: Socket, piece: string): void => {
    const more = (): void => {
      while (socket.writable && socket.write(piece));
    };
    socket.on("drain", more);
    more();
  };
  test.each<[string, RegExp, (socket: Socket) => void]>([
    [
      "shorter than it says",
      /^truncated: /,
      (socket) => void socket.end(`${head}content-length: 9\r\n\r\nabc`),
    ],
    [
      "cut within a chunk",
      /^truncated: /,
      (socket) => {
        socket.end(`${head}transfer-encoding: chunked\r\n\r\n9\r\nabc`);
      },
    ],
    [
      "without end",
      /^too_large: /,
      (socket) => {
        socket.write(`${head}\r\n`);
        endless(socket, "x".repeat(60_000));
      },
    ],
    [
      "said to be huge",
      /^too_large: /,
      (socket) => void socket.write(`${head}content-length: 10000000000\r\n\r\n`),
    ],
    [
      "headers without end",
      /^malformed: .*HPE_HEADER_OVERFLOW/,
      (socket) => {
        socket.write(head);
        endless(socket, `x-filler: ${"x".repeat(1_000)}\r\n`);
      },
    ],
    [
      "provisional answers without end",
      /^timeout: /,
      (socket) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 20);
        socket.on("close", () => clearInterval(timer));
      },
    ],
    [
      "two lengths",
      /^malformed: /,
      (socket) => {
        socket.end(`${head}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`);
      },
    ],
    ["no HTTP", /^malformed: /, (socket) => void socket.end("SSH-2.0-x\r\n")],
    [
      "a byte now and then",
      /^timeout: its answer isn't complete/,
      (socket) => {
        socket.write(`${head}content-length: 500\r\n\r\n`);
        const timer = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => clearInterval(timer));
      },
    ],
    ["the end of the connection", /^unreachable: .*ECONNRESET/, (socket) => void socket.destroy()],
  ])("that is %s", async (_name, expected, answer) => {
    const url = await serveRaw(answer);
    const hasty = String(expected).includes("timeout") ? { headerTimeoutMs: 3_000, timeoutMs: 3_500 } : {};
    expect(textOf(await ask(serviceAt(url), hasty))).toMatch(expected);
  });

  test("isn't waited for any longer once nobody wants it", async () => {
    const { url } = await serve(() => undefined);
    const stop = new AbortController();
    const service = serviceAt(url);
    const waiting = ask(service, { signal: stop.signal });
    stop.abort();
    expect(textOf(await waiting)).toMatch(/^stopped/);
    const other = ask(service);
    service.close();
    expect(textOf(await other)).toMatch(/^stopped/);
    expect(textOf(await ask(serviceAt("http://127.0.0.1:1")))).toMatch(/^unreachable: .*ECONNREFUSED/);
  });
});

describe("credentials", () => {
  test("a token is read from its file for each request", async () => {
    const { url, seen } = await serve(fine);
    const tokenPath = ca.file("token", "one\n");
    const service = serviceAt(url, { credentials: bearer({ tokenPath, scheme: "Token" }) });
    await ask(service);
    writeFileSync(tokenPath, "two");
    await ask(service);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Token one", "Token two"]);
  });

  test("a file that holds no token is told by its name, and nothing is asked", async () => {
    const { url, seen } = await serve(fine);
    const fifo = join(ca.directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    const places: [string, RegExp][] = [
      [join(ca.directory, "absent"), /absent can't be read \(ENOENT\)/],
      [ca.directory, /is no plain file/],
      [fifo, /is no plain file/],
      ["/dev/zero", /is no plain file/],
      [ca.file("huge", "x".repeat(300_000)), /huge is larger than/],
      [ca.file("empty", "\n"), /holds no token/],
      [ca.file("lines", "secret\r\nx-evil: 1"), /holds no token/],
    ];
    for (const [tokenPath, expected] of places) {
      const text = textOf(await ask(serviceAt(url, { credentials: bearer({ tokenPath }) })));
      expect(text).toMatch(/^credentials: token_path /);
      expect(text).toMatch(expected);
      expect(text).not.toContain("secret");
    }
    expect(seen).toEqual([]);
  });

  test("a certificate is presented, and the one that has replaced it from then on", async () => {
    const { url, seen } = await serve(fine, true);
    const [cert, privateKey] = [ca.file("client.pem", first.pem), ca.file("client.key", first.keyPem)];
    const service = serviceAt(url, {
      ca: authority.pem,
      credentials: { kind: "client_tls", cert, privateKey },
    });
    await ask(service);
    // half of a change: the pair doesn't fit
    renameSync(ca.file("next.pem", second.pem), cert);
    await ask(service);
    renameSync(ca.file("next.key", second.keyPem), privateKey);
    await ask(service);
    expect(seen.map(({ peer }) => peer)).toEqual(["number 1", "number 1", "number 2"]);
  });

  test("a key may be encrypted; one of another certificate is refused", async () => {
    const { url, seen } = await serve(fine, true);
    const privateKey = join(ca.directory, "encrypted.key");
    const how = ["pkcs8", "-topk8", "-in", first.keyFile, "-out", privateKey, "-passout", "pass:opensesame"];
    execFileSync("openssl", how);
    const with_ = (more: object) =>
      ask(
        serviceAt(url, {
          ca: authority.pem,
          credentials: { kind: "client_tls", cert: first.certFile, privateKey, ...more },
        }),
      );
    expect(textOf(await with_({ passphrase: "opensesame" }))).toBe("200 fine");
    expect(seen[0]?.peer).toBe("number 1");
    expect(textOf(await with_({ passphrase: "wrong" }))).toMatch(/^credentials: client_tls/);
    expect(textOf(await with_({ privateKey: second.keyFile }))).toMatch(
      /^credentials: .*another certificate/,
    );
    expect(seen.length).toBe(1);
  });

  test("a request to S3 is signed, and again where it is redirected", async () => {
    const { url, seen } = await serve((request, response) => {
      if (request.url === "/moved") response.end("fine");
      else response.writeHead(307, { location: "/moved" }).end();
    });
    const credentials: Credentials = {
      ...{ kind: "s3_signing", service: "s3", region: "eu-1" },
      ...{ accessKeyId: "AKID", secretAccessKey: "secret" },
    };
    const service = serviceAt(url, { credentials }, { now: () => 0 });
    expect(textOf(await ask(service))).toBe("200 fine");
    const [first = "", second = ""] = seen.map(({ headers }) => headers.authorization);
    expect(first).toContain("Credential=AKID/19700101/eu-1/s3/aws4_request, SignedHeaders=host;x-amz-");
    expect(second).not.toBe(first);
    const missing = { kind: "s3_signing", service: "s3" } as const;
    expect(() => serviceAt(url, { credentials: missing })).toThrow(
      "services.acme: s3_signing needs AWS_REGION in the environment",
    );
  });
});

describe("OAuth client credentials", () => {
  let now = 0;
  const clock = () => now;
  const grant =
    (more: object = {}): RequestListener =>
    (_request, response) => {
      const token = {
        access_token: `token ${now}`.replace(" ", "-"),
        token_type: "Bearer",
        expires_in: 100,
        ...more,
      };
      response.setHeader("content-type", "application/json").end(JSON.stringify(token));
    };
  const oauth = (
    tokenUrl: string,
    more: Partial<Extract<Credentials, { kind: "oauth2" }>> = {},
  ): Credentials => ({
    ...{ kind: "oauth2", tokenUrl, clientId: "me:", clientSecret: "s3cr&t~", scopes: ["a", "b"] },
    ...more,
  });

  test("a token is had once for all who wait, and again shortly before it expires", async () => {
    now = 0;
    let form = "";
    const tokens = await serve((request, response) => {
      form = "";
      request.on("data", (chunk: Buffer) => (form += chunk.toString()));
      request.on("end", () => grant()(request, response));
    });
    const { url, seen } = await serve(fine);
    const service = serviceAt(url, { credentials: oauth(`${tokens.url}/token?t=1`) }, { clock });
    await Promise.all([1, 2, 3, 4].map(() => ask(service)));
    expect(tokens.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /token?t=1"]);
    expect(form).toBe("scope=a+b&grant_type=client_credentials");
    const proof = tokens.seen[0]?.headers.authorization?.replace("Basic ", "") ?? "";
    expect(Buffer.from(proof, "base64").toString()).toBe("me%3A:s3cr%26t~");
    now = 69_000;
    await ask(service);
    expect(tokens.seen.length).toBe(1);
    now = 71_000;
    await ask(service);
    expect(tokens.seen.length).toBe(2);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      ...Array<string>(5).fill("Bearer token-0"),
      "Bearer token-71000",
    ]);
  });

  test("a token that is refused is had anew, once", async () => {
    now = 0;
    const tokens = await serve((request, response) => {
      now += 1;
      grant()(request, response);
    });
    const refusing = await serve((_request, response) => void response.writeHead(401).end());
    expect(textOf(await ask(serviceAt(refusing.url, { credentials: oauth(tokens.url) }, { clock })))).toBe(
      "401 ",
    );
    expect(refusing.seen.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-2",
    ]);
    const revoking = await serve((request, response) => {
      response.writeHead(request.headers.authorization === "Bearer token-3" ? 401 : 200).end();
    });
    const service = serviceAt(revoking.url, { credentials: oauth(tokens.url) }, { clock });
    expect(textOf(await ask(service))).toBe("200 ");
    expect(tokens.seen.length).toBe(4);
  });

  test.each<[string, RegExp, RequestListener]>([
    [
      "refuses the client",
      /token_url answers 401 invalid_client: check client_id/,
      (_r, response) => {
        response.writeHead(401).end('{"error":"invalid_client","error_description":"s3cr&t"}');
      },
    ],
    [
      "says what it may not",
      /token_url answers 400: check/,
      (_r, response) => {
        response.writeHead(400).end('{"error":"s3cr&t~ is wrong"}');
      },
    ],
    ["gives no token", /without an access token/, grant({ access_token: "" })],
    ["gives a token with a header in it", /without an access token/, grant({ access_token: "a\r\nb: c" })],
    ["gives another type", /no bearer token/, grant({ token_type: "mac" })],
    ["gives no JSON", /without an access token/, (_r, response) => void response.end("<html>")],
    ["gives too much", /token_url: its answer is larger/, grant({ filler: "x".repeat(70_000) })],
    [
      "redirects",
      /token_url answers 302/,
      (_r, response) => {
        response.writeHead(302, { location: "http://169.254.169.254/" }).end();
      },
    ],
  ])("an endpoint that %s is told so, without what it said", async (_name, expected, answer) => {
    const tokens = await serve(answer);
    const { url, seen } = await serve(fine);
    const text = textOf(await ask(serviceAt(url, { credentials: oauth(tokens.url) })));
    expect(text).toMatch(/^credentials: /);
    expect(text).toMatch(expected);
    expect(text).not.toContain("s3cr");
    expect([seen.length, tokens.seen.length]).toEqual([0, 1]);
  });
});
