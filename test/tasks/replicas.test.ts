/** Two replicas: a fence against what is cached at both, and outcomes that are told more than once. */
import { request } from "node:http";
import { join } from "node:path";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { TestRedis } from "../redis.js";
import { startRedis, until } from "../redis.js";
import type { Asked, Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";
import { startWire } from "./wire.js";

let redis: TestRedis;
let fleet: Fleet;
let one: Replica;
let two: Replica;
beforeAll(async () => {
  redis = await startRedis();
  const secret = "a secret of the whole fleet, long enough";
  fleet = await startFleet(2, {
    state: { redis_url: redis.url, secret, grace_ms: 200 },
    cache: { redis_url: redis.url, secret, l2: "always", wait_ms: 1_000 },
  });
  [one, two] = fleet.replicas as [Replica, Replica];
  for (const each of fleet.replicas) await until(async () => (await fleet.ask(each, "plain")).status === 200);
});
afterAll(async () => {
  await fleet.close();
  await redis.close();
});

describe("a fence against a cached allow", () => {
  const cases: readonly { name: string; match: (user: string) => Record<string, string> }[] = [
    { name: "of who asks", match: (subject) => ({ tenant: "acme", subject }) },
    { name: "of what is asked", match: () => ({ model: "plain" }) },
    { name: "of everything", match: () => ({ everything: "*" }) },
  ];
  test.each(cases)(
    "$name: denied at the very next request, and allowed by the cache once lifted",
    async ({ name, match }) => {
      const user = `cached-${name.replaceAll(" ", "-")}`;
      const cacheOf = async (at: Asked): Promise<string> => {
        const { status, headers } = await fleet.ask(at, "plain", { user });
        return `${status} ${headers.get("x-countersign-cache") ?? ""}`;
      };
      expect(await cacheOf(one)).toBe("200 none");
      await until(async () => (await cacheOf(one)) === "200 l1");
      // the other replica has it from Redis
      expect(await cacheOf(two)).toMatch(/^200 l[12]$/);
      const added = await one.sidecar.fences.add({ match: match(user), reason: "t", by: "t" });
      expect(added.kind).toBe("done");
      // where it was asked for, the very next; elsewhere, as soon as it is known
      expect(await fleet.ask(one, "plain", { user })).toMatchObject({ status: 403, code: "fenced" });
      await until(async () => (await fleet.ask(two, "plain", { user })).code === "fenced");
      // the sidecars say so themselves, whatever their gateways know
      for (const at of [one, two])
        expect(await decide(at, user, 1, "plain")).toMatchObject({
          allow: false,
          reasons: [{ code: "fenced" }],
        });
      const id = added.kind === "done" ? added.fence.id : "";
      expect((await two.sidecar.fences.lift(id, "t")).kind).toBe("done");
      await until(async () => (await fleet.ask(one, "plain", { user })).status === 200);
      expect(await cacheOf(one)).toBe("200 l1");
      expect(await cacheOf(two)).toBe("200 l1");
    },
  );
});

interface Decided {
  readonly decision_id: string;
  readonly allow: boolean;
  readonly reasons: readonly { readonly code: string }[];
  readonly limits: readonly { readonly remaining: number }[];
}
/** Asks a sidecar by its socket, as enforcement points do. */
function post({ socket }: Replica, path: string, body: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", "content-type": "application/json" };
    const req = request({ socketPath: socket, method: "POST", path, headers }, (res) => {
      let text = "";
      res.on("data", (piece) => (text += String(piece)));
      res.on("end", () => {
        resolve({ status: res.statusCode ?? 0, text });
      });
    });
    req.on("error", reject);
    req.end(JSON.stringify(body));
  });
}
/** Decides on a stream of so many tokens. */
async function decide(at: Replica, user: string, output_tokens: number, id = "metered"): Promise<Decided> {
  const { text } = await post(at, "/v1/decisions", {
    call: {
      kind: "model",
      action: {
        name: "model.invoke",
        properties: { phase: "request", estimate: { input_tokens: 1, output_tokens } },
      },
      resource: { type: "model", id, properties: {} },
    },
    credentials: { bearer: fleet.tokenOf(user) },
    context: { request: { id: "r", method: "POST", path: "/" } },
    obligations: [],
  });
  return JSON.parse(text) as Decided;
}

describe("two gateways at one stream", () => {
  test("its outcome, told by both and at both sidecars, at once and again, settles once", async () => {
    const user = "told-twice";
    const tell = async ({ decision_id }: Decided, output: number): Promise<void> => {
      const outcome = {
        ...{ decision_id, outcome: "forwarded", kind: "model", status: 200, duration_ms: 1, upstream: "x" },
        usage: { input_tokens: 1, output_tokens: output },
      };
      const told = [one, two, two, one].map((at) => post(at, "/v1/outcomes", outcome));
      for (const { status } of await Promise.all(told)) expect(status).toBe(204);
    };
    // 60 tokens: three streams hold 20 each, and use 5
    const held = await Promise.all([one, two, one].map((at) => decide(at, user, 20)));
    expect(held.map(({ allow }) => allow)).toEqual([true, true, true]);
    expect((await decide(two, user, 1)).allow).toBe(false);
    await Promise.all(held.map((each) => tell(each, 5)));
    let seen: Decided | undefined;
    await until(async () => {
      seen = await decide(two, user, 45);
      return seen.allow;
    });
    // 15 are used, 45 held: exactly none is left, and none more was given back
    expect(seen?.limits[0]?.remaining).toBe(0);
    // told again after another stream holds what the first gave back
    await Promise.all(held.map((each) => tell(each, 0)));
    for (const at of [one, two]) expect((await decide(at, user, 1)).allow).toBe(false);
  });

  test("its outcome, told again by a gateway that lost its connection, settles once", async () => {
    const user = "told-again";
    const folder = await mkdtemp(join(tmpdir(), "countersign-wire-"));
    const wire = await startWire(one.socket, join(folder, "s.sock"));
    const lossy = await fleet.gatewayAt(wire.url);
    const at = { url: lossy.address };
    const gone = new AbortController();
    const from = fleet.upstream.received.length;
    const stream = (through: Asked, signal: AbortSignal): Promise<unknown> =>
      fleet.ask(through, "five-at-once", { user, stream: true, signal }).catch(() => undefined);
    try {
      const rest = new AbortController();
      const streams = [two, two, one, one].map((through) => stream(through, rest.signal));
      const mine = stream(at, gone.signal);
      await until(() => fleet.upstream.received.length === from + 5);
      expect((await fleet.ask(two, "five-at-once", { user })).status).toBe(429);
      // the sidecar takes the outcome, and the gateway never hears of it
      wire.holdBack();
      gone.abort();
      await mine;
      const told = () => wire.said().split('"outcome":').length - 1;
      await until(() => told() > 0);
      await until(async () => (await fleet.ask(two, "five-at-once", { user })).status === 200);
      const before = told();
      wire.cut();
      wire.heal();
      await until(() => told() > before);
      await until(async () => (await fleet.ask(at, "plain", { user })).status === 200);
      // one place is free: one, not two
      const again = fleet.upstream.received.length;
      const last = stream(one, rest.signal);
      await until(() => fleet.upstream.received.length > again);
      expect((await fleet.ask(two, "five-at-once", { user })).status).toBe(429);
      rest.abort();
      await Promise.all([...streams, last]);
    } finally {
      await lossy.close();
      await wire.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
