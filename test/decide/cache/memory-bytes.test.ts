/** What the cache says it takes is held against V8's heap. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Json } from "../../../sidecar/contract.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What the tests before left behind goes first. */
async function heap(): Promise<number> {
  for (let n = 0; n < 4; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A key as it is made, of many pieces. */
function keyOf(n: number, fill: string): string {
  let key = `"64:${"d".repeat(64)}`;
  for (const one of [
    `"20:countersign/decision`,
    `"4:acme0,o`,
    `"9:user-${1e6 + n}`,
    fill,
    `["6:group${n % 10}]`,
  ])
    key += one;
  return key;
}

/** As an evaluation gives it: objects without a prototype. */
function bare(members: Record<string, Json>): Json {
  return Object.assign(Object.create(null) as Record<string, Json>, members);
}

const plain = bare({ allow: true, reasons: [], obligations: [] });
const kinds: [name: string, fill: string, result: (n: number) => Json, tenants: number][] = [
  ["short keys, one outcome", '"3:abc', () => plain, 1],
  ["long keys", `"900:${"x".repeat(900)}`, () => plain, 1],
  ["keys beyond Latin-1", `"200:${"字".repeat(200)}`, () => plain, 1],
  ["very long keys, by their digest", `"9000:${"x".repeat(9_000)}`, () => plain, 1],
  [
    "an outcome each",
    '"3:abc',
    (n) =>
      bare({ allow: false, reasons: [bare({ code: `c${n}`, message: `user-${n} may not`, rule: "a.b" })] }),
    1,
  ],
  ["many tenants", '"3:abc', () => plain, 2_000],
];

/** None goes while another one is measured. */
const all: unknown[] = [];

/** Code and feedback of the first run are V8's, not the cache's. */
beforeAll(async () => {
  const cache = createMemoryCache({ maxEntries: 1e8, maxBytes: 2 ** 30 });
  all.push(cache);
  for (const [, fill, result] of kinds) {
    for (let n = 0; n < 2_000; n++)
      cache.set(
        keyOf(n, fill),
        { result: result(n), rules: ["a.b"], expiresAt: 1e15 },
        0,
        `tenant-${n % 50}`,
      );
  }
  await heap();
});

describe("bytes", () => {
  test.each(kinds)("%s: accounted is what the heap holds", async (_name, fill, result, tenants) => {
    const count = 8_000;
    const cache = createMemoryCache({ maxEntries: 1e8, maxBytes: 2 ** 30 });
    all.push(cache);
    const before = await heap();
    for (let n = 0; n < count; n++) {
      const value = { result: result(n), rules: ["a.b"], expiresAt: 1e15 };
      cache.set(keyOf(n, fill), value, 0, `tenant-${n % tenants}`);
    }
    const taken = (await heap()) - before;
    const { bytes, entries } = cache.figures();
    expect(entries).toBeGreaterThan(count - 5);
    expect(bytes / taken).toBeGreaterThan(0.9);
    expect(bytes / taken).toBeLessThan(1.5);
  });

  test("a flood of everything stays within the bound, as the heap has it", async () => {
    const maxBytes = 2 ** 20;
    const cache = createMemoryCache({ maxEntries: 1e6, maxBytes });
    all.push(cache);
    const prepared = cache.prepare(() => ({
      value: Buffer.from("x".repeat(500)).toString("hex"),
      bytes: 1_016,
    }));
    const before = await heap();
    let most = 0;
    for (let n = 0; n < 12_000; n++) {
      const own = n % 3 === 0 ? bare({ n, text: "y".repeat(n % 700) }) : plain;
      const kept = cache.set(
        keyOf(n, "z".repeat(n % 97)),
        { result: own, rules: [], expiresAt: 1e15 },
        0,
        `t${n % 50}`,
      );
      if (n % 5 === 0) prepared(kept.outcome);
      most = Math.max(most, cache.figures().bytes);
    }
    expect(most).toBeLessThanOrEqual(maxBytes);
    expect(cache.figures().entries).toBeGreaterThan(200);
    expect((await heap()) - before).toBeLessThan(1.6 * maxBytes);
    cache.clear();
    expect(cache.figures()).toMatchObject({ bytes: 0, entries: 0, tenants: 0 });
    expect((await heap()) - before).toBeLessThan(0.8 * maxBytes);
  });
});
