/** Ways around fences that were tried. */
import { mkdtemp, rm } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { FenceMatch } from "../../../sidecar/contract.js";
import { fenceKinds } from "../../../sidecar/contract.js";
import { createPoints } from "../../../sidecar/api/points.js";
import type { FencesConfig } from "../../../sidecar/state/fences/config.js";
import type { OpenFencesParts } from "../../../sidecar/state/fences/open.js";
import { createFenceSeal } from "../../../sidecar/state/fences/seal.js";
import { createWatch } from "../../../sidecar/state/watch/watch.js";
import type { TestRedis } from "../../redis.js";
import { sleep, startRedis, until } from "../../redis.js";
import type { Opened } from "./world.js";
import { open, secret } from "./world.js";

let redis: TestRedis;
let dir: string;
const opened: Opened[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "countersign-fences-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await redis.client.flushall();
  await rm(dir, { recursive: true, force: true });
});
afterAll(() => redis.close());

async function replica(
  config: Partial<FencesConfig> = {},
  parts: Partial<OpenFencesParts> = {},
): Promise<Opened> {
  const one = await open(config, { secret, redisAt: redis.url, ...parts });
  opened.push(one);
  return one;
}
const fresh = (one: Opened): Promise<void> => until(() => !one.status().stale);
const records = `cs:{fences-${createFenceSeal(secret).name}}:records`;

describe("who has an id that is hard to write is fenced off all the same, and spoils nothing", () => {
  const ids = [
    ["hidden characters", "eve\u200d\u00ad"],
    ["a separator of lines", "eve\u2028x"],
    ["the longest that there is", `spiffe://acme.example/${"x".repeat(2_000)}`],
    ["a name of JavaScript's", "__proto__"],
  ] as const;
  test.each(ids)("%s", async (_name, id) => {
    const handles = [`subject:${id}`, "tenant:acme"];
    const one = await replica({}, { dir });
    const two = await replica();
    await Promise.all([fresh(one), fresh(two)]);
    const watch = createWatch({
      rules: [
        {
          ...{ name: "canary", when: { kind: "tool", tool: "shell/canary" }, by: ["subject"] },
          ...{ seconds: 60, coolDownMs: 60_000 },
        },
      ],
      fence: (fence) => void one.add(fence),
      now: Date.now,
    });
    watch.seen({ handles, decided: { allow: true, action: "tool.call", tool: "shell/canary" } });
    await until(() => typeof two.check(handles) === "object");
    expect(two.kinds()).not.toContain("unauthentic");
    await one.close();
    const again = await replica({}, { dir, redisAt: undefined as never });
    expect([again.status().file_damaged, typeof again.check(handles)]).toEqual([false, "object"]);
    expect(again.check(["subject:eve", "tenant:acme"])).toBeUndefined();
  });
});

test("a fence that is too large to be read again isn't set: it would hold at one sidecar, and damage its file", async () => {
  const one = await replica({}, { dir });
  await fresh(one);
  const match = Object.fromEntries(
    fenceKinds.filter((kind) => kind !== "everything").map((kind) => [kind, "ü".repeat(2_048)]),
  ) as FenceMatch;
  const large = await one.add({ match, reason: "r", by: "mallory" });
  expect(large).toEqual({ kind: "refused", code: "invalid_request" });
  expect(one.list()).toEqual([]);
  const { chain = "", tenant = "" } = match;
  const less = await one.add({ match: { tenant, chain }, reason: "ü".repeat(1_000), by: "ann" });
  expect(less.kind).toBe("done");
  await one.close();
  const again = await replica({}, { dir, redisAt: undefined as never });
  expect([again.status().file_damaged, again.list().length]).toEqual([false, 1]);
});

test("a sidecar whose clock is days ahead takes no fence from who starts later", async () => {
  const one = await replica();
  await fresh(one);
  const added = await one.add({ match: { subject: "bob" }, reason: "left", by: "ann", seconds: 600 });
  expect(added.kind).toBe("done");
  const ahead = await replica({}, { now: () => Date.now() + 3 * 86_400_000 });
  await fresh(ahead);
  await sleep(150);
  expect(await redis.client.hlen(records)).toBe(1);
  await one.close();
  const late = await replica();
  await fresh(late);
  expect(late.check(["subject:bob"])).toMatchObject({ match: { subject: "bob" } });
});

describe("who fills the list leaves room for others", () => {
  test("one tenant's operators", async () => {
    const one = await open({ max: 20 });
    opened.push(one);
    const codes = new Set<string>();
    for (let n = 0; n < 30; n++) {
      const added = await one.add({
        match: { tenant: "acme", subject: `s-${n}` },
        reason: "r",
        by: "mallory",
      });
      codes.add(added.kind === "refused" ? added.code : added.kind);
    }
    expect([...codes]).toEqual(["done", "fences_full"]);
    const other = await one.add({ match: { tenant: "globex", subject: "bob" }, reason: "r", by: "gil" });
    expect(other.kind).toBe("done");
  });

  test("one that uses all combinations of kinds", async () => {
    const one = await open({ max: 1_000 });
    opened.push(one);
    const kinds = fenceKinds.filter((kind) => kind !== "everything" && kind !== "tenant");
    let refused = 0;
    for (const first of kinds)
      for (const second of kinds) {
        const match = { tenant: "acme", [first]: "x", [second]: "x" };
        if ((await one.add({ match, reason: "r", by: "mallory" })).kind === "refused") refused++;
      }
    expect(refused).toBeGreaterThan(0);
    const others = await one.add({ match: { subject: "bob", model: "m" }, reason: "r", by: "gil" });
    expect(others.kind).toBe("done");
  });

  test("signals that set and lift again and again", async () => {
    const one = await open({ max: 10 });
    opened.push(one);
    for (let n = 0; n < 40; n++) {
      const added = await one.add({ match: { subject: "bob" }, reason: `r ${n}`, by: "signal:idp" });
      if (added.kind === "done") await one.lift(added.fence.id, "signal:idp");
    }
    const person = await one.add({ match: { subject: "eve" }, reason: "r", by: "ann" });
    expect(person.kind).toBe("done");
  });
});

test("what isn't a file in its place doesn't hold up the start", async () => {
  execFileSync("mkfifo", [join(dir, "fences")]);
  const one = await open({}, { dir, secret });
  opened.push(one);
  expect([one.status().file_damaged, one.check(["subject:bob"])]).toEqual([true, "fences_stale"]);
});

test("a gateway that counts what it likes garbles no dry run", async () => {
  const points = createPoints(() => () => undefined);
  points.attach({ change: () => undefined, count: () => Promise.resolve({ constructor: 1, call: 2 }) });
  const one = await open();
  opened.push(one);
  one.serveCensus(points.count);
  const { live } = await one.census({ subject: "bob" });
  expect({ ...live }).toEqual({ constructor: 1, call: 2 });
});
