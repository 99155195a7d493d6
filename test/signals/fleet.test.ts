/** Through real gateways and sidecars: an event at one reaches what is in flight at another; what was taken is remembered. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connectRedis } from "../../sidecar/net/redis.js";
import { createRedisSeen } from "../../sidecar/signals/seen.js";
import type { TestRedis } from "../redis.js";
import { sleep, startRedis, until } from "../redis.js";
import { secret } from "../state/fences/world.js";
import { startFleet } from "../tasks/fleet.js";
import type { Transmitter } from "./world.js";
import { bearer, issuer, pushTo, startReceiver, startTransmitter, transmitterConfig, uris } from "./world.js";

let redis: TestRedis;
let from: Transmitter;
beforeAll(async () => {
  [redis, from] = await Promise.all([startRedis(), startTransmitter()]);
});
afterAll(async () => {
  await from.close();
  await redis.close();
});

const about = (sub: string) => ({ format: "iss_sub", iss: issuer, sub });
const type = "application/secevent+jwt";

test("a user whose session is revoked at one sidecar is denied at both, cut in mid-stream, and let in again", async () => {
  const fleet = await startFleet(2, {
    state: { redis_url: redis.url, secret },
    signals: { transmitters: [transmitterConfig(from)] },
  });
  const [one, two] = fleet.replicas;
  if (one === undefined || two === undefined) throw new Error("there are two");
  const door = `http://${(one.sidecar.addresses[1] ?? "").replace(/^http:\/\//, "")}/v1/signals/idp`;
  const push = (uri: string, sub: string) =>
    pushTo(door, from.sign(from.claims(uri, about(sub))), bearer, type);
  expect((await fleet.ask(two, "plain", { user: "ann" })).status).toBe(200);

  // a stream of minutes, through the other sidecar's gateway
  const stream = await fetch(`${two.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${fleet.tokenOf("ann")}`, "content-type": "application/json" },
    body: JSON.stringify({
      ...{ model: "plain", stream: true, max_tokens: 100_000 },
      messages: [{ role: "user", content: "hi" }],
    }),
  });
  const reader = stream.body?.getReader();
  const first = await reader?.read();
  expect([stream.status, first?.done]).toEqual([200, false]);
  expect((await push(`${uris.risc}account-disabled`, "ann")).status).toBe(202);
  expect(await fleet.ask(one, "plain", { user: "ann" })).toMatchObject({ status: 403, code: "fenced" });
  await until(async () => (await fleet.ask(two, "plain", { user: "ann" })).status === 403);
  let rest = "";
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    rest += Buffer.from(part.value).toString();
  }
  expect(rest).toMatch(/fenced/);
  expect((await fleet.ask(two, "plain", { user: "bob" })).status).toBe(200);
  expect((await push(`${uris.risc}account-enabled`, "ann")).status).toBe(202);
  await until(async () => (await fleet.ask(two, "plain", { user: "ann" })).status === 200);

  expect(await pushTo(door, "x", null, type)).toEqual({ status: 401, err: "authentication_failed" });
  const metrics = await one.sidecar.metrics.text();
  expect(metrics).toMatch(
    'countersign_signals_total{transmitter="idp",event="account-disabled",result="fenced"} 1',
  );
  await until(async () => (await readFile(one.log, "utf8")).includes('"type":"signal"'));
  const lines = (await readFile(one.log, "utf8"))
    .split("\n")
    .filter((line) => line.includes('"type":"signal"'));
  expect(lines.join("\n")).not.toMatch(/"ann"/);
  await fleet.close();
});

describe("what was taken is remembered", () => {
  const shared = () => ({ redisAt: redis.url, secret, waitMs: 20_000 });
  const revoked = () => from.sign(from.claims(`${uris.caep}session-revoked`, about("ann")));
  /** Waits until one who has asked nothing yet but what Redis is has been told. */
  const connected = async (): Promise<void> => {
    await until(async () => /cmd=info/.test(String(await redis.client.client("LIST"))));
    await sleep(20);
  };

  test("by the fleet, over restarts", async () => {
    const set = revoked();
    const one = await startReceiver(from, { parts: { shared: shared() } });
    await connected();
    expect((await one.push(set)).status).toBe(202);
    await one.close();
    const two = await startReceiver(from, { parts: { shared: shared() } });
    await connected();
    expect((await two.push(set)).status).toBe(202);
    expect(two.told.map(({ result }) => result)).toEqual(["duplicate"]);
    await two.close();
  });

  test("not by who can write to Redis: a forged note doesn't keep a revocation out", async () => {
    await redis.client.flushall();
    const names: string[] = [];
    const spy = connectRedis(redis.url, { onUp: () => undefined, onDown: () => undefined });
    const seen = createRedisSeen({ redis: spy, secret, keepMs: 60_000, waitMs: 20_000 });
    await until(() => spy.status === "ready");
    await seen.add("one");
    const [name = ""] = await redis.client.keys("cs:{signals}:seen:*");
    const note = (await redis.client.get(name)) ?? "";
    for (const forged of ["1", "done", note]) {
      await redis.client.flushall();
      const receiver = await startReceiver(from, { parts: { shared: shared() } });
      await connected();
      const set = revoked();
      // what the right place would be is not for others to know: here it is read off
      await receiver.push(set);
      const [place = ""] = await redis.client.keys("cs:{signals}:seen:*");
      names.push(place);
      await receiver.close();
      await redis.client.set(place, forged);
      const again = await startReceiver(from, { parts: { shared: shared() } });
      await connected();
      expect((await again.push(set)).status).toBe(202);
      expect(again.told.map(({ result }) => result)).toEqual(["fenced"]);
      await again.close();
    }
    expect(new Set(names).size).toBe(3);
    expect(names.join()).not.toMatch(/set-/);
    seen.close();
  });

  test("as far as can be while Redis is away: a SET takes effect, and one more time changes nothing", async () => {
    const receiver = await startReceiver(from, { parts: { shared: { ...shared(), waitMs: 50 } } });
    await connected();
    redis.freeze();
    const set = revoked();
    expect((await receiver.push(set)).status).toBe(202);
    expect((await receiver.push(set)).status).toBe(202);
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    redis.thaw();
    await receiver.close();
  });
});
