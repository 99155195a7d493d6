/** One contract for every store of proofs. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { Redis } from "ioredis";
import { normalizeUrl } from "../../sidecar/identify/proof/normalize-url.js";
import { createRedisReplay } from "../../sidecar/identify/proof/redis-replay.js";
import {
  createLayeredReplay,
  createMemoryReplay,
  type ReplayStore,
} from "../../sidecar/identify/proof/replay.js";
import { startRedis, until, type TestRedis } from "../redis.js";

const keepMs = 60_000;
let server: TestRedis;
const clients: Redis[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  const open = clients.filter(({ status }) => status !== "end");
  for (const client of open) client.disconnect();
  await until(() => open.every(({ status }) => status === "end"));
  await server.close();
});

/** What time is it for stores in this process, and for Redis, where what it keeps goes sooner. */
let later = 0;
async function pass(ms: number): Promise<void> {
  later += ms;
  for (const key of await server.client.keys("*")) {
    await server.client.pexpire(key, Math.max(1, (await server.client.pttl(key)) - ms));
  }
}

async function redis(): Promise<ReplayStore> {
  const client = new Redis(server.url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  clients.push(client);
  await until(() => client.status === "ready");
  return createRedisReplay({ redis: client, keepMs, waitMs: 20_000 });
}
const memory = (): ReplayStore =>
  createMemoryReplay({ keepMs, maxEntries: 10_000, now: () => Date.now() + later });

describe.each<[string, () => Promise<ReplayStore>]>([
  ["memory", () => Promise.resolve(memory())],
  ["redis", redis],
  ["memory before redis", async () => createLayeredReplay(memory(), await redis())],
])("the store of proofs in %s", (name, open) => {
  let n = 0;
  const fresh = (): string => `${name}-${++n}`;
  const use = (store: ReplayStore, proof: string, exchange = "") =>
    Promise.resolve(store.use({ proof, holder: "h", exchange }));

  test("says of each proof once that it is the first", async () => {
    const store = await open();
    const [one, two] = [fresh(), fresh()];
    expect([await use(store, one), await use(store, two)]).toEqual(["first", "first"]);
    expect([await use(store, one), await use(store, two)]).toEqual(["replayed", "replayed"]);
  });

  test("of many that come at once, one is the first", async () => {
    const store = await open();
    const proof = fresh();
    const said = await Promise.all(Array.from({ length: 50 }, (_, i) => use(store, proof, `x${i}`)));
    expect(said.filter((one) => one === "first")).toHaveLength(1);
    expect(said.filter((one) => one === "replayed")).toHaveLength(49);
  });

  test("knows the exchange of the first, and no other", async () => {
    const store = await open();
    const proof = fresh();
    expect(await use(store, proof, "x")).toBe("first");
    expect(await use(store, proof, "x")).toBe("again");
    expect(await use(store, proof, "y")).toBe("replayed");
    expect(await use(store, proof)).toBe("replayed");
    const none = fresh();
    expect(await use(store, none)).toBe("first");
    expect(await use(store, none)).toBe("replayed");
    // what stands for no exchange can't be named as one
    expect(await use(store, none, "-")).toBe("replayed");
  });

  test("keeps a proof for its time at least, and not for ever", async () => {
    const store = await open();
    const proof = fresh();
    expect(await use(store, proof)).toBe("first");
    await pass(keepMs / 2);
    expect(await use(store, proof)).toBe("replayed");
    await pass(keepMs);
    await until(async () => (await use(store, proof)) === "first");
  });

  test("closes", async () => {
    await (await open()).close();
  });
});

test("two processes share what lies in Redis", async () => {
  const [one, two] = [
    createLayeredReplay(memory(), await redis()),
    createLayeredReplay(memory(), await redis()),
  ];
  const use = { proof: "shared", holder: "h", exchange: "x" };
  expect(await one.use(use)).toBe("first");
  expect(await two.use({ ...use, exchange: "y" })).toBe("replayed");
  expect(await two.use(use)).toBe("again");
});

test("a first that the fleet's store didn't confirm isn't one, nor is the same exchange's next question", async () => {
  let answer: "unknown" | "first" = "unknown";
  const far: ReplayStore = { use: () => answer, close: () => Promise.resolve() };
  const store = createLayeredReplay(memory(), far);
  const use = { proof: "p", holder: "h", exchange: "x" };
  expect([await store.use(use), await store.use(use)]).toEqual(["unknown", "unknown"]);
  answer = "first";
  expect(await store.use(use)).toBe("first");
});

test("URLs that are normal stay as they are, and spelling doesn't matter", () => {
  const segment = fc.stringMatching(/^[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,8}$/);
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 5 }), fc.boolean(), (segments, slash) => {
      const path = segments.map((one) => `/${one}`).join("") + (slash ? "/" : "");
      const normal = normalizeUrl(`https://gw.example${path}`);
      expect(normal).toBeDefined();
      expect(normalizeUrl(normal ?? "")).toBe(normal);
      expect(normalizeUrl(`HTTPS://GW.EXAMPLE:443${path}`)).toBe(normal);
      // the browser's reading agrees where both have one
      expect(new URL(`https://gw.example${path}`).href).toBe(normal);
    }),
  );
});
