/** Two whole sidecars over one Redis: what one bumps, the other's memory gives no more. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { DecisionRequest } from "../../../sidecar/contract.js";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../../identify/world.js";
import type { TestRedis } from "../../redis.js";
import { startRedis, until } from "../../redis.js";
import { bundleCache } from "../../world.js";

/** It gives another number each time: kept only because METADATA says so. */
const policy = `package countersign

# METADATA
# entrypoint: true
# custom:
#   cache:
#     ttl: 60
decision := {"allow": true, "reasons": [{"code": sprintf("c%d", [rand.intn("x", 1000000000)]), "message": "m"}], "obligations": [], "labels": [], "ttl": 60}
`;

let redis: TestRedis;
let folder: string;
let one: Sidecar;
let two: Sidecar;
const key = ec();
const at = Math.floor(Date.now() / 1_000);
const bearerOf = (sub: string): string =>
  token(header, { ...payload, sub, iat: at - 5, exp: at + 300 }, es256(key));

function start(): Promise<Sidecar> {
  return startSidecar({
    bundles: [folder],
    addresses: [],
    diagnosticAddresses: [],
    config: {
      cache: {
        redis_url: redis.url,
        secret: "a-secret-of-the-fleet-that-is-long-enough",
        l2: "always",
        wait_ms: 1_000,
      },
      decision_logs: { console: false },
      identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
    } as never,
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  });
}

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), "countersign-epochs-"));
  await writeFile(join(folder, "test.rego"), policy);
  [one, two] = [await start(), await start()];
  await until(() => one.epochs.listening() && two.epochs.listening());
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await redis.close();
  await rm(folder, { recursive: true, force: true });
});

async function decide(sidecar: Sidecar, user = "ann"): Promise<{ cache: string; code: string }> {
  const request = {
    call: {
      kind: "tool",
      action: { name: "tool.call", properties: {} },
      resource: { type: "tool", id: "shell/ls", properties: {} },
    },
    credentials: { bearer: bearerOf(user) },
    context: { request: { id: "r-12345678", method: "POST", path: "/" } },
    obligations: [],
  } as unknown as DecisionRequest;
  const [decision] = await sidecar.own.decide(request);
  return { cache: decision?.cache ?? "", code: decision?.reasons[0]?.code ?? "" };
}

test("what is kept in the memory of one, and in Redis, ends with a bump at the other", async () => {
  let [users, user, code] = [0, "", ""];
  // one that reads Redis too early, or can't at the moment, decides itself, and keeps that
  await until(async () => {
    user = `user-${users++}`;
    ({ code } = await decide(one, user));
    return (await decide(two, user)).code === code;
  });
  await until(async () => (await decide(two, user)).cache === "l1");
  expect(await one.epochs.bump({ subject: user }, "left", "x")).toMatchObject({ kind: "done" });
  await until(async () => (await decide(two, user)).code !== code);
  expect((await decide(one, user)).code).not.toBe(code);
});

test("while bumps may be missed, what METADATA lets be kept isn't given again", async () => {
  await until(async () => (await decide(two)).cache === "l1");
  await redis.kill();
  await until(() => !two.epochs.listening());
  const [first, second] = [await decide(two), await decide(two)];
  expect([first.cache, second.cache]).toEqual(["none", "none"]);
  expect(first.code).not.toBe(second.code);
  await redis.start();
  await until(() => two.epochs.listening());
  await until(async () => (await decide(two)).cache === "l1");
});
