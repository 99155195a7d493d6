import { describe, expect, test } from "@jest/globals";
import type { SigningKey } from "../../sidecar/assert/keys.js";
import type { KeyStore, Settled } from "../../sidecar/assert/store.js";
import { aloneStore } from "../../sidecar/assert/store.js";
import { hour, kids, start, startRing } from "./facts.js";

test("publishes the key that signs and the next one, without their private parts", async () => {
  const ring = await startRing();
  expect(kids(ring)).toHaveLength(2);
  expect(kids(ring)).toContain(ring.key().kid);
  const { keys } = JSON.parse(ring.published()) as { keys: object[] };
  for (const key of keys)
    expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
});

test("signs with the next key when its hour has come: it was published before, the last one still is", async () => {
  const ring = await startRing();
  const before = kids(ring);
  const first = ring.key().kid;
  ring.at(start + hour);
  const second = ring.key().kid;
  expect(second).not.toBe(first);
  expect(before).toContain(second);
  expect(ring.events).toContainEqual({ kind: "assertion_key_rotated", kid: second });
  await ring.refresh();
  expect(kids(ring)).toEqual(expect.arrayContaining([first, second]));
  expect(kids(ring)).toHaveLength(3);
});

test("a key stays published for an hour after its last signature, then goes", async () => {
  const ring = await startRing();
  const first = ring.key().kid;
  for (const hours of [1, 2, 3]) {
    ring.at(start + hours * hour);
    await ring.refresh();
    expect([hours, kids(ring).includes(first)]).toEqual([hours, hours < 2]);
  }
  expect(kids(ring)).toHaveLength(3);
});

test("a clock that is set back finds a key that is published", async () => {
  const ring = await startRing();
  ring.at(start - hour);
  expect(kids(ring)).toContain(ring.key().kid);
});

describe("a store that can't be asked", () => {
  const failing = (from: number): { store: KeyStore; fail(): void } => {
    let asked = 0;
    let failing = from === 0;
    return {
      fail: () => {
        failing = true;
      },
      store: {
        settle: (epoch: number, offered: SigningKey | undefined, until: number): Promise<Settled> => {
          asked++;
          return failing
            ? Promise.resolve({ kind: "unavailable" })
            : aloneStore.settle(epoch, offered, until);
        },
        close: () => expect(asked).toBeGreaterThan(0),
      },
    };
  };

  test("at the start: nothing is signed, and that is told", async () => {
    const ring = await startRing({ store: failing(0).store });
    expect(ring.signer()).toBeUndefined();
    expect(kids(ring)).toEqual([]);
    expect(ring.events).toContainEqual({ kind: "assertion_keys_unavailable" });
  });

  test("later: the next key signs, and for one hour past its time; then nothing", async () => {
    const { store, fail } = failing(1);
    const ring = await startRing({ store });
    fail();
    const signed: (string | undefined)[] = [];
    for (const hours of [0, 1, 2, 3]) {
      ring.at(start + hours * hour);
      await ring.refresh();
      const kid = ring.signer()?.kid;
      signed.push(kid);
      if (kid !== undefined) expect(kids(ring)).toContain(kid);
    }
    expect(signed[1]).toBe(signed[2]);
    expect(signed[0]).not.toBe(signed[1]);
    expect(signed[3]).toBeUndefined();
  });
});

test("over hours, with restarts, whoever keeps a set for five minutes has the key of every assertion that is alive", async () => {
  // what a fleet shares
  const shared = new Map<number, SigningKey>();
  const store: KeyStore = {
    settle(epoch, offered) {
      const key = shared.get(epoch) ?? offered;
      if (key !== undefined) shared.set(epoch, key);
      return Promise.resolve(key === undefined ? { kind: "none" } : { kind: "key", key });
    },
    close: () => undefined,
  };
  const members = await Promise.all([startRing({ store }), startRing({ store })]);
  const step = 10_000;
  const [keptFor, life] = [300_000 / step, 60_000 / step];
  const sets: string[][][] = [];
  const signed: { readonly kid: string; readonly at: number }[] = [];
  const missing: string[] = [];
  let checked = 0;
  for (let now = 0; now < (3.5 * hour) / step; now++) {
    for (const [i, member] of members.entries()) {
      member.at(start + now * step);
      if (now % 3 === i) await member.refresh();
      signed.push({ kid: member.key().kid, at: now });
    }
    // each comes back with nothing but what the fleet shares: once half a minute after an hour began
    if (now % 71 === 2) members[now % 2] = await startRing({ store, time: start + now * step });
    sets.push(members.map((member) => kids(member)));
    const alive = signed.filter(({ at }) => now - at <= life);
    for (const kept of sets.slice(-keptFor).flat()) {
      for (const { kid } of alive) {
        checked++;
        if (!kept.includes(kid)) missing.push(`${kid} at ${now}`);
      }
    }
  }
  expect(missing).toEqual([]);
  expect(checked).toBeGreaterThan(100_000);
  expect(new Set(signed.map(({ kid }) => kid)).size).toBe(4);
});
