/** Real sidecars whose Redis fails in every way that was thought of: decisions go on, are right, and don't wait for it. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";
import type { Wire } from "../../tasks/wire.js";
import { startWire } from "../../tasks/wire.js";

jest.setTimeout(60_000);
let redis: TestRedis;
let wire: Wire;
let folder: string;
let one: Sidecar;
let other: Sidecar;
const secret = "a secret of the fleet";
const opened: Sidecar[] = [];

/** Even numbers are allowed, as long as anything is. */
const policy = (allow: boolean): string => `package app

# METADATA
# entrypoint: true
default allow := false

allow if {
	input.n % 2 == 0
	${String(allow)}
}
`;
async function write(text: string): Promise<void> {
  await writeFile(join(folder, "new"), text);
  await rename(join(folder, "new"), join(folder, "app.rego"));
}

async function open(sets: string[] = []): Promise<Sidecar> {
  const { port } = new URL(wire.url);
  const sidecar = await startSidecar({
    bundles: [`app=${folder}`],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: [],
    config: { decision_logs: { console: false } },
    sets: [
      `cache.redis_url=redis://sidecar:first@127.0.0.1:${port}`,
      ...[`cache.secret=${secret}`, "cache.l2=always", "cache.wait_ms=100", "cache.deny_ttl=60"],
      ...sets,
    ],
    cacheDir: join(process.cwd(), ".cache", "bundles"),
    watch: true,
    log: { level: "error", format: "json" },
    version: "test",
  });
  opened.push(sidecar);
  return sidecar;
}

const user = (...rules: string[]): Promise<unknown> =>
  redis.client.call("ACL", "SETUSER", "sidecar", ...rules);
const reconnect = (): Promise<unknown> => redis.client.call("CLIENT", "KILL", "USER", "sidecar");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-faults-"));
  await write(policy(true));
  redis = await startRedis(["--enable-debug-command", "yes"]);
  wire = await startWire(redis.url);
  await user("on", ">first", "~*", "&*", "+@all");
  [one, other] = [await open(), await open()];
  await shared();
});
afterAll(async () => {
  for (const sidecar of opened) await sidecar.close();
  await wire.close();
  await redis.close();
  await rm(folder, { recursive: true, force: true });
});

async function decide(sidecar: Sidecar, n: number): Promise<boolean> {
  const response = await fetch(`${sidecar.addresses[0] ?? ""}/v1/data/app/allow`, {
    method: "POST",
    body: JSON.stringify({ input: { n } }),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { result: boolean }).result;
}

async function events(sidecar: Sidecar): Promise<Record<string, number>> {
  const text = await sidecar.metrics.text();
  const found = [...text.matchAll(/countersign_cache_l2_total\{event="(\w+)"\} (\d+)/g)];
  return Object.fromEntries(found.map(([, event = "", n]) => [event, Number(n)]));
}

let next = 1_000;
/** Decides on one until another finds in Redis what it decided. */
async function shared(): Promise<void> {
  const before = (await events(other))["hit"] ?? 0;
  await until(async () => {
    const n = next++;
    await decide(one, n);
    await sleep(5);
    await decide(other, n);
    return ((await events(other))["hit"] ?? 0) > before;
  }, 20);
}

/** Asks both for what is new to them and what isn't, some at once; none may be wrong, or wait for long. */
async function correct(allowed = true): Promise<void> {
  const from = next;
  next += 30;
  const ask = async (n: number): Promise<void> => {
    const begun = Date.now();
    const answers = await Promise.all([decide(one, n), decide(other, n)]);
    expect(answers).toEqual([allowed && n % 2 === 0, allowed && n % 2 === 0]);
    // far above what is waited for, far below what Redis would take
    expect(Date.now() - begun).toBeLessThan(15_000);
  };
  for (let n = from; n < from + 10; n++) await ask(n);
  await Promise.all(Array.from({ length: 40 }, (_, n) => ask(from + (n % 30))));
}

/** Speaks as it is told, whatever is asked. */
async function babbler(answer: string): Promise<{ url: string; server: Server }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

interface Fault {
  readonly name: string;
  readonly begin: () => unknown;
  readonly end?: () => unknown;
  /** What both are to tell of it. */
  readonly told?: string;
  /** Much like another one: it is tried where `REDIS_FAULTS=1` (`make test-all`). */
  readonly alike?: true;
}

const config = (name: string, value: string): Promise<unknown> => redis.client.config("SET", name, value);
let flapping: NodeJS.Timeout | undefined;
let liar: Server | undefined;
const lie = (answer: string) => async (): Promise<void> => {
  const babbling = await babbler(answer);
  liar = babbling.server;
  wire.lead(babbling.url);
};
const endLie = (): void => {
  wire.lead(redis.url);
  liar?.close();
};

const ways: readonly Fault[] = [
  {
    name: "it is killed",
    begin: () => redis.kill(),
    end: () => redis.start().then(() => user("on", ">first", "~*", "&*", "+@all")),
  },
  { name: "it is frozen", begin: () => redis.freeze(), end: () => redis.thaw(), told: "timeout" },
  {
    alike: true,
    name: "it answers late",
    begin: () => wire.slow(300),
    end: () => wire.heal(),
    told: "timeout",
  },
  {
    alike: true,
    name: "it pauses",
    begin: () => redis.client.call("CLIENT", "PAUSE", "700", "ALL"),
    told: "timeout",
  },
  {
    alike: true,
    name: "it is busy",
    begin: () => void redis.client.call("DEBUG", "SLEEP", "0.7"),
    told: "timeout",
  },
  {
    alike: true,
    name: "nothing goes through",
    begin: () => wire.hold(),
    end: () => wire.heal(),
    told: "timeout",
  },
  {
    alike: true,
    name: "nothing comes back",
    begin: () => wire.holdBack(),
    end: () => wire.heal(),
    told: "timeout",
  },
  { alike: true, name: "connections are refused", begin: () => wire.cut(), end: () => wire.heal() },
  {
    alike: true,
    name: "connections come and go",
    begin() {
      let up = true;
      flapping = setInterval(() => ((up = !up) ? wire.heal() : wire.cut()), 25);
    },
    end() {
      clearInterval(flapping);
      wire.heal();
    },
  },
  {
    name: "it is full",
    begin: () => config("maxmemory", "1"),
    end: () => config("maxmemory", "0"),
    told: "error",
  },
  {
    alike: true,
    name: "it evicts what it was given",
    async begin() {
      const used = Number(/used_memory:(\d+)/.exec(await redis.client.info("memory"))?.[1]);
      await config("maxmemory-policy", "allkeys-lru");
      await config("maxmemory", String(used + 20_000));
      for (let n = 0; n < 50; n++) await redis.client.set(`filler ${n}`, "x".repeat(1_000));
    },
    async end() {
      await config("maxmemory", "0");
      await redis.client.flushall();
    },
  },
  {
    alike: true,
    name: "the password is another",
    begin: () => user("resetpass", ">second").then(reconnect),
    end: () => user("resetpass", ">first"),
    told: "skipped",
  },
  {
    name: "the user may do nothing",
    begin: () => user("-@all"),
    end: () => user("+@all"),
    told: "error",
  },
  {
    alike: true,
    name: "the user's keys are others",
    begin: () => user("resetkeys", "~another:*"),
    end: () => user("~*"),
    told: "error",
  },
  { name: "HTTP answers", begin: lie("HTTP/1.1 400 Bad Request\r\n\r\n"), end: endLie },
  { alike: true, name: "everything is OK", begin: lie("+OK\r\n"), end: endLie },
  { alike: true, name: "numbers answer", begin: lie(":1\r\n:2\r\n"), end: endLie },
  { alike: true, name: "garbage answers", begin: lie("\u0000\u00ff$-5\r\n*99999\r\n"), end: endLie },
  { alike: true, name: "a value without an end answers", begin: lie("$400000000\r\nabc"), end: endLie },
];

describe("while Redis fails", () => {
  const all = process.env["REDIS_FAULTS"] === "1";
  test.each(ways.filter(({ alike }) => all || alike === undefined))("$name", async ({ begin, end, told }) => {
    const before = await events(one);
    await begin();
    try {
      await correct();
      if (told !== undefined) {
        await until(async () => ((await events(one))[told] ?? 0) > (before[told] ?? 0));
      }
    } finally {
      await end?.();
    }
    await shared();
    await correct();
  });

  test("it isn't there at the start, and comes", async () => {
    wire.cut();
    const late = await open();
    expect([await decide(late, 2), await decide(late, 3)]).toEqual([true, false]);
    wire.heal();
    await shared();
    await until(async () => {
      const n = next++;
      await decide(one, n);
      await sleep(5);
      await decide(late, n);
      return ((await events(late))["hit"] ?? 0) > 0;
    }, 20);
  });
});

describe("who writes in Redis", () => {
  /** Takes all away, what is on its way there, too. */
  async function empty(): Promise<void> {
    await sleep(50);
    await redis.client.flushall();
  }
  /** All that is kept, decided by one sidecar alone. */
  async function kept(): Promise<{ from: number; names: string[] }> {
    await empty();
    const from = next;
    next += 20;
    for (let n = from; n < from + 20; n++) await decide(one, n);
    let names: string[] = [];
    await until(async () => (names = await redis.client.keys("countersign:d2:*")).length === 20);
    return { from, names };
  }
  /** Asks a sidecar that has nothing in memory. */
  async function ask(from: number, allowed = true, sets: string[] = []): Promise<Record<string, number>> {
    const fresh = await open(["cache.wait_ms=1000", ...sets]);
    await until(async () => {
      await decide(fresh, next++);
      return ((await events(fresh))["miss"] ?? 0) > 0;
    });
    for (let n = from; n < from + 20; n++) expect(await decide(fresh, n)).toBe(allowed && n % 2 === 0);
    return events(fresh);
  }

  test("finds each value used, left alone", async () => {
    expect(await ask((await kept()).from)).toMatchObject({ hit: 20, unauthentic: 0 });
  });

  test("moves each value to each key: none is used for another", async () => {
    const { from, names } = await kept();
    const values = await Promise.all(names.map((name) => redis.client.getBuffer(name)));
    for (const [n, name] of names.entries()) {
      await redis.client.set(name, values[(n + 1) % values.length] ?? "");
    }
    expect(await ask(from)).toMatchObject({ hit: 0, unauthentic: 20 });
  });

  test("forges allows: none is taken", async () => {
    const { from, names } = await kept();
    for (const name of names) {
      const sealed = (await redis.client.getBuffer(name)) ?? Buffer.alloc(0);
      const text = sealed.toString("latin1").replace('"result":false', '"result":true ');
      await redis.client.set(name, Buffer.from(text.replace(/":true /, '":true'), "latin1"));
    }
    // those that were allowed before are as they were
    expect(await ask(from)).toMatchObject({ hit: 10, unauthentic: 10 });
  });

  test("has another fleet's secret: it is none of ours", async () => {
    const { from } = await kept();
    expect(await ask(from, true, ["cache.secret=the secret of another fleet"])).toMatchObject({
      hit: 0,
      unauthentic: 0,
    });
  });

  test("puts back what Redis held before a policy was changed, and before results were over: neither is used", async () => {
    const { from, names } = await kept();
    const even = from + (from % 2);
    const old = await Promise.all(
      names.map(async (name) => [name, await redis.client.dumpBuffer(name)] as const),
    );
    const putBack = async (): Promise<void> => {
      await empty();
      for (const [name, dump] of old) await redis.client.restore(name, 0, dump ?? "", "REPLACE");
    };
    await write(policy(false));
    await until(async () => !(await decide(one, even)) && !(await decide(other, even)), 20);
    await putBack();
    await correct(false);
    expect(await ask(from, false)).toMatchObject({ hit: 0 });
    await write(policy(true));
    await until(async () => (await decide(one, even)) && (await decide(other, even)), 20);
    await putBack();
    // the same policy again: what is still good is used, as long as it is
    expect(await ask(from)).toMatchObject({ unauthentic: 0 });
    const short = ["cache.ttl=1"];
    const brief = await open(short);
    await empty();
    await until(async () => {
      await decide(brief, next++);
      return (await redis.client.dbsize()) > 0;
    });
    const last = next;
    next += 20;
    for (let n = last; n < last + 20; n++) await decide(brief, n);
    await until(async () => (await redis.client.dbsize()) > 10);
    for (const name of await redis.client.keys("*")) await redis.client.persist(name);
    await sleep(1_050);
    expect(await ask(last, true, short)).toMatchObject({ hit: 0, unauthentic: 0 });
  });
});
