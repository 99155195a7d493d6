/** What the configuration of models says, and what of it is refused. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { GatewayConfigRefused, parseGatewayConfig } from "../../gateway/config.js";
import type { Deployment } from "../../gateway/routing/deployment.js";
import { narrow } from "../../gateway/routing/narrow.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { root } from "../world.js";

const facts = { provider: "p", region: "eu", environment: "prod" };
const one = { upstream: "a", ...facts };
const other = { upstream: "b", ...facts };
const parse = (models: unknown): ReturnType<typeof parseGatewayConfig> =>
  parseGatewayConfig({
    sidecar: { socket: "/run/pdp.sock" },
    upstreams: { a: { url: "http://a.example" }, b: { url: "http://b.example" } },
    models,
  } as unknown as Json);
const problemsOf = (models: unknown): readonly string[] => {
  try {
    parse(models);
    return [];
  } catch (error) {
    if (error instanceof GatewayConfigRefused) return error.problems;
    throw error;
  }
};

test("docs/gateway.md's example of routing is a valid configuration", () => {
  const docs = readFileSync(join(root, "docs/gateway.md"), "utf8");
  const text = /## Routing\n[\s\S]*?```yaml\n([\s\S]*?)```/.exec(docs)?.[1] ?? "";
  const example = yaml.load(text, { schema: yaml.CORE_SCHEMA }) as Record<string, unknown>;
  const { models } = parseGatewayConfig({ ...example, sidecar: { socket: "/s" } } as unknown as Json);
  const { deployments, choice, sticky, fallbacks } = models.get("assistant") ?? {};
  expect({ choice, sticky, fallbacks, names: deployments?.map(({ name }) => name) }).toEqual({
    choice: "latency",
    sticky: { by: "header", header: "x-session-id" },
    fallbacks: { general: ["claude"], context_window: ["claude"], content_policy: [] },
    names: ["azure-eu-1", "openai"],
  });
  for (const key of ["zero_retention", "certifications", "first_token_ms", "longest_retry_after_ms"]) {
    expect(docs).toContain(key);
  }
});

test("a model of one deployment is as it was: neither retried nor kept from", () => {
  const model = parse({ m: { ...one, upstream_model: "x", max_output_tokens: 9 } }).models.get("m");
  expect(model).toMatchObject({
    ...{ upstream: "a", upstreamModel: "x", maxOutputTokens: 9, facts },
    retries: { most: 0 },
    breaker: { failures: 0 },
  });
  expect(model?.deployments).toHaveLength(1);
});

const cost = { input: 1, output: 2, currency: "USD", as_of: "2026-11-01", source: "s" };
const bad: readonly (readonly [string, object, string])[] = [
  ["no deployments", { m: { deployments: [] } }, "models.m.deployments: must not be empty"],
  ["no place", { m: { deployments: [{ upstream: "a" }] } }, "models.m.deployments[0].region: is required"],
  [
    "an unknown upstream",
    { m: { deployments: [{ ...one, upstream: "z" }] } },
    "models.m.deployments[0].upstream: is not among the upstreams",
  ],
  [
    "two of one name",
    { m: { deployments: [one, { ...one, region: "us" }] } },
    "models.m.deployments: give each a name of its own",
  ],
  [
    "a deployment's field beside deployments",
    { m: { deployments: [one], region: "eu" } },
    "models.m.region: unknown field",
  ],
  [
    "a mistyped attribute",
    { m: { ...one, zero_retension: true } },
    "models.m.zero_retension: unknown field; did you mean zero_retention?",
  ],
  [
    "retention that is none, and some",
    { m: { ...one, zero_retention: true, data_retention_days: 3 } },
    "models.m.zero_retention: contradicts data_retention_days",
  ],
  ["no weight at all", { m: { ...one, weight: 0 } }, "models.m.deployments: one at least must have a weight"],
  [
    "another choice",
    { m: { ...one, choice: "best" } },
    "models.m.choice: must be one of weighted, priority, latency, least_busy, cost",
  ],
  [
    "a choice by cost without costs",
    { m: { deployments: [{ ...one, cost }, other], choice: "cost" } },
    "models.m.choice: by cost, each deployment must say its cost",
  ],
  [
    "costs in two currencies",
    {
      m: {
        deployments: [
          { ...one, cost },
          { ...other, cost: { ...cost, currency: "EUR" } },
        ],
        choice: "cost",
      },
    },
    "models.m.choice: by cost, the costs must be in one currency",
  ],
  [
    "a cost without its date",
    { m: { ...one, cost: { ...cost, as_of: undefined } } },
    "models.m.cost.as_of: is required",
  ],
  [
    "a date that is none",
    { m: { ...one, cost: { ...cost, as_of: "2026" } } },
    "models.m.cost.as_of: must be a date, year-month-day",
  ],
  [
    "a cost below nothing",
    { m: { ...one, cost: { ...cost, input: -1 } } },
    "models.m.cost.input: must be a number, 0 or more",
  ],
  [
    "a credential to stick to",
    { m: { ...one, sticky: "header:Authorization" } },
    "models.m.sticky: must be user, or header: and the name of one that holds no credential",
  ],
  [
    "a fallback that isn't there",
    { m: { ...one, fallbacks: { general: ["n"] } } },
    "models.m.fallbacks.general: n is not among the models",
  ],
  [
    "a fallback to itself",
    { m: { ...one, fallbacks: { general: ["m"] } } },
    "models.m.fallbacks.general: must be other models",
  ],
  [
    "another list of fallbacks",
    { m: { ...one, fallbacks: { genral: [] } } },
    "models.m.fallbacks.genral: unknown field; did you mean general?",
  ],
  [
    "too many retries",
    { m: { ...one, retries: { max: 11 } } },
    "models.m.retries.max: must be a whole number from 0 to 10",
  ],
];
test.each(bad)("%s is refused by place", (_name, models, problem) => {
  expect(problemsOf(models)).toContain(problem);
});

test("a cost may be written in any way that JSON has", () => {
  const models = parseJson(`{"m": {"upstream": "a", "provider": "p", "region": "eu", "environment": "prod",
    "cost": {"input": 2.50, "output": 10.0, "currency": "USD", "as_of": "2026-11-01", "source": "s"}}}`);
  expect(parse(models).models.get("m")?.deployments[0]?.cost).toMatchObject({ input: 2.5, output: 10 });
});

describe("what is said of a group holds for each of its deployments", () => {
  const said = (a: object, b: object): Json | undefined =>
    parse({
      m: {
        deployments: [
          { ...one, ...a },
          { ...other, ...b },
        ],
      },
    }).models.get("m")?.facts;
  const cases: readonly (readonly [string, object, object, string, unknown])[] = [
    ["a region of both", {}, {}, "region", "eu"],
    ["two regions", {}, { region: "us" }, "region", undefined],
    ["two providers", { provider: "q" }, {}, "provider", undefined],
    ["zero retention of both", { zero_retention: true }, { zero_retention: true }, "zero_retention", true],
    ["zero retention of one", { zero_retention: true }, {}, "zero_retention", undefined],
    [
      "zero retention of one, and none",
      { zero_retention: true },
      { zero_retention: false },
      "zero_retention",
      false,
    ],
    ["no training by both", { training_use: false }, { training_use: false }, "training_use", false],
    ["no training by one", { training_use: false }, {}, "training_use", undefined],
    ["training by one", {}, { training_use: true }, "training_use", true],
    ["days of both", { data_retention_days: 3 }, { data_retention_days: 9 }, "data_retention_days", 9],
    ["days of one", { data_retention_days: 3 }, {}, "data_retention_days", undefined],
    ["certifications", { certifications: ["x", "y"] }, { certifications: ["y"] }, "certifications", ["y"]],
    ["certifications of one", { certifications: ["x"] }, {}, "certifications", undefined],
    ["contexts", { context_tokens: 5 }, { context_tokens: 4 }, "context_tokens", 4],
  ];
  test.each(cases)("%s", (_name, a, b, field, expected) => {
    for (const facts of [said(a, b), said({ ...b, upstream: "b" }, { ...a, upstream: "a" })]) {
      expect((facts as Record<string, unknown>)[field]).toEqual(expected);
    }
  });
});

test("narrow leaves what is in a region and of a provider", () => {
  const all = [
    ["eu", "p"],
    ["eu", "q"],
    ["us", "p"],
  ].map(([region = "", provider = ""]) => ({ region, provider }) as Deployment);
  expect(narrow(all, {})).toEqual(all);
  expect(narrow(all, { regions: ["eu"] })).toEqual(all.slice(0, 2));
  expect(narrow(all, { regions: ["eu"], providers: ["p"] })).toEqual(all.slice(0, 1));
  expect(narrow(all, { regions: [] })).toEqual([]);
});
