/** Through real gateways: what was granted before is cut and what is granted after counts; and what nobody can know is cut, too. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import { bearer, issuer, pushTo, startTransmitter, transmitterConfig, uris } from "../signals/world.js";
import type { Transmitter } from "../signals/world.js";
import { secret } from "../state/fences/world.js";
import type { Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";

let redis: TestRedis;
let from: Transmitter;
let fleet: Fleet;
beforeAll(async () => {
  [redis, from] = await Promise.all([startRedis(), startTransmitter()]);
  fleet = await startFleet(2, {
    state: { redis_url: redis.url, secret },
    signals: { transmitters: [transmitterConfig(from)] },
  });
});
afterAll(async () => {
  await fleet.close();
  await from.close();
  await redis.close();
});

function both(): readonly [Replica, Replica] {
  const [one, two] = fleet.replicas;
  if (one === undefined || two === undefined) throw new Error("there are two");
  return [one, two];
}

interface Streaming {
  readonly rest: Promise<string>;
  over: boolean;
}

/** A stream of minutes. */
async function stream(
  { url }: Replica,
  user: string,
  headers: Record<string, string> = {},
): Promise<Streaming> {
  const ask = (): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${fleet.tokenOf(user)}`,
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify({
        ...{ model: "plain", stream: true, max_tokens: 100_000 },
        messages: [{ role: "user", content: "hi" }],
      }),
    });
  let response = await ask();
  // a Redis that is back may be slow for a moment, and what is slow is denied
  await until(async () => {
    if (response.status !== 503) return true;
    await response.text();
    response = await ask();
    return false;
  });
  expect(response.status).toBe(200);
  const streaming: Streaming = { rest: response.text(), over: false };
  const over = (): void => {
    streaming.over = true;
  };
  streaming.rest.then(over, over);
  return streaming;
}

test("a session revoked: what was issued before is cut everywhere, and a new sign-in works at once", async () => {
  const [one, two] = both();
  const before = await fleet.ask(two, "plain", { user: "ann" });
  expect(before.status).toBe(200);
  const live = await stream(two, "ann");
  const others = await stream(two, "bob");
  const now = Math.floor(Date.now() / 1000);
  const door = `http://${(one.sidecar.addresses[1] ?? "").replace(/^http:\/\//, "")}/v1/signals/idp`;
  const subject = { format: "iss_sub", iss: issuer, sub: "ann" };
  const claims = from.claims(`${uris.caep}session-revoked`, subject, { event_timestamp: now - 2 });
  expect((await pushTo(door, from.sign(claims), bearer, "application/secevent+jwt")).status).toBe(202);
  expect(await live.rest).toContain('"code":"fenced"');
  expect(others.over).toBe(false);

  const later = { user: "ann", claims: { iat: now } };
  const cases = [
    { name: "issued before", how: { user: "ann" }, code: "fenced" },
    { name: "issued after", how: later },
    { name: "in the same second", how: { user: "ann", claims: { iat: now - 2 } }, code: "fenced" },
    { name: "in the next one", how: { user: "ann", claims: { iat: now - 1 } } },
    {
      name: "renewed, and signed in before",
      how: { user: "ann", claims: { iat: now, auth_time: now - 60 } },
      code: "fenced",
    },
    { name: "renewed, and signed in after", how: { user: "ann", claims: { iat: now, auth_time: now } } },
    { name: "at a time that nobody knows", how: { user: "ann", claims: { iat: undefined } }, code: "fenced" },
    { name: "somebody else's", how: { user: "bob" } },
  ];
  for (const { name, how, code } of cases)
    for (const replica of [one, two]) {
      const answer = await fleet.ask(replica, "plain", how);
      expect([name, answer.status, answer.code]).toEqual([name, code === undefined ? 200 : 403, code]);
    }
  expect(others.over).toBe(false);
});

test("a task begun before is over with its token, whoever signs in anew", async () => {
  const [one] = both();
  const iat = Math.floor(Date.now() / 1000);
  const { task } = await fleet.ask(one, "plain", { user: "cid", claims: { iat } });
  expect(task).toBeDefined();
  const door = `http://${(one.sidecar.addresses[1] ?? "").replace(/^http:\/\//, "")}/v1/signals/idp`;
  const subject = { format: "iss_sub", iss: issuer, sub: "cid" };
  const claims = from.claims(`${uris.caep}credential-change`, subject, {
    ...{ credential_type: "password", change_type: "update", event_timestamp: iat + 1 },
  });
  await until(() => Date.now() > (iat + 1) * 1000);
  expect((await pushTo(door, from.sign(claims), bearer, "application/secevent+jwt")).status).toBe(202);
  const later = { user: "cid", claims: { iat: iat + 2 } };
  expect(await fleet.ask(one, "plain", { ...later, task })).toMatchObject({ status: 403, code: "fenced" });
  // nor is a new token to be had for the old one
  const made = await fleet.request(one, "/v1/tasks", { purpose: "research" }, { ...later, task });
  expect([made.status, made.code, made.task]).toEqual([403, "fenced", undefined]);
  expect((await fleet.ask(one, "plain", later)).status).toBe(200);
});

test("a task token that is fenced off begins nothing", async () => {
  const [one] = both();
  const { task = "" } = await fleet.ask(one, "plain", { user: "eli" });
  const { jti } = JSON.parse(Buffer.from(task.split(".")[1] ?? "", "base64url").toString()) as {
    jti: string;
  };
  const door = `http://${(one.sidecar.addresses[1] ?? "").replace(/^http:\/\//, "")}/v1/signals/idp`;
  const claims = from.claims(`${uris.caep}token-claims-change`, { format: "jwt_id", iss: issuer, jti });
  expect((await pushTo(door, from.sign(claims), bearer, "application/secevent+jwt")).status).toBe(202);
  for (const [path, body] of [
    ["/v1/chat/completions", { model: "plain", messages: [{ role: "user", content: "hi" }] }],
    ["/v1/tasks", { purpose: "research" }],
  ] as const) {
    const answer = await fleet.request(one, path, body, { user: "eli", task });
    expect([path, answer.status, answer.code, answer.task]).toEqual([path, 403, "fenced", undefined]);
  }
  expect((await fleet.request(one, "/v1/tasks", { purpose: "research" }, { user: "eli" })).status).toBe(201);
});

test("while nobody can know what is fenced off, streams under way are cut, too; as configured", async () => {
  const fences = { stale_after_ms: 3_000 };
  const one = await fleet.add({ fences });
  const keeping = await fleet.add({ fences: { ...fences, on_partition: "allow_cached" } });
  for (const replica of [one, keeping])
    await until(async () => (await fleet.ask(replica, "plain", { user: "dan" })).status === 200);
  const live = await stream(one, "dan");
  const kept = await stream(keeping, "dan");
  redis.freeze();
  try {
    expect(await live.rest).toContain('"code":"fences_stale"');
    expect(kept.over).toBe(false);
    expect(await fleet.ask(one, "plain", { user: "dan" })).toMatchObject({ code: "fences_stale" });
  } finally {
    redis.thaw();
  }
  await until(async () => (await fleet.ask(one, "plain", { user: "dan" })).status === 200);
  const again = await stream(one, "dan");
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect([again.over, kept.over]).toEqual([false, false]);
});
