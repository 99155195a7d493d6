/** Ways to one Redis: sockets, TLS, users, and files that are renewed; each on a real one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Fields, inTime, Problems } from "../../sidecar/contract.js";
import type { RedisAt, RedisLink } from "../../sidecar/net/redis.js";
import { connectRedis } from "../../sidecar/net/redis.js";
import { readRedis } from "../../sidecar/net/read-redis.js";
import { parseRedisUrl } from "../../sidecar/net/redis-place.js";
import type { Ca, Issued } from "../identify/spiffe/ca.js";
import { authorityLines, createCa } from "../identify/spiffe/ca.js";
import type { TestRedis } from "../redis.js";
import { redisServer, sleep, startRedis, until } from "../redis.js";
import { startWire } from "../tasks/wire.js";

const home = mkdtempSync(join(tmpdir(), "countersign-redis-ways-"));
let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis(["--unixsocket", join(home, "redis.sock")]);
});
afterAll(async () => {
  await redis.close();
  rmSync(home, { recursive: true, force: true });
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function connect(at: RedisAt): RedisLink & { readonly told: string[] } {
  const told: string[] = [];
  const link = connectRedis(at, {
    onUp: () => told.push("up"),
    onDown: ({ code, message = "" }) => told.push(code ?? message),
  });
  closing.push(() => {
    link.disconnect();
  });
  return Object.assign(link, { told });
}

async function works(at: RedisAt): Promise<void> {
  const link = connect(at);
  await until(() => link.status === "ready");
  await link.set("way", "works");
  expect(await link.get("way")).toBe("works");
}

describe("a URL", () => {
  const [user, password] = ["sidecar", "p/w:d@1"];
  const login = `${user}:${encodeURIComponent(password)}@`;
  test.each<[string, object]>([
    ["redis://h", { kind: "one", tls: false, peers: [{ host: "h", port: 6379 }] }],
    ["redis://h:7/3", { kind: "one", tls: false, db: 3, peers: [{ host: "h", port: 7 }] }],
    [
      `rediss://${login}h`,
      { kind: "one", tls: true, username: user, password, peers: [{ host: "h", port: 6379 }] },
    ],
    [
      "redis://:secret@[::1]:7",
      { kind: "one", tls: false, password: "secret", peers: [{ host: "::1", port: 7 }] },
    ],
    ["unix:///run/redis.sock", { kind: "socket", tls: false, path: "/run/redis.sock" }],
    [
      "redis+unix://:secret@/run/redis.sock?db=2",
      { kind: "socket", tls: false, password: "secret", db: 2, path: "/run/redis.sock" },
    ],
    [
      "redis-sentinel://:secret@a,b:7/mymaster/4",
      {
        ...{ kind: "sentinel", tls: false, password: "secret", name: "mymaster", db: 4 },
        peers: [
          { host: "a", port: 26_379 },
          { host: "b", port: 7 },
        ],
      },
    ],
    [
      "rediss-sentinel://a/m",
      { kind: "sentinel", tls: true, name: "m", peers: [{ host: "a", port: 26_379 }] },
    ],
    [
      "rediss-cluster://a:1,b",
      {
        ...{ kind: "cluster", tls: true },
        peers: [
          { host: "a", port: 1 },
          { host: "b", port: 6379 },
        ],
      },
    ],
  ])("%s is read", (url, route) => {
    expect(parseRedisUrl(url)).toEqual(route);
  });

  test.each([
    ["http://h", /redis:\/\//],
    ["redis://", /host/],
    ["redis://h:0", /host/],
    ["redis://h:99999", /host/],
    ["redis://a,b", /redis-cluster/],
    ["redis://h/x", /database/],
    ["redis://h/1/2", /database/],
    // the client would take it for an option of its own, and queue commands
    ["redis://h?enableOfflineQueue=true", /parameters/],
    ["redis://u:%zz@h", /percent/],
    ["unix://host/run/redis.sock", /socket/],
    ["unix:///", /socket/],
    ["redis-sentinel://h", /master/],
    ["redis-sentinel://h/m/0/1", /master/],
    ["redis-cluster://h/1", /only database 0/],
    ["redis-cluster://a,,b", /host/],
  ])("%s is refused", (url, why) => {
    expect(parseRedisUrl(url)).toMatch(why);
    expect(() => connect(url)).toThrow("URL of Redis");
  });

  test("what is refused is named without a password", () => {
    expect(parseRedisUrl("redis://user:p4ssw0rd@h/x/y")).not.toMatch(/p4ssw0rd/);
  });
});

describe("the section beside it", () => {
  const read = (config: object) => {
    const problems = new Problems();
    const fields = new Fields(config as never, "cache", problems);
    const at = readRedis(fields, problems);
    fields.end();
    return { at, problems: problems.list };
  };
  test("is read", () => {
    const config = {
      redis_url: "rediss-sentinel://h/m",
      redis: {
        ...{ username: "u", password_file: "/p", sentinel_username: "s", sentinel_password_file: "/s" },
        ...{ ca_file: "/ca", cert_file: "/c", key_file: "/k", server_name: "redis", db: 1 },
      },
    };
    expect(read(config)).toEqual({
      at: {
        ...{ url: "rediss-sentinel://h/m", username: "u", passwordFile: "/p", db: 1, serverName: "redis" },
        ...{
          sentinelUsername: "s",
          sentinelPasswordFile: "/s",
          caFile: "/ca",
          certFile: "/c",
          keyFile: "/k",
        },
      },
      problems: [],
    });
  });
  test.each<[string, object, string]>([
    ["without a URL", { redis: {} }, "cache.redis: "],
    [
      "a key that nobody knows",
      { redis_url: "redis://h", redis: { passwordfile: "/p" } },
      "cache.redis.passwordfile: ",
    ],
    [
      "TLS's where there is none",
      { redis_url: "redis://h", redis: { ca_file: "/p" } },
      "cache.redis_url: must begin with rediss",
    ],
    [
      "a certificate without a key",
      { redis_url: "rediss://h", redis: { cert_file: "/p" } },
      "cache.redis.cert_file: ",
    ],
    [
      "two passwords",
      { redis_url: "redis://:a@h", redis: { password_file: "/p" } },
      "cache.redis.password_file: ",
    ],
    [
      "a user without a password",
      { redis_url: "redis://h", redis: { username: "u" } },
      "cache.redis_url: names a user",
    ],
    ["two databases", { redis_url: "redis://h/1", redis: { db: 2 } }, "cache.redis.db: "],
    [
      "a database of a cluster",
      { redis_url: "redis-cluster://h", redis: { db: 2 } },
      "cache.redis.db: must be 0",
    ],
    [
      "Sentinel's without one",
      { redis_url: "redis://h", redis: { sentinel_username: "u" } },
      "cache.redis.sentinel_username: ",
    ],
  ])("%s is refused", (_name, config, problem) => {
    expect(read(config).problems).toEqual([expect.stringContaining(problem)]);
  });
});

test("a Unix socket works, with a database of its own", async () => {
  await works(`unix://${join(home, "redis.sock")}?db=3`);
  await redis.client.select(3);
  expect(await redis.client.get("way")).toBe("works");
  await redis.client.select(0);
});

test("a connection that ends while news are asked for anew takes nothing down", async () => {
  const wire = await startWire(redis.url);
  closing.push(wire.close);
  const link = connect(wire.url);
  link.on("ready", () => void link.subscribe("news").catch(() => undefined));
  await until(() => link.status === "ready");
  await link.subscribe("news");
  wire.cut();
  wire.heal();
  let cuts = 0;
  // what nobody waits for would end the process
  link.on("ready", () => {
    if (cuts++ < 3) wire.cut();
    setImmediate(wire.heal);
  });
  await until(() => cuts > 3, 10);
  const heard: string[] = [];
  link.on("message", (_channel: string, message: string) => heard.push(message));
  await until(async () => {
    await redis.client.publish("news", "x");
    return heard.length > 0;
  });
});

describe("a user", () => {
  const file = join(home, "password");
  test("its password is read from a file, and again when Redis ended the connection", async () => {
    await redis.client.call("ACL", "SETUSER", "sidecar", "on", ">first", "~*", "&*", "+@all");
    writeFileSync(file, "first\n");
    const link = connect({ url: redis.url, username: "sidecar", passwordFile: file });
    await until(() => link.status === "ready");
    expect(await link.set("k", "v")).toBe("OK");
    await redis.client.call("ACL", "SETUSER", "sidecar", "resetpass", ">second");
    await redis.client.call("CLIENT", "KILL", "USER", "sidecar");
    await until(() => link.told.some((one) => one.startsWith("WRONGPASS")));
    writeFileSync(file, "second\n");
    await until(() => link.status === "ready", 10);
    expect(await link.get("k")).toBe("v");
    // a file that is away for a moment takes nothing away
    rmSync(file);
    await redis.client.call("CLIENT", "KILL", "USER", "sidecar");
    await sleep(50);
    await until(() => link.status === "ready", 10);
  });

  test("a file that isn't there at the start is told at once", () => {
    expect(() => connect({ url: redis.url, passwordFile: join(home, "none") })).toThrow(
      "password_file of Redis can't be read: ENOENT",
    );
  });
});

describe("TLS", () => {
  let ca: Ca;
  let [root, other, server, client]: Issued[] = [];
  let port = 0;
  let url = "";
  const ends: (() => void)[] = [];
  const of = (issued: Issued | undefined): Issued => {
    if (issued === undefined) throw new Error("it was not issued");
    return issued;
  };
  beforeAll(async () => {
    ca = createCa();
    [root, other] = [ca.issue({ extensions: authorityLines }), ca.issue({ extensions: authorityLines })];
    const leaf = (name: string) => ["basicConstraints=critical,CA:FALSE", `subjectAltName=DNS:${name}`];
    server = ca.issue({ by: root, subject: "/CN=server", extensions: leaf("redis.internal") });
    client = ca.issue({ by: root, subject: "/CN=client", extensions: leaf("sidecar.internal") });
    const clear = Number(new URL(redis.url).port);
    port = clear < 60_000 ? clear + 5_000 : clear - 5_000;
    const child = spawn(
      redisServer,
      [
        ...["--port", "0", "--tls-port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", home],
        ...[
          "--tls-cert-file",
          server.certFile,
          "--tls-key-file",
          server.keyFile,
          "--tls-ca-cert-file",
          root.certFile,
        ],
      ],
      { stdio: "ignore" },
    );
    ends.push(() => child.kill("SIGKILL"));
    url = `rediss://127.0.0.1:${port}`;
  });
  afterAll(() => {
    for (const end of ends) end();
    ca.remove();
  });
  const shown = () => ({
    url,
    caFile: of(root).certFile,
    certFile: of(client).certFile,
    keyFile: of(client).keyFile,
  });

  test("with a certificate on both sides, and the name that the server's must have", async () => {
    await works({ ...shown(), serverName: "redis.internal" });
  });

  test.each<[string, () => object]>([
    ["an authority that is another", () => ({ caFile: of(other).certFile })],
    ["none but the system's", () => ({ caFile: undefined })],
    ["another name", () => ({ serverName: "evil.internal" })],
    ["no name, of an address that the certificate hasn't", () => ({ serverName: undefined })],
    ["no certificate of the client's", () => ({ certFile: undefined, keyFile: undefined })],
  ])("%s: nothing is sent", async (_name, changes) => {
    const place = Object.entries({ ...shown(), serverName: "redis.internal", ...changes() });
    const link = connect(Object.fromEntries(place.filter(([, value]) => value !== undefined)) as never);
    await until(() => link.told.length > 0);
    expect(link.told).not.toContain("up");
    await expect(link.get("x")).rejects.toMatchObject({});
  });

  test("certificates are read again with the next connection", async () => {
    const caFile = ca.file("ca-renewed.pem", readFileSync(of(other).certFile, "utf8"));
    const link = connect({ ...shown(), caFile, serverName: "redis.internal" });
    await until(() => link.told.length > 0);
    expect(link.told).not.toContain("up");
    writeFileSync(caFile, readFileSync(of(root).certFile, "utf8"));
    await until(() => link.status === "ready", 10);
  });
});

test("an answer that came while this process stood still is in time", async () => {
  const [posted, never] = [
    new Int32Array(new SharedArrayBuffer(4)),
    new Int32Array(new SharedArrayBuffer(4)),
  ];
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
    parentPort.once("message", () => {
      parentPort.postMessage("answer");
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);
    });`,
    { eval: true, workerData: posted },
  );
  await once(worker, "online");
  const answer = once(worker, "message").then(([message]) => message as unknown);
  // behind this come timers, then what has arrived
  await new Promise(setImmediate);
  worker.postMessage("question");
  const found = inTime(answer, 20, "late");
  Atomics.wait(posted, 0, 0);
  Atomics.wait(never, 0, 0, 40);
  expect(await found).toBe("answer");
  expect(await inTime(new Promise(() => undefined), 1, "late")).toBe("late");
  await expect(inTime(Promise.reject(new Error("away")), 1_000, "late")).rejects.toThrow("away");
  await worker.terminate();
});
