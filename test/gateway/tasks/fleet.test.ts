/** A token over a fleet: what one replica signs, the other takes; what one ends, the other refuses. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TestRedis } from "../../redis.js";
import { startRedis, until } from "../../redis.js";
import type { Fleet, Replica } from "../../tasks/fleet.js";
import { startFleet } from "../../tasks/fleet.js";

let redis: TestRedis;
let fleet: Fleet;
beforeAll(async () => {
  redis = await startRedis();
  fleet = await startFleet(2, {
    state: { redis_url: redis.url, secret: "a secret of the whole fleet, 32 characters" },
  });
  for (const one of fleet.replicas) await until(async () => (await fleet.ask(one, "plain")).status === 200);
});
afterAll(async () => {
  await fleet.close();
  await redis.close();
});

async function begin({ url }: Replica, user: string): Promise<{ id: string; token: string }> {
  const answer = await fetch(`${url}/v1/tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${fleet.tokenOf(user)}`, "content-type": "application/json" },
    body: "{}",
  });
  return (await answer.json()) as { id: string; token: string };
}

function replica(n: number): Replica {
  const found = fleet.replicas[n];
  if (found === undefined) throw new Error("no such replica");
  return found;
}

test("begun at one, used at the other; ended there, refused here", async () => {
  const [here, there] = [replica(0), replica(1)];
  const { id, token: task } = await begin(here, "carol");
  expect((await fleet.ask(there, "proven", { user: "carol", task })).status).toBe(200);
  expect((await fleet.ask(there, "proven", { user: "dave", task })).code).toBe("task_token_misbound");
  const ended = await fetch(`${there.url}/v1/tasks/${id}/end`, {
    method: "POST",
    headers: { authorization: `Bearer ${fleet.tokenOf("carol")}`, "x-countersign-task": task },
  });
  expect(ended.status).toBe(200);
  expect((await fleet.ask(here, "proven", { user: "carol", task })).code).toBe("task_ended");
});

test("what Redis holds is of no use without the secret: neither keys nor tokens lie there in the clear", async () => {
  const { token } = await begin(replica(0), "erin");
  await fleet.ask(replica(1), "reads-private", { user: "erin", task: token });
  const kept: string[] = [];
  for (const key of await redis.client.keys("*")) {
    kept.push(key);
    const type = await redis.client.type(key);
    if (type === "string") kept.push((await redis.client.getBuffer(key))?.toString("latin1") ?? "");
    if (type === "hash") kept.push(JSON.stringify(await redis.client.hgetall(key)));
  }
  const text = kept.join("\n");
  expect(kept.length).toBeGreaterThan(2);
  expect(text).not.toContain(token.split(".")[2]);
  expect(text).not.toMatch(/"d":|BEGIN PRIVATE/);
});
