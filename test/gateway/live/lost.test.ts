/** A sidecar that can't tell of fences: what is live is cut in time, or goes on where that is configured. */
import { rename } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createVigil } from "../../../gateway/live/vigil.js";
import type { Decision, FencePoint, Json } from "../../../sidecar/contract.js";
import type { OwnSidecar } from "../../../gateway/ask.js";
import { startGateway } from "../../../gateway/main.js";
import type { Gateway } from "../../../gateway/main.js";
import type { FakeSidecar, Served, World } from "../world.js";
import { chatBody, post, startFakeSidecar, subject, startUpstream, until } from "../world.js";

let sidecar: FakeSidecar;
let upstream: Served;
let gateway: Gateway | undefined;
let under: { readonly text: Promise<string>; over: boolean } | undefined;
beforeEach(async () => {
  sidecar = await startFakeSidecar();
  upstream = await startUpstream((_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(": begun\n\n");
  });
});
afterEach(async () => {
  upstream.answer = (_req, res) => void res.end();
  gateway?.endConnections({});
  await under?.text;
  await gateway?.close();
  await Promise.all([sidecar.close(), upstream.close()]);
});

/** Starts a gateway and a stream through it. */
async function stream(
  fences: Record<string, unknown>,
  ownSidecar?: OwnSidecar,
): Promise<{ readonly text: Promise<string>; over: boolean }> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  gateway = await startGateway({
    config: {
      ...{ listen: "127.0.0.1:0", sidecar: { socket: sidecar.socket, deadline_ms: 20_000, fences } },
      upstreams: { main: { url: upstream.url, api_key: { value: "key-of-the-test" } } },
      models: { small: { upstream: "main", provider: "openai", region: "eu", environment: "prod" } },
    } as unknown as Json,
    log,
    ...(ownSidecar === undefined ? {} : { ownSidecar }),
  });
  const response = await post(
    { url: gateway.address } as World,
    "/v1/chat/completions",
    chatBody({ stream: true }),
  );
  const begun = { text: response.text(), over: false };
  void begun.text.then(() => {
    begun.over = true;
  });
  under = begun;
  return begun;
}
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("the sidecar is gone", () => {
  test("for too long: what is live is cut", async () => {
    const mine = await stream({ lost_after_ms: 200 });
    await rename(sidecar.socket, `${sidecar.socket}.away`);
    sidecar.hangUp();
    expect(await mine.text).toContain('"code":"pdp_unavailable"');
    expect(gateway?.live.size).toBe(0);
    // what became of it is told once there is somebody to tell
    await rename(`${sidecar.socket}.away`, sidecar.socket);
  });

  test("for a moment: what is live goes on", async () => {
    const mine = await stream({ lost_after_ms: 3_000 });
    sidecar.hangUp();
    await until(() => sidecar.connected() === 1);
    await after(3_100);
    expect(mine.over).toBe(false);
  });

  test("for too long, and `keep` is configured: it goes on, and is cut by the fence that came meanwhile", async () => {
    const mine = await stream({ on_lost: "keep", lost_after_ms: 100 });
    sidecar.hangUp();
    await after(200);
    expect(mine.over).toBe(false);
    sidecar.fence({ id: "f", match: { model: "small" } });
    expect(await mine.text).toContain('"code":"fenced"');
  });
});

test("one that says nothing any more is lost, though its connection isn't", async () => {
  const mine = await stream({ lost_after_ms: 300 });
  // it has told of fences once, and does so no more within that time
  sidecar.fence({ id: "f", match: { model: "another" } });
  expect(await mine.text).toContain('"code":"pdp_unavailable"');
  expect(sidecar.connected()).toBe(1);
});

test("what a gateway doesn't understand of fences isn't passed over: the connection ends, and begins anew", async () => {
  const mine = await stream({ lost_after_ms: 60_000 });
  let ended = 0;
  for (const garbled of [
    { id: "f", match: {} },
    { id: "f", match: { planet: "mars" } },
    { id: "", match: { model: "small" } },
    { id: "f", match: { model: 7 } },
    { id: "f", match: { model: "small" }, expires: "soon" },
  ]) {
    const before = sidecar.connections();
    sidecar.fence(garbled as never);
    sidecar.forget();
    await until(() => sidecar.connections() > before && sidecar.connected() === 1);
    ended++;
  }
  expect([ended, mine.over]).toEqual([5, false]);
});

test("the watch over the sidecar cuts once for each loss, and never after its end", async () => {
  let cuts = 0;
  const vigil = createVigil(
    () => ({ onLost: "deny", staleAfterMs: 0, lostAfterMs: 20 }),
    () => void cuts++,
  );
  vigil.lost();
  vigil.lost();
  await after(60);
  expect(cuts).toBe(1);
  vigil.joined();
  await after(40);
  expect(cuts).toBe(1);
  vigil.beat();
  await after(40);
  expect(cuts).toBe(2);
  vigil.lost();
  vigil.close();
  vigil.lost();
  await after(40);
  expect(cuts).toBe(2);
});

test("a sidecar in the gateway's own process tells and asks without a connection, and is let go at the end", async () => {
  let point: FencePoint | undefined;
  const outcomes: unknown[] = [];
  const decision = {
    ...{ decision_id: "d-own", allow: true, reasons: [], obligations: [], labels: [], ttl: 0, rules: [] },
    ...{ cache: "none", expires_at: new Date(0).toISOString(), bundles: {}, subject },
  } as Decision;
  const mine = await stream({ lost_after_ms: 100 }, {
    decide: ({ calls = [] }) => Promise.resolve(calls.map(() => decision)),
    record: ({ outcome }) => void outcomes.push(outcome),
    attach(given) {
      point = given;
      return () => {
        point = undefined;
      };
    },
  } as OwnSidecar);
  await after(200);
  expect([mine.over, await point?.count({ model: "small" })]).toEqual([false, { stream: 1 }]);
  point?.change({ kind: "added", fences: [{ id: "f", match: { model: "small" } }] });
  expect(await mine.text).toContain('"code":"fenced"');
  expect(outcomes).toEqual(["denied"]);
  await gateway?.close();
  gateway = undefined;
  expect(point).toBeUndefined();
});
