/** kill -9 in the middle of a push: what was acknowledged is in force after the next start, also where Redis lost it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import type { SidecarProcess } from "../sidecar-process.js";
import { killProcesses, startProcess } from "../sidecar-process.js";
import { bundleCache } from "../world.js";
import type { Replica } from "./world.js";
import { bundleOf, configOf, connect, newDir, removeDirs, writeKeys } from "./world.js";

let redis: TestRedis;
const dirs: string[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  killProcesses();
  await redis.close();
  await removeDirs(dirs);
});

interface Crashing {
  /** Starts it, again. */
  start(): Promise<Replica & Pick<SidecarProcess, "kill">>;
  /** Pushes the next version; gives it once it is acknowledged, undefined where the answer never came. */
  push(to: Replica): Promise<number | undefined>;
  /** The version in force once it has started. */
  served(by: Replica): Promise<number>;
  readonly last: () => number;
}

async function crashing(withRedis: boolean): Promise<Crashing> {
  // what another test pushed is no business of this one
  await redis.client.flushall();
  const dir = await newDir();
  dirs.push(dir);
  await writeKeys(dir);
  const config = join(dir, "config.json");
  const options = withRedis ? { redisUrl: redis.url } : {};
  writeFileSync(config, JSON.stringify(configOf(dir, options)));
  let version = 0;
  return {
    last: () => version,
    async start() {
      const { url, kill } = await startProcess(config, bundleCache);
      return { ...connect(url, dir, undefined as never), kill };
    },
    async push(to) {
      const own = ++version;
      const bytes = await bundleOf({ revision: `${own}`, version: own });
      try {
        const { status, body } = await to.push(bytes);
        expect({ status, body }).toMatchObject({ status: 201, body: { bundle: { version: own } } });
        return own;
      } catch (error) {
        if ((error as { code?: unknown }).code === undefined) throw error;
        return undefined;
      }
    },
    async served(by) {
      let found: unknown;
      await until(async () => (found = await by.inForce()) !== undefined, 30);
      return Number(found);
    },
  };
}

const crashes = Number(process.env["BUNDLE_CRASHES"] ?? 0);
/** Each costs two starts: of the two, the one that has more to lose is always tried. */
const isTried = (withRedis: boolean): boolean => withRedis || crashes > 0;

describe.each([
  ["on its own", false],
  ["with a Redis that loses all", true],
])("a sidecar %s", (_what, withRedis) => {
  (isTried(withRedis) ? test : test.skip)(
    "that is killed in the middle of a push has what was acknowledged, and takes the next",
    async () => {
      const { start, push, served } = await crashing(withRedis);
      const before = await start();
      expect(await push(before)).toBe(1);
      const second = push(before);
      await until(async () => (await before.records()).filter(({ action }) => action === "push").length >= 2);
      await before.kill();
      const acknowledged = (await second) ?? 1;
      if (withRedis) await redis.client.flushall();
      const after = await start();
      expect(await served(after)).toBeGreaterThanOrEqual(acknowledged);
      expect(await push(after)).toBe(3);
      expect(await served(after)).toBe(3);
      await after.kill();
    },
  );

  (crashes > 0 ? test : test.skip)(
    "that is killed at any moment of a push has what was acknowledged",
    async () => {
      const { start, push, served, last } = await crashing(withRedis);
      let running = await start();
      let acknowledged = (await push(running)) ?? 0;
      const from = Date.now();
      acknowledged = (await push(running)) ?? acknowledged;
      const usualMs = Date.now() - from;
      let came = 0;
      for (let n = 0; n < crashes; n++) {
        const pushed = push(running);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 1.5 * usualMs));
        await running.kill();
        acknowledged = (await pushed) ?? acknowledged;
        if (withRedis && n % 3 === 2) await redis.client.flushall();
        running = await start();
        const now = await served(running);
        expect(now).toBeGreaterThanOrEqual(acknowledged);
        expect(now).toBeLessThanOrEqual(last());
        if (now === last()) came++;
        // it isn't stuck: the next one comes, and the compiler runs
        acknowledged = (await push(running)) ?? 0;
        expect(acknowledged).toBe(last());
      }
      await running.kill();
      process.stdout.write(`${came} of ${crashes} had come into force, of ${usualMs} ms\n`);
    },
    20 * 60_000,
  );
});
