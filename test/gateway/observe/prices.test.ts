/** Prices from files, exact sums, and the translation of rate limits. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import { readDecimal, writeNanos } from "../../../gateway/observe/decimal.js";
import { estimateTokens, TextCount } from "../../../gateway/observe/estimate.js";
import { sumUp } from "../../../gateway/observe/price.js";
import { parsePrices } from "../../../gateway/observe/price-table.js";
import { rateLimits } from "../../../gateway/observe/rate-limits.js";
import { startGateway } from "../../../gateway/main.js";
import { callerToken, chatBody, post, startWorld } from "../world.js";

describe("amounts", () => {
  test.each([
    ["2.5", 2_500_000_000n],
    ["0.000000001", 1n],
    ["1.5e-7", 150n],
    ["1E2", 100_000_000_000n],
    ["0", 0n],
    ["0.0000000001", undefined],
    ["-1", undefined],
    ["1e99", undefined],
    ["1_000", undefined],
    ["0x10", undefined],
    ["", undefined],
    ["NaN", undefined],
  ])("%s", (text, expected) => {
    // a hostile exponent must not make a number of many digits
    if (text === "1e99") expect(readDecimal(text)?.toString().length ?? 0).toBeLessThan(120);
    else expect(readDecimal(text)).toBe(expected);
  });

  test("are written as they are read", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (nanos) => {
        expect(readDecimal(writeNanos(nanos))).toBe(nanos);
      }),
    );
  });

  test("a million calls of a tenth of a cent are a thousand, and parts are never more than the whole", () => {
    const price = {
      ...{ input: 100_000_000n, output: 0n, cachedInput: 0n, cacheWrite: 0n, reasoning: 0n },
      ...{ currency: "USD", asOf: "2026-11-01", source: "s" },
    };
    const one = sumUp({ input_tokens: 10_000, output_tokens: 0 }, price);
    expect(writeNanos(one * 1_000_000n)).toBe("1000");
    fc.assert(
      fc.property(
        fc.array(fc.nat(1_000_000), { minLength: 5, maxLength: 5 }),
        ([a = 0, b = 0, c = 0, d = 0, e = 0]) => {
          const usage = {
            input_tokens: a,
            output_tokens: b,
            cached_tokens: c,
            cache_write_tokens: d,
            reasoning_tokens: e,
          };
          const same = {
            ...price,
            output: 1n,
            cachedInput: price.input,
            cacheWrite: price.input,
            reasoning: 1n,
          };
          expect(sumUp(usage, same)).toBe(sumUp({ input_tokens: a, output_tokens: b }, same));
        },
      ),
    );
  });
});

const ours = `
prices:
  - { model: gpt-4o, input: 2.5, output: 10, cached_input: 1.25, currency: USD, as_of: 2026-11-01, source: the list }
  - { model: gpt-4o, provider: azure, input: 2.75, output: 11, currency: EUR }
`;
const lite = JSON.stringify({
  sample_spec: { input_cost_per_token: 1 },
  "gpt-4o": {
    ...{ input_cost_per_token: 2.5e-6, output_cost_per_token: 0.00001, cache_read_input_token_cost: 1.25e-6 },
    ...{ litellm_provider: "openai", mode: "chat" },
  },
  "azure/gpt-4o": { input_cost_per_token: 1.2000000000000002e-7, output_cost_per_token: 0.000011 },
  "dall-e": { output_cost_per_image: 0.04 },
});
const config = { file: "f", asOf: "2026-10-31", source: "LiteLLM's table" };

describe("files of prices", () => {
  test("ours: a provider's row before the one for all; date and source of the file where a row has none", () => {
    const table = parsePrices(ours, config);
    expect(table.find("openai", "gpt-4o")).toMatchObject({
      ...{ input: 2_500_000_000n, output: 10_000_000_000n, cachedInput: 1_250_000_000n },
      ...{ cacheWrite: 2_500_000_000n, reasoning: 10_000_000_000n, asOf: "2026-11-01" },
    });
    expect(table.find("azure", "gpt-4o")).toMatchObject({
      ...{ input: 2_750_000_000n, currency: "EUR", asOf: "2026-10-31", source: "LiteLLM's table" },
    });
    expect(table.find("openai", "gpt-5")).toBeUndefined();
  });

  test("LiteLLM's: by provider, or for all; rows without a price for tokens are left out", () => {
    const table = parsePrices(lite, config);
    expect(table.find("openai", "gpt-4o")).toMatchObject({
      ...{ input: 2_500_000_000n, output: 10_000_000_000n, cachedInput: 1_250_000_000n, currency: "USD" },
      asOf: "2026-10-31",
    });
    // a float that a sum made
    expect(table.find("azure", "gpt-4o")?.input).toBe(120_000_000n);
    expect(table.find("openai", "dall-e")).toBeUndefined();
    expect(table.find("openai", "sample_spec")).toBeUndefined();
  });

  const bad: readonly (readonly [string, string, object, RegExp])[] = [
    ["LiteLLM's without a date", lite, { file: "f" }, /prices\.as_of/],
    ["no YAML", "prices: [", config, /not valid/],
    ["no rows", "prices: 1", config, /must be an array/],
    ["a key twice", '{"a":{"input_cost_per_token":1},"a":{}}', config, /not valid/],
    ["a row without a price", "prices: [{model: m, output: 1, currency: USD}]", config, /prices\[0\]\.input/],
    ["no currency", "prices: [{model: m, input: 1, output: 1}]", config, /prices\[0\]\.currency/],
    ["a price below nothing", "prices: [{model: m, input: -1, output: 1, currency: USD}]", config, /\.input/],
    [
      "a field that isn't known",
      "prices: [{model: m, input: 1, output: 1, currency: USD, x: 1}]",
      config,
      /\.x/,
    ],
    [
      "no source",
      "prices: [{model: m, input: 1, output: 1, currency: USD}]",
      { file: "f", asOf: "2026-01-01" },
      /source/,
    ],
    [
      "a model twice",
      "prices: [{model: m, input: 1, output: 1, currency: USD}, {model: m, input: 2, output: 1, currency: USD}]",
      config,
      /stands twice/,
    ],
  ];
  test.each(bad)("%s is refused", (_name, text, given, message) => {
    expect(() => parsePrices(text, given as typeof config)).toThrow(message);
  });

  test("are used by a gateway for deployments that don't say, by the upstream's name of the model", async () => {
    const directory = await mkdtemp(join(tmpdir(), "countersign-prices-"));
    const file = join(directory, "prices.yaml");
    await writeFile(
      file,
      "prices: [{model: real-name, input: 1000, output: 0, currency: CHF, as_of: 2026-01-01, source: s}]",
    );
    const world = await startWorld({ config: { prices: file } });
    const response = await post(world, "/v1/chat/completions", chatBody({ model: "alias" }), {
      authorization: `Bearer ${callerToken}`,
    });
    expect(response.headers.get("x-countersign-cost")).toBe("0.003 CHF");
    await world.close();
    const config = { listen: "127.0.0.1:0", sidecar: { socket: "/nowhere" }, prices: `${file}.gone` };
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    await expect(startGateway({ config, log })).rejects.toThrow(/can't be read/);
    await rm(directory, { recursive: true });
  });
});

describe("estimates", () => {
  test("a token for four characters of ASCII, 1.3 of East Asia's scripts, 2.8 of others", () => {
    expect(estimateTokens("0123456789ab")).toBe(3);
    expect(estimateTokens([{ content: "一二三四五六七八" }])).toBe(7);
    expect(estimateTokens("абвгдежз")).toBe(3);
    expect(estimateTokens({ image_url: { url: "x".repeat(400) }, text: "abcd" })).toBe(1);
  });

  test("of JSON text are those of the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const plain = new TextCount();
        plain.add(text);
        const quoted = new TextCount();
        const json = JSON.stringify(text);
        expect(quoted.addJsonString(`${json},"more"`, 1)).toBe(json.length - 1);
        expect(Math.abs(quoted.tokens() - plain.tokens())).toBeLessThanOrEqual(text.length);
      }),
    );
    const escaped = new TextCount();
    escaped.addJsonString(String.raw`a\"b\\\nc" d`, 0);
    expect(escaped.tokens()).toBe(2);
  });
});

describe("rate limits in another protocol's words", () => {
  const now = (): number => Date.parse("2026-11-21T12:00:00Z");
  test.each([
    [
      "x-ratelimit-limit-requests",
      "10",
      "openai",
      "anthropic",
      { "anthropic-ratelimit-requests-limit": "10" },
    ],
    [
      ...(["x-ratelimit-reset-tokens", "6m0.5s", "openai", "anthropic"] as const),
      { "anthropic-ratelimit-tokens-reset": "2026-11-21T12:06:00Z" },
    ],
    [
      "anthropic-ratelimit-tokens-remaining",
      "7",
      "anthropic",
      "openai",
      { "x-ratelimit-remaining-tokens": "7" },
    ],
    [
      ...(["anthropic-ratelimit-requests-reset", "2026-11-21T12:01:30Z", "anthropic", "openai"] as const),
      { "x-ratelimit-reset-requests": "90s" },
    ],
    ["anthropic-ratelimit-output-tokens-limit", "7", "anthropic", "openai", undefined],
    ["x-ratelimit-reset-tokens", "soon", "openai", "openai", undefined],
    ["x-ratelimit-reset-tokens", "s", "openai", "openai", undefined],
    ["x-ratelimit-limit-tokens", "-1", "openai", "openai", undefined],
    ["x-ratelimit-reset-tokens", "20ms", "openai", "openai", { "x-ratelimit-reset-tokens": "20ms" }],
    ["anthropic-ratelimit-tokens-reset", "2026-13-41T99:99:99Z", "anthropic", "openai", undefined],
  ] as const)("%s: %s from %s to %s", (name, value, server, client, expected) => {
    expect(rateLimits({ [name]: value }, server, client, now)).toEqual(expected);
  });
});
