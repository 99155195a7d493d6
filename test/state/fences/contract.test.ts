/** What holds of fences wherever they are kept. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { FenceChange } from "../../../sidecar/contract.js";
import type { FencesConfig } from "../../../sidecar/state/fences/config.js";
import type { OpenFencesParts } from "../../../sidecar/state/fences/open.js";
import type { TestRedis } from "../../redis.js";
import { startRedis, until } from "../../redis.js";
import type { Opened } from "./world.js";
import { open, secret } from "./world.js";

let redis: TestRedis;
let dir: string;
beforeAll(async () => {
  redis = await startRedis();
  dir = await mkdtemp(join(tmpdir(), "countersign-fences-"));
});
afterAll(async () => {
  await redis.close();
  await rm(dir, { recursive: true, force: true });
});

const kinds: Record<string, (config?: Partial<FencesConfig>) => Partial<OpenFencesParts>> = {
  memory: () => ({}),
  file: () => ({ secret, dir: join(dir, String(Math.random())) }),
  redis: () => ({ secret: `${secret}${Math.random()}`, redisAt: redis.url }),
  "redis and file": () => ({
    secret: `${secret}${Math.random()}`,
    redisAt: redis.url,
    dir: join(dir, String(Math.random())),
  }),
};

describe.each(Object.entries(kinds))("%s", (_name, parts) => {
  let fences: Opened;
  let now = Date.now();
  const begin = async (config: Partial<FencesConfig> = {}): Promise<void> => {
    now = Date.now();
    fences = await open(config, { ...parts(), now: () => now });
    await until(() => fences.check(["subject:nobody"]) === undefined);
  };
  afterEach(() => fences.close());

  test("one that is added cuts off until it is lifted, or expires", async () => {
    await begin();
    const added = await fences.add({ match: { subject: "bob" }, reason: "left", by: "ann" });
    expect(added).toMatchObject({ kind: "done", fence: { reason: "left", by: "ann", at: now } });
    expect(fences.check(["subject:bob"])).toEqual({
      id: added.kind === "done" ? added.fence.id : "",
      match: { subject: "bob" },
    });
    await fences.add({ match: { tool: "a/b" }, reason: "hour", by: "ann", seconds: 3_600 });
    expect(fences.list()).toHaveLength(2);
    now += 3_600_001;
    expect(fences.check(["tool:a/b"])).toBeUndefined();
    expect(fences.list()).toHaveLength(1);
    const id = added.kind === "done" ? added.fence.id : "";
    expect(await fences.lift(id, "cid")).toMatchObject({
      kind: "done",
      fence: { state: "lifted", version: 2 },
    });
    expect(fences.check(["subject:bob"])).toBeUndefined();
    // a second time is no other thing
    expect(await fences.lift(id, "cid")).toMatchObject({ kind: "done", fence: { version: 2 } });
    expect(await fences.lift("f-unknown", "cid")).toEqual({ kind: "refused", code: "unknown_fence" });
  });

  test("who subscribes gets all, then each change, until they end it", async () => {
    await begin();
    await fences.add({ match: { model: "m" }, reason: "r", by: "ann" });
    const changes: FenceChange[] = [];
    const end = fences.subscribe((change) => changes.push(change));
    fences.subscribe(({ kind }) => {
      if (kind !== "all") throw new Error("a listener that fails");
    });
    const added = await fences.add({ match: { model: "n" }, reason: "r", by: "ann", seconds: 60 });
    const id = added.kind === "done" ? added.fence.id : "";
    await fences.lift(id, "ann");
    end();
    await fences.add({ match: { model: "o" }, reason: "r", by: "ann" });
    expect(changes.map(({ kind, fences: some }) => [kind, some.map(({ match }) => match.model)])).toEqual([
      ["all", ["m"]],
      ["added", ["n"]],
      ["lifted", ["n"]],
    ]);
    expect(changes[1]?.fences[0]).toEqual({ id, match: { model: "n" }, expires: now + 60_000 });
  });

  test("two people lift where two must: not one twice, nor a rule", async () => {
    await begin({ secondPerson: true });
    const added = await fences.add({ match: { subject: "bob" }, reason: "r", by: "rule:denials" });
    const id = added.kind === "done" ? added.fence.id : "";
    for (const by of ["rule:denials", "policy:x", "signal:idp"]) {
      expect(await fences.lift(id, by)).toEqual({ kind: "refused", code: "operator_refused" });
    }
    expect(await fences.lift(id, "Ann@acme.example")).toMatchObject({ kind: "waits", fence: { version: 2 } });
    for (const same of ["Ann@acme.example", "ann@acme.example ", "ＡNN@acme.example"]) {
      expect(await fences.lift(id, same)).toMatchObject({ kind: "waits", fence: { version: 2 } });
    }
    expect(fences.check(["subject:bob"])).toMatchObject({ id });
    expect(fences.status()).toMatchObject({ in_force: 1, waiting_for_second_person: 1 });
    // who asked a day ago doesn't wait any more
    now += 86_400_001;
    expect(await fences.lift(id, "cid@acme.example")).toMatchObject({ kind: "waits", fence: { version: 3 } });
    expect(await fences.lift(id, "ann@acme.example")).toMatchObject({
      kind: "done",
      fence: { state: "lifted", lift: { by: "cid@acme.example", agreed: "ann@acme.example" } },
    });
    expect(fences.check(["subject:bob"])).toBeUndefined();
  });

  test("there are no more than may be; what comes by itself leaves room for people, and comes once", async () => {
    await begin({ max: 10 });
    for (let i = 0; i < 12; i++)
      await fences.add({ match: { subject: `s${i}` }, reason: "r", by: "rule:denials", seconds: 60 });
    expect(fences.list()).toHaveLength(8);
    for (let i = 0; i < 3; i++)
      await fences.add({ match: { subject: "s1" }, reason: "r", by: "policy:x", seconds: 60 });
    expect(fences.list()).toHaveLength(8);
    await fences.add({ match: { subject: "p1" }, reason: "r", by: "ann" });
    await fences.add({ match: { subject: "p2" }, reason: "r", by: "ann" });
    expect(await fences.add({ match: { subject: "p3" }, reason: "r", by: "ann" })).toEqual({
      kind: "refused",
      code: "fences_full",
    });
    // nothing in force went for another's sake
    expect(fences.check(["subject:s0"])).toBeDefined();
    expect(fences.check(["subject:p1"])).toBeDefined();
  });

  test("a clock that is set back lifts none", async () => {
    await begin();
    await fences.add({ match: { subject: "bob" }, reason: "r", by: "ann", seconds: 3_600 });
    now -= 86_400_000;
    expect(fences.check(["subject:bob"])).toBeDefined();
  });
});
