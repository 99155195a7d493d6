/** Three sidecars on one Redis, which is stopped, started, frozen, emptied, set back and forged. */
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Redis } from "ioredis";
import type { JsonObject } from "../../sidecar/contract.js";
import type { Coming } from "../../sidecar/state/bundles/coming.js";
import { createComing, largestTold, longestMs } from "../../sidecar/state/bundles/coming.js";
import { createPushedSeal } from "../../sidecar/state/bundles/seal.js";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import type { Replica } from "./world.js";
import { bundleOf, keys, newDir, removeDirs, startReplica } from "./world.js";

jest.setTimeout(60_000);

let redis: TestRedis;
let fleet: Replica[];
const dirs: string[] = [];
let version = 0;

const start = async (more: Parameters<typeof startReplica>[0] = {}): Promise<Replica> => {
  const replica = await startReplica({ redisUrl: redis.url, ...more });
  dirs.push(replica.dir);
  return replica;
};
beforeAll(async () => {
  redis = await startRedis();
  fleet = await Promise.all([start(), start(), start()]);
}, 60_000);
afterAll(async () => {
  await Promise.all(fleet.map((one) => one.stop()));
  await redis.close();
  await removeDirs(dirs);
});

const at = (i: number): Replica => {
  const one = fleet[i];
  if (one === undefined) throw new Error("no such replica");
  return one;
};
const next = (revision: string): Promise<Buffer> => bundleOf({ revision, version: ++version });
const allServe = (revision: string): Promise<void> =>
  until(
    async () => (await Promise.all(fleet.map((one) => one.inForce()))).every((one) => one === revision),
    30,
  );
const headAt = async (one: Replica): Promise<JsonObject> => {
  const { body } = await one.ask("GET", "/v1/bundles", keys.viewer);
  return (body["bundles"] as JsonObject[])[0] ?? {};
};
const keysOf = async (pattern: string): Promise<string[]> => redis.client.keys(pattern);

test("what is pushed to one is in force in all", async () => {
  const pushed = await at(0).push(await next("f1"));
  expect(pushed.body).toMatchObject({ bundle: { generation: 1 }, kept: ["memory", "redis", "disk"] });
  await allServe("f1");
  const second = await at(1).push(await next("f2"));
  expect(second.body).toMatchObject({ bundle: { generation: 2 } });
  await allServe("f2");
  expect(await headAt(at(2))).toMatchObject({
    generation: 2,
    by: "pusher",
    here: { generation: 2, revision: "f2" },
  });
});

test("of two at once, in two places, one wins everywhere", async () => {
  const [a, b] = [await next("a"), await next("b")];
  const answers = await Promise.all([at(0).push(a), at(1).push(b)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  const won = answers[0]?.status === 201 ? "a" : "b";
  const lost = answers.find(({ status }) => status === 409);
  expect(lost?.body).toMatchObject({ code: "bundle_conflict", bundle: { revision: won } });
  await allServe(won);
});

test("one that starts later has it, and one that was away", async () => {
  const late = await start();
  expect(await late.inForce()).toBe(await at(0).inForce());
  expect(await headAt(late)).toMatchObject({ generation: 3 });
  await late.stop();
  await at(0).push(await next("meanwhile"));
  const again = await start({ dir: late.dir });
  expect(await again.inForce()).toBe("meanwhile");
  await again.stop();
});

test("without Redis nothing is in force anywhere; it is said, and consistent once it is back", async () => {
  const before = await at(0).inForce();
  await redis.kill();
  const bytes = await next("while-away");
  const refused = await at(0).push(bytes);
  expect([refused.status, refused.body["code"]]).toEqual([503, "push_not_carried"]);
  expect(await Promise.all(fleet.map((one) => one.inForce()))).toEqual([before, before, before]);
  // it comes back empty: whoever knows more writes it again, content included
  await redis.start();
  await until(async () => (await at(0).push(bytes)).status < 300, 30);
  await allServe("while-away");
  await until(async () => (await keysOf("*blob*")).length >= 5, 30);
  const late = await start();
  expect(await late.inForce()).toBe("while-away");
  await late.stop();
});

test("a push during which Redis goes and comes back is in force once, everywhere", async () => {
  const bytes = await next("through");
  redis.freeze();
  const pushing = at(1).push(bytes);
  setTimeout(() => {
    redis.thaw();
  }, 1_000);
  const first = await pushing;
  const done = first.status === 503 ? await at(1).push(bytes) : first;
  expect([200, 201]).toContain(done.status);
  await allServe("through");
  const heads = await Promise.all(fleet.map(headAt));
  expect(new Set(heads.map(({ generation }) => generation)).size).toBe(1);
});

test("what Redis was set back to, and what others write there, changes nothing", async () => {
  const [recordsKey = ""] = await keysOf("cs:{bundles-*}:records");
  const old = await redis.client.hgetall(recordsKey);
  await at(0).push(await next("newest"));
  await allServe("newest");
  const { generation } = await headAt(at(0));
  const [id = ""] = Object.keys(old);
  const forged = (old[id] ?? "").replace(/"revision":"[^"]*"/, '"revision":"forged"');
  for (const text of [old[id] ?? "", forged, "garbage", "x".repeat(300_000), ""]) {
    await redis.client.hset(recordsKey, id, text);
    await redis.client.set(recordsKey.replace("records", "revision"), `tampered-${text.length}`);
    await until(async () => (await redis.client.hget(recordsKey, id))?.includes('"newest"') === true, 30);
    await allServe("newest");
  }
  expect(await headAt(at(2))).toMatchObject({ generation, here: { generation } });
});

test("content that was changed in Redis isn't taken; it is asked again", async () => {
  const digest = String((await headAt(at(0)))["digest"]);
  const [blob = ""] = await keysOf(`*blob:${digest}`);
  const bytes = (await redis.client.getBuffer(blob)) ?? Buffer.alloc(0);
  await redis.client.set(blob, Buffer.alloc(bytes.byteLength, 7));
  const dir = await newDir();
  const late = await start({ dir });
  expect(await late.inForce()).toBeUndefined();
  expect((await headAt(late))["here"]).toMatchObject({ code: "source_unreachable" });
  await redis.client.set(blob, bytes);
  await until(async () => (await late.inForce()) === "newest", 30);
  await late.stop();
});

test("what is coming is heard once, of the own fleet, while it is new, where it is small", async () => {
  let clock = 1_000_000;
  const heard: string[] = [];
  const clients: Redis[] = [];
  const open = async (secret: string, name: string): Promise<Coming> => {
    const [own, subscriber] = [redis.client.duplicate(), redis.client.duplicate()];
    clients.push(own, subscriber);
    await Promise.all([own.ping(), subscriber.ping()]);
    return createComing({
      ...{ redis: own, subscriber, channel: "coming", seal: createPushedSeal(secret), now: () => clock },
      onComing: (bundle, bytes) => heard.push(`${name} ${bundle} ${Buffer.from(bytes).toString()}`),
    });
  };
  const secret = "a-secret-of-at-least-thirty-two-characters";
  const one = await open(secret, "one");
  await open(secret, "two");
  const stranger = await open(`${secret}-of-others`, "stranger");
  const said: string[] = [];
  const listener = redis.client.duplicate();
  clients.push(listener);
  listener.on("message", (_channel: string, text: string) => said.push(text));
  await listener.subscribe("coming");
  await until(async () => Number((await redis.client.pubsub("NUMSUB", "coming"))[1]) === 4);
  stranger.tell("app", Buffer.from("theirs"));
  one.tell("app", Buffer.alloc(largestTold + 1));
  one.tell("app", Buffer.from("first"));
  await until(() => said.length === 2 && heard.length > 0);
  const [, first = ""] = said;
  await redis.client.publish("coming", first);
  await redis.client.publish("coming", first.replace("app", "apq"));
  await redis.client.publish("coming", "garbage");
  clock += longestMs + 1;
  await open(secret, "late");
  await until(async () => Number((await redis.client.pubsub("NUMSUB", "coming"))[1]) === 5);
  await redis.client.publish("coming", first);
  one.tell("app", Buffer.from("last"));
  await until(() => heard.includes("two app last") && heard.includes("late app last"));
  expect(heard.sort()).toEqual(["late app last", "two app first", "two app last"]);
  for (const client of clients) client.disconnect();
});

test("a fleet of another secret knows nothing of it", async () => {
  const other = await start({ secret: "another-fleets-secret-of-at-least-32-characters" });
  expect(await other.inForce()).toBeUndefined();
  await other.push(await bundleOf({ revision: "theirs", version: 1 }));
  expect(await other.inForce()).toBe("theirs");
  await allServe("newest");
  await other.stop();
});

test("one that can't take it keeps the last good one, and says why", async () => {
  const odd = await start({ verify: { canary: "/nowhere/canary.yaml" } });
  expect(await odd.inForce()).toBeUndefined();
  expect((await headAt(odd))["here"]).toMatchObject({ code: "canary_unreadable" });
  await odd.stop();
});

test("a rollback reaches all", async () => {
  const { body } = await at(0).ask("GET", "/v1/bundles/app", keys.viewer);
  const [, before] = body["generations"] as JsonObject[];
  const to = before?.["revision"] as string;
  const back = await at(2).ask("POST", "/v1/bundles/app/rollback", keys.lead, { reason: "worse" });
  expect([back.status, back.body["bundle"]]).toMatchObject([201, { action: "rollback", revision: to }]);
  await allServe(to);
});
