/** The metrics of a gateway that runs by itself, over its own port; what an outcome may hold on its way to the sidecar. */
import { expect, test } from "@jest/globals";
import { serveDiagnostics } from "../../../cli/diagnostics.js";
import type { Json } from "../../../sidecar/contract.js";
import { parseOutcome } from "../../../sidecar/contract.js";
import { createMetrics } from "../../../sidecar/record/metrics.js";
import { chatBody, post, startWorld } from "../world.js";

test("a gateway's own metrics and health are served apart from its clients", async () => {
  const metrics = createMetrics({ process: true });
  const world = await startWorld({ metrics });
  const { addresses, close } = await serveDiagnostics(["127.0.0.1:0"], metrics);
  const [address = ""] = addresses;
  expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
  const response = await fetch(`${address}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  expect(text).toContain('countersign_gateway_tokens_total{model="small",type="input",source="reported"} 3');
  expect(text).toContain("process_resident_memory_bytes");
  expect((await fetch(`${address}/health`)).status).toBe(200);
  expect((await fetch(`${address}/v1/models`)).status).toBe(404);
  expect((await fetch(`${address}/metrics`, { method: "POST" })).status).toBe(405);
  await close();
  await world.close();
});

const outcome = { decision_id: "d", outcome: "forwarded", kind: "model", status: 200, duration_ms: 1 };
const usage = {
  ...{ input_tokens: 5, output_tokens: 4, cached_tokens: 3, cache_write_tokens: 2, reasoning_tokens: 1 },
  ...{ estimated: true, asked: true },
};
const cost = { amount: "0.000655", currency: "EUR", as_of: "2026-11-01", source: "s", estimated: true };
const stream = { first_token_ms: 1.5, longest_wait_ms: 2, tokens_per_second: 50.25 };

test("an outcome keeps usage, cost and times", () => {
  const all = { ...outcome, usage, cost, stream };
  expect(parseOutcome(all as unknown as Json)).toEqual({ kind: "outcome", outcome: all });
});

test.each([
  ["an amount that is no decimal", { cost: { ...cost, amount: "1e3" } }],
  ["an amount below nothing", { cost: { ...cost, amount: "-1" } }],
  ["an amount of too many places", { cost: { ...cost, amount: "0.0000000001" } }],
  ["an amount that is a number", { cost: { ...cost, amount: 1 } }],
  ["a currency that is a text", { cost: { ...cost, currency: "Euro\nx" } }],
  ["no date", { cost: { ...cost, as_of: "yesterday" } }],
  ["tokens below nothing", { usage: { ...usage, cached_tokens: -1 } }],
  ["a part of usage that isn't known", { usage: { ...usage, prompt: "x" } }],
  ["a part of a stream that isn't known", { stream: { ...stream, text: "x" } }],
])("%s is refused", (_name, more) => {
  expect(parseOutcome({ ...outcome, ...more } as unknown as Json)).toMatchObject({ code: "invalid_request" });
});
