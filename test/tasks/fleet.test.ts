/** Two sidecars with their gateways on one Redis: what one knows holds at the other, whatever happens in between. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import type { Answer, Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";

const state = () => ({
  ...{ redis_url: redis.url, secret: "a secret of the whole fleet, long enough", grace_ms: 200 },
});
let redis: TestRedis;
let fleet: Fleet;
let one: Replica;
let two: Replica;
beforeAll(async () => {
  redis = await startRedis();
  fleet = await startFleet(2, { state: state() });
  [one, two] = fleet.replicas as [Replica, Replica];
  await until(async () => (await fleet.ask(one, "plain")).status === 200);
  await until(async () => (await fleet.ask(two, "plain")).status === 200);
});
afterAll(async () => {
  await fleet.close();
  await redis.close();
});

describe("what one replica knows", () => {
  test("holds at the other at once: labels, with where they come from", async () => {
    const user = "wanderer";
    // the other one knows the caller, and nothing against it
    expect(await fleet.ask(two, "sends", { user })).toMatchObject({ status: 200 });
    const { task } = await fleet.ask(one, "reads-private", { user });
    const denied = await fleet.ask(two, "sends", { user, task });
    expect(denied).toMatchObject({ status: 403 });
    expect(denied.text).toContain('"label":"private"');
    // nor does it help to drop the token, or to go back
    expect(await fleet.ask(two, "sends", { user })).toMatchObject({ status: 403 });
    expect(await fleet.ask(one, "sends", { user })).toMatchObject({ status: 403 });
  });

  test("a budget is one budget: 300 at once over both, none over", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) => fleet.ask(n % 2 === 0 ? one : two, "few", { user: "eager" })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
  });

  test("a fence cuts at the other, also what is in mid-stream", async () => {
    const user = "revoked";
    let streaming: Promise<Answer> | undefined;
    await new Promise<void>((begun) => {
      streaming = fleet.ask(two, "plain", { user, stream: true, begun });
    });
    const match = { tenant: "acme", subject: user };
    const added = await one.sidecar.fences.add({ match, reason: "left the company", by: "test" });
    expect(added.kind).toBe("done");
    const { status, text } = (await streaming) ?? {};
    expect(status).toBe(200);
    expect(text).toContain("fenced");
    expect(text).not.toContain("[DONE]");
    expect(await fleet.ask(two, "plain", { user })).toMatchObject({ status: 403, code: "fenced" });
  });
});

describe("a Redis that", () => {
  test("lost everything sheds no label, lifts no fence, gives no budget anew", async () => {
    const user = "forgotten";
    const { task } = await fleet.ask(one, "reads-private", { user });
    const match = { tenant: "acme", subject: "fenced-before" };
    await one.sidecar.fences.add({ match, reason: "test", by: "test" });
    await until(async () => (await fleet.ask(two, "plain", { user: "fenced-before" })).status === 403);
    for (let n = 0; n < 20; n++) await fleet.ask(one, "few", { user: "spender" });
    await redis.client.flushall();
    expect(await fleet.ask(one, "sends", { user, task })).toMatchObject({ status: 403 });
    for (const replica of [one, two]) {
      const asked = await fleet.ask(replica, "plain", { user: "fenced-before" });
      expect(asked).toMatchObject({ status: 403, code: "fenced" });
    }
    expect(await fleet.ask(one, "few", { user: "spender" })).toMatchObject({ status: 429 });
    // and so at who comes later
    const third = await fleet.add();
    await until(async () => (await fleet.ask(third, "plain")).status === 200);
    expect(await fleet.ask(third, "plain", { user: "fenced-before" })).toMatchObject({ status: 403 });
  });

  test("isn't there is a deny, until it is", async () => {
    const hasty = await fleet.add({
      ...{ state: { ...state(), wait_ms: 250 }, fences: { stale_after_ms: 1_000 } },
    });
    await until(async () => (await fleet.ask(hasty, "plain")).status === 200);
    redis.freeze();
    try {
      await until(async () => (await fleet.ask(hasty, "plain")).status === 503);
      const { text } = await fleet.ask(hasty, "plain");
      expect(text).toMatch(/state_unavailable|fences_stale/);
    } finally {
      redis.thaw();
    }
    await until(async () => (await fleet.ask(hasty, "plain")).status === 200);
    await until(async () => (await fleet.ask(one, "plain")).status === 200);
    await until(async () => (await fleet.ask(two, "plain")).status === 200);
  });
});

describe("a gateway that is killed in mid-stream", () => {
  test("gives back what its calls held", async () => {
    const user = "unlucky";
    const killed = await fleet.addGateway(one);
    const before = fleet.upstream.received.length;
    const streaming = fleet.ask(killed, "alone", { user, stream: true }).catch(() => undefined);
    // it holds the one place before anybody else asks for it
    await until(() => fleet.upstream.received.length > before);
    await until(async () => (await fleet.ask(two, "alone", { user })).status === 429);
    killed.kill();
    await streaming;
    await until(async () => (await fleet.ask(two, "alone", { user })).status === 200);
  });
});
