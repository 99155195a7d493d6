/** Bundles that change under load: the last good one answers, and no stale allow survives, with Redis too. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";

let redis: TestRedis;
let folder: string;
let sidecars: Sidecar[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
afterEach(async () => {
  for (const sidecar of sidecars) await sidecar.close();
  sidecars = [];
  await rm(folder, { recursive: true, force: true });
});

const policy = (allow: boolean): string => `package app

# METADATA
# entrypoint: true
default allow := false

allow if {
	input.user == "ann"
	input.note != "never"
	${String(allow)}
}
`;

async function write(text: string): Promise<void> {
  // as editors and deployments do it: whole or not at all
  await writeFile(join(folder, "new"), text);
  await rename(join(folder, "new"), join(folder, "app.rego"));
}

async function start(sets: string[] = []): Promise<{ sidecar: Sidecar; url: string }> {
  const sidecar = await startSidecar({
    bundles: [`app=${folder}`],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: [],
    config: { decision_logs: { console: false } },
    sets,
    watch: true,
    log: { level: "error", format: "json" },
    version: "test",
  });
  sidecars.push(sidecar);
  return { sidecar, url: sidecar.addresses[0] ?? "" };
}

async function allow(url: string, note = ""): Promise<unknown> {
  const response = await fetch(`${url}/v1/data/app/allow`, {
    method: "POST",
    body: JSON.stringify({ input: { user: "ann", note } }),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { result: unknown }).result;
}

describe("--watch", () => {
  test("a change is in force without a restart; a bad one leaves the last good bundle and says where", async () => {
    folder = await mkdtemp(join(tmpdir(), "countersign-bundle-"));
    await write(policy(true));
    const { sidecar, url } = await start();
    expect(await allow(url)).toBe(true);
    await write(policy(false));
    await until(async () => (await allow(url)) === false);
    await write("package app\n\nallow if {");
    await until(() => sidecar.bundles.status()[0]?.code === "build_failed");
    expect(sidecar.bundles.status()[0]).toMatchObject({
      code: "build_failed",
      message: expect.stringContaining("app.rego:3"),
      active_revision: expect.any(String),
    });
    expect(await allow(url)).toBe(false);
    expect((await fetch(`${url}/health?bundles`)).status).toBe(200);
    await write(policy(true));
    await until(async () => (await allow(url)) === true);
    expect(sidecar.bundles.status()[0]).not.toHaveProperty("code");
  });
});

describe("with Redis", () => {
  const sets = (): string[] => [
    `cache.redis_url=${redis.url}`,
    "cache.secret=a secret of the fleet",
    "cache.l2=always",
  ];

  test("what one sidecar has decided, another one finds", async () => {
    folder = await mkdtemp(join(tmpdir(), "countersign-bundle-"));
    await write(policy(true));
    const first = await start(sets());
    // its connection to Redis comes up meanwhile: what was asked before that stays in memory only
    let asked = 0;
    await until(async () => {
      await allow(first.url, String(asked++));
      return (await redis.client.dbsize()) > 50;
    });
    const second = await start(sets());
    let found = asked;
    await until(async () => {
      await allow(second.url, String(--found));
      return /countersign_cache_total\{level="l2",result="hit"\} [1-9]/.test(
        await second.sidecar.metrics.text(),
      );
    });
  });

  test("no request fails while it is killed, frozen and started again, and no stale allow survives a change", async () => {
    folder = await mkdtemp(join(tmpdir(), "countersign-bundle-"));
    await write(policy(true));
    const { url } = await start(sets());
    let running = true;
    let expected: unknown = true;
    let asked = 0;
    const wrong: unknown[] = [];
    const load = Array.from({ length: 8 }, async (_, worker) => {
      while (running) {
        const before = expected;
        const answer = await allow(url, `${worker}`);
        // while a change is on its way either answer is right
        if (before === expected && before !== undefined && answer !== before) wrong.push(answer);
        asked++;
      }
    });
    const some = async (): Promise<void> => {
      const from = asked;
      await until(() => asked > from + 100);
    };
    await some();
    await redis.kill();
    await some();
    await redis.start();
    await some();
    redis.freeze();
    await some();
    redis.thaw();
    expected = undefined;
    await write(policy(false));
    await until(async () => (await allow(url)) === false);
    expected = false;
    await some();
    await redis.kill();
    await some();
    await redis.start();
    await some();
    running = false;
    await Promise.all(load);
    expect(wrong).toEqual([]);
  });
});

test("A bundle that needs what isn't there is refused with the place of it", async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-reload-"));
  const ask = (name: string): string => `package app

# METADATA
# entrypoint: true
default allow := false

allow if ${name}
`;
  const cases = [
    [
      ask(`http.send({"method": "get", "url": "http://x.test"}).body == 1`),
      /app\.rego:7: .*http\.send.*decision\.allow_net/,
    ],
    [ask(`"::1" in net.lookup_ip_addr("x.test")`), /app\.rego:7: .*net\.lookup_ip_addr/],
    [ask("nothing.of_the_kind(input)"), /app\.rego:7: .*undefined function nothing\.of_the_kind/],
  ] as const;
  for (const [text, message] of cases) {
    await write(text);
    await expect(start()).rejects.toThrow(message);
  }
});
