/** One caller can't take the room of all. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Decision } from "../../../../sidecar/contract.js";
import { createCutting } from "../../../../gateway/live/cutting.js";
import { createLive } from "../../../../gateway/live/live.js";
import { createParkedRuns } from "../../../../gateway/tools/mcp/parked.js";
import type { Run } from "../../../../gateway/tools/mcp/run.js";
import { createRequestStream } from "../../../../gateway/tools/mcp/stream.js";
import type { World } from "../../world.js";
import { allow, subject } from "../../world.js";
import type { ToolServer } from "./lab.js";
import { openSession, readAnswer, startLab, startServer, stateless } from "./lab.js";

let world: World;
let server: ToolServer;
beforeAll(async () => {
  server = await startServer("session");
  world = await startLab({ lab: server }, { mcp: { max_sessions_per_caller: 2 } });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(() => {
  world.sidecar.decide = allow;
});

test("a caller whose clients name many sets of capabilities", async () => {
  const list = (capabilities: Record<string, unknown>, token?: string): Promise<number> =>
    stateless(world, "/mcp/lab", capabilities, token)
      .ask("tools/list")
      .then(({ status }) => status);
  expect(await list({})).toBe(200);
  expect(await list({ sampling: {} })).toBe(200);
  expect(await list({ sampling: { tools: {} } })).toBe(503);
  expect(await list({ elicitation: {} })).toBe(503);
  expect(await list({ sampling: {} })).toBe(200);
  world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
  expect(await list({ elicitation: {} }, "another-token-e30.e30.c2ln")).toBe(200);
});

test("a caller of whom much waits for input", () => {
  const parked = createParkedRuns(createLive({ now: Date.now, onFault: () => undefined }));
  let aborted = 0;
  const run: Run = {
    link: undefined as never,
    next: () => new Promise(() => undefined),
    abort: () => void aborted++,
    hear: () => undefined,
  };
  const park = (owner: string): string | undefined =>
    parked.park(
      { run, owner, asked: new Map(), decision: { decision_id: "d-1" } as Decision, handles: new Set() },
      60_000,
    );
  const names = Array.from({ length: 100 }, () => park("one"));
  expect(names).not.toContain(undefined);
  expect(park("one")).toBeUndefined();
  expect(park("another")).toBeDefined();
  parked.take(names[0] ?? "");
  expect(park("one")).toBeDefined();
  parked.close();
  expect(aborted).toBe(101);
});

test.each([
  { underWay: 0, kept: 8_000 },
  { underWay: 7, kept: 8_000 },
  { underWay: 8, kept: 4_000 },
  { underWay: 255, kept: 250 },
])("what is kept for a client that comes back, with $underWay requests under way", ({ underWay, kept }) => {
  const parts = { config: { mcp: { resumeMs: 1_000, resumeBytes: 8_000 } } };
  const exchange = { ...createCutting(undefined), req: { headers: {} }, res: {} };
  const session = { underWay: { size: underWay }, version: "2025-11-25" };
  const { channel } = createRequestStream(parts as never, exchange as never, session as never);
  for (let i = 0; i < 1_000; i++) channel.say({ i });
  expect(channel.kept).toBeLessThanOrEqual(kept);
  expect(channel.kept).toBeGreaterThan(kept - 100);
  channel.end();
});

test("a session of which many requests are under way", async () => {
  const client = await openSession(world);
  await client.ask("tools/list");
  let started = 0;
  const waiting: (() => void)[] = [];
  server.serve = (_message, { reply }) => {
    started++;
    waiting.push(() => {
      reply({ content: [] });
    });
  };
  const call = (id: number) =>
    client.post({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "read" } });
  const all = Array.from({ length: 256 }, (_, i) => call(1_000 + i));
  while (started < 256) await new Promise((resolve) => setTimeout(resolve, 10));
  const { last } = await readAnswer(await call(1));
  expect(last.error?.data?.["code"]).toBe("request_under_way");
  expect(started).toBe(256);
  for (const answer of waiting) answer();
  for (const response of await Promise.all(all))
    expect((await readAnswer(response)).last.result).toBeDefined();
});
