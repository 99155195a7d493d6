import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ProxyAgent, request } from "undici";
import { allow, callerToken, deny, sendRaw, subject, until } from "../world.js";
import { heads, hellos } from "./attacks.cases.js";
import { helloOf, recordsOf, serverName } from "./hello.js";
import type { ProxyLab } from "./lab.js";
import { host, names, run, speak, startProxyLab } from "./lab.js";

let lab: ProxyLab;
/** One that waits for no hello. */
let hasty: ProxyLab;
/** One that soon asks again. */
let wary: ProxyLab;
beforeAll(async () => {
  lab = await startProxyLab({ max_connections_per_caller: 3 });
  hasty = await startProxyLab({ hello_ms: 400 });
  wary = await startProxyLab({ recheck_ms: 100 });
});
afterAll(() => Promise.all([lab, hasty, wary].map((one) => one.close())));
beforeEach(() => {
  for (const { world, received, plain } of [lab, hasty, wary]) {
    world.sidecar.decide = allow;
    world.sidecar.asked.length = 0;
    world.sidecar.outcomes.length = 0;
    received.length = 0;
    plain.bytes = 0;
  }
  names[host] = ["127.0.0.1"];
});

const bearer = `Bearer ${callerToken}`;
const url = (): string => `https://${host}:${lab.port}/x`;
const asked = () => lab.world.sidecar.asked.map(({ calls }) => calls?.[0]);
const outcomes = () => lab.world.sidecar.outcomes;
const connectHead = (target: string, more: readonly string[] = []): string =>
  [`CONNECT ${target} HTTP/1.1`, `proxy-authorization: ${bearer}`, ...more, "", ""].join("\r\n");

/** A whole TLS connection through the proxy. */
async function openTls(through = lab): Promise<ReturnType<typeof connectTls>> {
  return new Promise((resolve, reject) => {
    void speak(through.proxyPort, connectHead(`${host}:${through.port}`), (answer, socket) => {
      if (!answer.startsWith("HTTP/1.1 200")) reject(new Error(answer));
      socket.removeAllListeners("data");
      socket.setTimeout(0);
      const tls = connectTls({ socket, servername: host, ca: through.caPem }, () => {
        resolve(tls);
      });
      tls.on("error", () => undefined);
    });
  });
}

describe("clients", () => {
  test("curl, with the token for its password", async () => {
    const proxy = `http://agent:${callerToken}@127.0.0.1:${lab.proxyPort}`;
    const { code, out } = await run("curl", ["-sS", "--proxy", proxy, "--cacert", lab.caFile, url()]);
    expect({ code, out }).toEqual({ code: 0, out: "hello /x" });
    expect(asked()[0]).toEqual({
      kind: "network",
      action: { name: "network.connect", properties: { phase: "request" } },
      resource: {
        type: "host",
        id: `${host}:${lab.port}`,
        properties: { host, port: lab.port, kind: "name", private: false },
      },
    });
    expect(lab.world.sidecar.asked[0]?.credentials).toEqual({ bearer: callerToken });
    await until(() => outcomes().length > 0);
    expect(outcomes()[0]).toMatchObject({ outcome: "forwarded", kind: "network", status: 200 });
    expect(outcomes()[0]?.bytes).toBeGreaterThan(500);
    expect(lab.received.join()).not.toContain(callerToken);
  });

  test("undici's ProxyAgent, with a bearer token", async () => {
    const requestTls = { ca: lab.caPem };
    const agent = new ProxyAgent({ uri: `http://127.0.0.1:${lab.proxyPort}`, token: bearer, requestTls });
    const { statusCode, body } = await request(url(), { dispatcher: agent });
    expect([statusCode, await body.text()]).toEqual([200, "hello /x"]);
    await agent.close();
  });

  test("Python's urllib, by the address of its proxy", async () => {
    const program = `import ssl, sys, urllib.request as r
c = ssl.create_default_context(cafile=sys.argv[2])
o = r.build_opener(r.ProxyHandler({"https": sys.argv[3]}), r.HTTPSHandler(context=c))
print(o.open(sys.argv[1]).read().decode())`;
    const proxy = `http://agent:${callerToken}@127.0.0.1:${lab.proxyPort}`;
    const { code, out } = await run("python3", ["-c", program, url(), lab.caFile, proxy]);
    expect({ code, out }).toEqual({ code: 0, out: "hello /x\n" });
  });

  test("an API key, under its own user", async () => {
    const basic = Buffer.from("api_key:csk-1").toString("base64");
    await speak(
      lab.proxyPort,
      `CONNECT ${host}:${lab.port} HTTP/1.1\r\nproxy-authorization: Basic ${basic}\r\n\r\n`,
      (_answer, socket) => socket.destroy(),
    );
    expect(lab.world.sidecar.asked[0]?.credentials).toEqual({ api_key: "csk-1" });
  });
});

describe("a connection", () => {
  test("that policy denies is told why, and isn't made", async () => {
    lab.world.sidecar.decide = deny();
    const before = lab.connections();
    const answer = await speak(lab.proxyPort, connectHead(`${host}:${lab.port}`));
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({
      code: "denied",
      decision_id: expect.stringMatching(/^d-/) as unknown,
    });
    expect(lab.connections()).toBe(before);
  });

  test("of who isn't known is asked for proxy credentials", async () => {
    lab.world.sidecar.decide = deny("unauthenticated", "no credentials were presented");
    const answer = await speak(lab.proxyPort, `CONNECT ${host}:${lab.port} HTTP/1.1\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 407 /);
    expect(answer).toMatch(/proxy-authenticate: Basic realm="countersign"\r\nproxy-authenticate: Bearer/i);
  });

  test("ends when the decision no longer holds", async () => {
    const tls = await openTls(wary);
    const closed = new Promise((resolve) => tls.once("close", resolve));
    const { sidecar } = wary.world;
    sidecar.decide = deny();
    await closed;
    await until(() => sidecar.outcomes.length > 0);
    expect(sidecar.outcomes.at(-1)).toMatchObject({ outcome: "denied", status: 200 });
  });

  test("ends when its caller is revoked", async () => {
    const tls = await openTls();
    const closed = new Promise((resolve) => tls.once("close", resolve));
    expect(lab.world.gateway.endConnections({ subject: { id: subject.id, tenant: subject.tenant } })).toBe(1);
    await closed;
  });

  test("is one of so many that a caller may have; those that end are counted no more", async () => {
    const sockets: Socket[] = [];
    const open = Array.from({ length: 3 }, () =>
      speak(lab.proxyPort, connectHead(`${host}:${lab.port}`), (_answer, socket) => sockets.push(socket)),
    );
    await until(() => sockets.length === 3);
    const fourth = await speak(lab.proxyPort, connectHead(`${host}:${lab.port}`));
    expect(fourth).toMatch(/^HTTP\/1\.1 403 [\s\S]*too many connections/);
    for (const socket of sockets) socket.destroy();
    for (const answer of await Promise.all(open)) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => outcomes().length >= 4);
    const tls = await openTls();
    tls.destroy();
  });

  test("goes to the address that was looked at, though the name leads elsewhere by then", async () => {
    const tls = await openTls();
    names[host] = ["10.0.0.1"];
    tls.write(`GET /after HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    let out = "";
    for await (const piece of tls as AsyncIterable<Buffer>) out += piece.toString();
    expect(out).toContain("hello /after");
  });

  test("carries nothing that came before its answer", async () => {
    const early = Buffer.concat([
      Buffer.from(connectHead(`${host}:${lab.plain.port}`)),
      recordsOf(helloOf(serverName([0, host]))),
    ]);
    expect(await speak(lab.proxyPort, early)).toMatch(/^HTTP\/1\.1 400 [\s\S]*bytes came before/);
    expect(lab.plain.bytes).toBe(0);
  });

  test("carries a hello in many pieces to the host, to the byte", async () => {
    const hello = recordsOf(helloOf(serverName([0, host])), 5);
    await speak(lab.proxyPort, connectHead(`${host}:${lab.plain.port}`), (_answer, socket) => {
      socket.write(hello.subarray(0, 7));
      setTimeout(() => {
        socket.write(hello.subarray(7));
      }, 20);
      void until(() => lab.plain.bytes >= hello.length).then(() => socket.destroy());
    });
    expect(lab.plain.bytes).toBe(hello.length);
  });
});

test.each(heads.map((attack) => [attack.name, attack] as const))("%s is refused", async (_name, attack) => {
  const target = attack.head.replace("{port}", String(lab.port));
  const head = / HTTP\/1\.1$/.test(target)
    ? [target, `host: ${host}`, ...(attack.more ?? []), "", ""].join("\r\n")
    : connectHead(target, attack.more);
  const before = lab.connections();
  const answer = await speak(lab.proxyPort, Buffer.from(head, "utf8"));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${attack.status} `));
  if (attack.code !== undefined) expect(answer).toContain(`"code":"${attack.code}"`);
  expect(lab.world.sidecar.asked.length).toBe(attack.asked === true ? 1 : 0);
  expect(lab.connections()).toBe(before);
  expect(answer).not.toContain(callerToken);
});

test.each(hellos.map((attack) => [attack.name, attack] as const))(
  "%s where a hello belongs gets nowhere",
  async (_name, { bytes }) => {
    const { proxyPort, plain, world } = hasty;
    const answer = await speak(proxyPort, connectHead(`${host}:${plain.port}`), (_answer, socket) => {
      socket.write(bytes);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => world.sidecar.outcomes.length > 0);
    expect(world.sidecar.outcomes[0]).toMatchObject({ outcome: "denied", kind: "network" });
    expect(plain.bytes).toBe(0);
  },
);

test("the gateway's own door takes no CONNECT", async () => {
  const answer = await sendRaw(lab.world.port, connectHead(`${host}:${lab.port}`));
  expect(answer).toBe("");
});

test("nothing of a credential is logged", () => {
  expect(lab.world.log.join("\n")).not.toContain(callerToken);
});
