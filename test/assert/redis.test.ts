/** A fleet on a real Redis: its members agree on keys, and what others write there is never used. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import { createAssert } from "../../sidecar/assert/assert.js";
import { exportSigningKey, generateSigningKey } from "../../sidecar/assert/keys.js";
import { createRedisKeyStore } from "../../sidecar/assert/redis-store.js";
import { createKeySeal } from "../../sidecar/assert/seal.js";
import type { KeyStore } from "../../sidecar/assert/store.js";
import { startRedis, type TestRedis } from "../redis.js";
import { factsOf, hour, kids, start, startRing, type TestRing } from "./facts.js";

const secret = "a secret of the whole fleet, 32 characters and more";
const context = ["https://countersign.example", "ES256", String(hour)];

let redis: TestRedis;
const stores: KeyStore[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await redis.client.flushall();
});
afterAll(() => redis.close());

function open(of = secret, agreed = context): KeyStore {
  const client = new Redis(redis.url, {
    maxRetriesPerRequest: 1,
    commandTimeout: 1_000,
    disconnectTimeout: 50,
  });
  client.on("error", () => undefined);
  const store = createRedisKeyStore({
    redis: client,
    seal: createKeySeal(of, agreed),
    algorithm: "ES256",
    now: () => start,
  });
  stores.push(store);
  return store;
}

const join = (store = open(), time = start): Promise<TestRing> => startRing({ store, time });

async function verifies(signer: TestRing, verifier: TestRing): Promise<boolean> {
  const assert = createAssert({
    issuer: "i",
    lifetime: 60,
    signer: signer.signer,
    newId: () => "j",
    now: () => start,
  });
  const asserted = assert({ audience: "a" }, factsOf());
  if (asserted.kind === "refused") throw new Error(asserted.code);
  const keys = createLocalJWKSet(JSON.parse(verifier.published()) as JSONWebKeySet);
  return jwtVerify(asserted.assertion.token, keys, { currentDate: new Date(start) }).then(
    () => true,
    () => false,
  );
}

test("ten members that start at once have the same keys, and each verifies what any other signed", async () => {
  const members = await Promise.all(Array.from({ length: 10 }, () => join()));
  expect(new Set(members.map((member) => kids(member).sort().join(" "))).size).toBe(1);
  expect(new Set(members.map((member) => member.key().kid)).size).toBe(1);
  for (const signer of members.slice(0, 3)) {
    for (const verifier of members) expect(await verifies(signer, verifier)).toBe(true);
  }
});

test("one that joins an hour later knows the key that signed before", async () => {
  const first = await join();
  const old = first.key().kid;
  const later = await join(open(), start + hour);
  expect(kids(later)).toContain(old);
  expect(later.key().kid).not.toBe(old);
  expect(kids(first)).toContain(later.key().kid);
});

test("what lies there tells nothing of the keys, and goes when they do", async () => {
  const ring = await join();
  const der = exportSigningKey(ring.key());
  const names = await redis.client.keys("*");
  expect(names).toHaveLength(2);
  for (const name of names) {
    const text = (await redis.client.get(name)) ?? "";
    expect(name).toMatch(/^countersign:a1:[\w-]{22}:\d+$/);
    expect(text).toMatch(/^1\.[\w-]+$/);
    const bytes = Buffer.from(text.slice(2), "base64url");
    expect(bytes.includes(der.subarray(-32))).toBe(false);
    expect(text).not.toContain(ring.key().kid);
    const life = await redis.client.pttl(name);
    expect(life).toBeGreaterThan(hour / 2);
    expect(life).toBeLessThan(4 * hour);
  }
});

describe("a value that isn't this fleet's is refused, told, and left where it is", () => {
  const nameOf = (epoch: number): string => createKeySeal(secret, context).nameOf(epoch);
  const epoch = Math.floor(start / hour);
  const forge = async (of: string, agreed: readonly string[], name: string): Promise<string> =>
    createKeySeal(of, agreed).close(name, exportSigningKey(await generateSigningKey("ES256")));
  const flip = (text: string, at: number): string =>
    text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const genuine = async (): Promise<string> => forge(secret, context, nameOf(epoch));

  const values: readonly (readonly [string, () => Promise<string> | string])[] = [
    [
      "sealed with another secret",
      () => forge("another secret of thirty-two characters", context, nameOf(epoch)),
    ],
    ["sealed for another issuer", () => forge(secret, ["https://other", ...context.slice(1)], nameOf(epoch))],
    ["sealed for another epoch", () => forge(secret, context, nameOf(epoch - 24))],
    [
      "another algorithm's key",
      async () =>
        createKeySeal(secret, context).close(
          nameOf(epoch),
          exportSigningKey(await generateSigningKey("EdDSA")),
        ),
    ],
    ["changed in its nonce", async () => flip(await genuine(), 3)],
    ["changed in its tag", async () => flip(await genuine(), 25)],
    ["changed in its text", async () => flip(await genuine(), 80)],
    ["of another version", async () => `2.${(await genuine()).slice(2)}`],
    ["cut short", async () => (await genuine()).slice(0, 40)],
    ["an unsealed key", async () => exportSigningKey(await generateSigningKey("ES256")).toString("base64")],
    ["garbage", () => "{}"],
    ["very long", () => "1." + "A".repeat(100_000)],
  ];
  test.each(values)("%s", async (_name, make) => {
    const value = await make();
    await redis.client.set(nameOf(epoch), value);
    const ring = await join();
    expect(ring.events).toContainEqual({ kind: "assertion_key_refused", epoch });
    // the next hour's key is the fleet's own: it signs already, and is published
    expect(kids(ring)).toEqual([ring.key().kid]);
    expect(await redis.client.get(nameOf(epoch))).toBe(value);
  });

  test("a member that has its keys goes on with them", async () => {
    const ring = await join();
    const { kid } = ring.key();
    await redis.client.set(nameOf(epoch), "garbage");
    await ring.refresh();
    expect(ring.key().kid).toBe(kid);
    expect(ring.events).toContainEqual({ kind: "assertion_key_refused", epoch });
  });
});

test("fleets with secrets of their own share a Redis without seeing each other", async () => {
  const ours = await join();
  const theirs = await join(open("another secret of thirty-two characters"));
  expect(theirs.events).toEqual([]);
  expect(await verifies(theirs, ours)).toBe(false);
});

test("keys that Redis lost are put back by who has them: a newcomer gets the same", async () => {
  const ring = await join();
  await redis.client.flushall();
  await ring.refresh();
  expect((await join()).key().kid).toBe(ring.key().kid);
});

test("members that were apart come together, and each goes on publishing what it signed with", async () => {
  const one = await join();
  await redis.client.flushall();
  const other = await join();
  expect(other.key().kid).not.toBe(one.key().kid);
  const before = one.key().kid;
  await one.refresh();
  expect(one.key().kid).toBe(other.key().kid);
  expect(kids(one)).toContain(before);
});

test("a Redis that is gone: keys that are there serve on; a newcomer signs nothing until it is back", async () => {
  const ring = await join();
  await redis.kill();
  await ring.refresh();
  expect(ring.signer()).toBeDefined();
  const newcomer = await join();
  expect(newcomer.signer()).toBeUndefined();
  await redis.start();
  await newcomer.refresh();
  expect(newcomer.signer()).toBeDefined();
});
