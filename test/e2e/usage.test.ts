/** What a call used and cost, from an upstream by gateway and sidecar into the decision log. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { chatCase } from "../gateway/observe/usage.cases.js";
import type { Served } from "../gateway/world.js";
import { startUpstream, until } from "../gateway/world.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

const metrics = createMetrics();
let world: World;
let gateway: Gateway;
let upstream: Served;
beforeAll(async () => {
  [world, upstream] = await Promise.all([
    startWorld(),
    startUpstream((_req, res) => {
      res
        .writeHead(200, { "content-type": "text/event-stream" })
        .end([...chatCase.begin, chatCase.piece, chatCase.piece, ...chatCase.end].join(""));
    }),
  ]);
  const cost = {
    input: 0.15,
    cached_input: 0.075,
    output: 0.6,
    currency: "USD",
    as_of: "2026-11-01",
    source: "a list",
  };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      upstreams: { main: { url: upstream.url } },
      models: {
        "gpt-4o-mini": { upstream: "main", provider: "openai", region: "eu", environment: "prod", cost },
      },
    } as unknown as Json,
    metrics,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([world.close(), upstream.close()]);
});

const outcomes = (): readonly Record<string, unknown>[] =>
  readFileSync(join(world.directory, "decisions.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ type }) => type === "outcome");

test("usage, cost and the times of a stream are recorded, and counted", async () => {
  const apiKey = await world.issuer.token("senior");
  const client = new OpenAI({ apiKey, baseURL: `${gateway.address}/v1`, maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "hello" }],
    stream: true,
  });
  let said = "";
  for await (const { choices } of stream) said += choices[0]?.delta.content ?? "";
  expect(said).toBe(" word word");
  await until(() => outcomes().length > 0);
  expect(outcomes()[0]).toMatchObject({
    outcome: "forwarded",
    usage: { input_tokens: 100, output_tokens: 50, cached_tokens: 60, reasoning_tokens: 20, asked: true },
    // 40 × 0.15 + 60 × 0.075 + 50 × 0.6 millionths
    cost: { amount: "0.0000405", currency: "USD", as_of: "2026-11-01", source: "a list" },
    stream: { first_token_ms: expect.any(Number), longest_wait_ms: expect.any(Number) },
  });
  expect(await metrics.text()).toContain(
    'countersign_gateway_cost_total{currency="USD",model="gpt-4o-mini"} 0.0000405',
  );
});
