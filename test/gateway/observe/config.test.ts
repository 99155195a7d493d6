/** What the configuration of prices, streams and telemetry may be. */
import { expect, test } from "@jest/globals";
import { GatewayConfigRefused, parseGatewayConfig } from "../../../gateway/config.js";
import type { Json } from "../../../sidecar/contract.js";

const model = { upstream: "a", provider: "p", region: "eu", environment: "prod" };
const cost = { input: 1, output: 2, currency: "USD", as_of: "2026-11-01", source: "s" };
const good = {
  sidecar: { socket: "/run/pdp.sock" },
  upstreams: { a: { url: "https://a.example" } },
  models: {
    m: { ...model, cost: { ...cost, cached_input: 0.1, cache_write: 1.25, reasoning: 3 }, ask_usage: false },
  },
  prices: { file: "/etc/prices.json", as_of: "2026-11-01", source: "s" },
  streams: { heartbeat_ms: 15_000 },
  telemetry: {
    ...{ endpoint: "https://collector.example:4318/otlp/", service_name: "edge", sample: 0.1 },
    ...{ trust_traceparent: true, propagate: true, metrics_every_ms: 10_000 },
  },
};
const parse = (config: object): ReturnType<typeof parseGatewayConfig> => parseGatewayConfig(config as Json);
const problemsOf = (config: object): readonly string[] => {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof GatewayConfigRefused) return error.problems;
    throw error;
  }
  return [];
};

test("all of it is read", () => {
  const { models, prices, streams, telemetry } = parse(good);
  expect(models.get("m")?.deployments[0]).toMatchObject({
    askUsage: false,
    cost: { input: 1, output: 2 },
    price: { cachedInput: 100_000_000n, cacheWrite: 1_250_000_000n, reasoning: 3_000_000_000n },
  });
  expect(prices).toEqual({ file: "/etc/prices.json", asOf: "2026-11-01", source: "s" });
  expect(streams).toEqual({ heartbeatMs: 15_000 });
  expect(telemetry).toEqual({
    ...{ endpoint: "https://collector.example:4318/otlp", serviceName: "edge", sample: 0.1 },
    ...{ trustTraceparent: true, propagate: true, metricsEveryMs: 10_000 },
  });
});

const bad: readonly (readonly [string, object, string])[] = [
  ["prices without a file", { prices: {} }, "prices.file: is required"],
  ["prices that are a list", { prices: [] }, "prices: must be an object"],
  [
    "a date that is none",
    { prices: { file: "f", as_of: "now" } },
    "prices.as_of: must be a date, year-month-day",
  ],
  [
    "heartbeats that flood",
    { streams: { heartbeat_ms: 1 } },
    "streams.heartbeat_ms: must be a whole number from 10 to 600000",
  ],
  ["a share above all", { telemetry: { sample: 1.1 } }, "telemetry.sample: must be a number from 0 to 1"],
  [
    "a share that is text",
    { telemetry: { sample: "all" } },
    "telemetry.sample: must be a number from 0 to 1",
  ],
  [
    "a collector with credentials in its address",
    { telemetry: { endpoint: "https://user:secret@collector.example" } },
    "telemetry.endpoint: must be http or https, without credentials, query or fragment",
  ],
  [
    "a collector of another scheme",
    { telemetry: { endpoint: "file:///etc/passwd" } },
    "telemetry.endpoint: must be http or https, without credentials, query or fragment",
  ],
  // there is no such setting
  ["content in telemetry", { telemetry: { content: true } }, "telemetry.content: unknown field"],
  [
    "a price of too many places",
    { models: { m: { ...model, cost: { ...cost, input: 0.0000000001 } } } },
    "models.m.cost.input: must be a number, 0 or more",
  ],
  [
    "a price without a date",
    { models: { m: { ...model, cost: { ...cost, as_of: undefined } } } },
    "models.m.cost.as_of: is required",
  ],
];
test.each(bad)("%s is refused by place", (_name, more, problem) => {
  const problems = problemsOf({ ...good, ...more });
  expect(problems.map((one) => one.replace(/; did you mean.*/, ""))).toContain(problem);
});
