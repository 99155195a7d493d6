import { describe, expect, test } from "@jest/globals";
import type { JsonObject, Outcome } from "../../../sidecar/contract.js";
import { createLimits } from "../../../sidecar/state/limits/create-limits.js";
import type { Reservation } from "../../../sidecar/state/engine/engine.js";
import type { Case } from "./lab.js";
import { counted, duty, estimate, now, read } from "./lab.js";

const limitsOf = (...given: readonly JsonObject[]) => {
  const { limits: config, problems } = read([...given]);
  expect(problems).toEqual([]);
  return createLimits({ config, now: () => now });
};

const reserved = (
  limits: ReturnType<typeof limitsOf>,
  told: Case = {},
  duties: readonly JsonObject[] = [],
) => {
  const asked = limits.ask(counted(told), duties.map(duty));
  if (asked.kind === "refused") throw new Error(asked.code);
  return asked.reserve;
};

const limit = (more: JsonObject): JsonObject => ({
  name: "a",
  unit: "requests",
  amount: 5,
  window: "60s",
  ...more,
});
const tool = {
  resource: { type: "tool", id: "mail/send", properties: { server: "mail", tool: "send" } },
  name: "tool.call",
} as const;
const query = {
  resource: { type: "collection", id: "docs", properties: { store: "pg" } },
  name: "retrieval.query",
} as const;

describe("what a call takes", () => {
  const cases: {
    readonly name: string;
    readonly limit: JsonObject;
    readonly told: Case;
    readonly take: number | undefined;
  }[] = [
    { name: "a request", limit: {}, told: {}, take: 1 },
    {
      name: "no request for its answer",
      limit: {},
      told: { properties: { phase: "response" } },
      take: undefined,
    },
    {
      name: "no request for an entry of a list",
      limit: {},
      told: { ...tool, name: "tool.list" },
      take: undefined,
    },
    {
      name: "no request for the end of a task",
      limit: {},
      told: { name: "task.end", call: { kind: "task" } },
      take: undefined,
    },
    { name: "input", limit: { unit: "input_tokens" }, told: { properties: estimate(10, 20) }, take: 10 },
    { name: "output", limit: { unit: "output_tokens" }, told: { properties: estimate(10, 20) }, take: 20 },
    { name: "both", limit: { unit: "tokens" }, told: { properties: estimate(10, 20) }, take: 30 },
    { name: "one token where nobody estimated", limit: { unit: "tokens" }, told: {}, take: 1 },
    {
      name: "one token where the estimate is none",
      limit: { unit: "tokens" },
      told: { properties: { estimate: { input_tokens: -5, output_tokens: 1e300 } } },
      take: 1,
    },
    { name: "no tokens of tools", limit: { unit: "tokens" }, told: tool, take: undefined },
    {
      name: "money",
      limit: { unit: "cost", amount: "1", currency: "EUR" },
      told: { properties: estimate(1, 1, 77) },
      take: 77,
    },
    { name: "a tool's call", limit: { unit: "tool_calls" }, told: tool, take: 1 },
    { name: "no tool's call of a model", limit: { unit: "tool_calls" }, told: {}, take: undefined },
    { name: "a model's call", limit: { unit: "iterations" }, told: {}, take: 1 },
    { name: "no model's call of a tool", limit: { unit: "iterations" }, told: tool, take: undefined },
    {
      name: "documents",
      limit: { unit: "chunks" },
      told: { ...query, properties: { estimate: { chunks: 8 } } },
      take: 8,
    },
    { name: "a call under way", limit: { unit: "concurrent", window: "concurrent" }, told: tool, take: 1 },
  ];
  test.each(cases)("$name", ({ limit: more, told, take }) => {
    expect(reserved(limitsOf(limit(more)), told)[0]?.take).toBe(take);
  });

  test("which tool it is", () => {
    const [one] = reserved(limitsOf(limit({ unit: "distinct_tools", window: "task" })), tool);
    expect(one).toMatchObject({ member: "mail/send", window: { kind: "lifetime" } });
  });

  const unpriced: readonly Case[] = [
    {},
    { properties: estimate(1, 1) },
    { properties: estimate(1, 1, 5, "USD") },
  ];
  test.each(unpriced)("what has no price in the limit's currency isn't free: %j", (told) => {
    const limits = limitsOf(limit({ unit: "cost", amount: "1", currency: "EUR" }));
    expect(limits.ask(counted(told), [])).toEqual({ kind: "refused", code: "limits_unavailable" });
    const soft = limitsOf(limit({ unit: "cost", amount: "1", currency: "EUR", soft: true }));
    expect(reserved(soft, told)).toEqual([]);
  });

  test("nothing where policy sends it to another model: it is asked about again", () => {
    const limits = limitsOf(limit({}));
    const select = { id: "s", type: "select_model", properties: { model: "other" } };
    expect(limits.ask(counted(), [select])).toEqual({ kind: "asked", reserve: [], obligations: [select] });
    const same = { id: "s", type: "select_model", properties: { model: "gpt" } };
    expect(limits.ask(counted(), [same])).toMatchObject({ reserve: [{ take: 1 }] });
  });
});

describe("what counts apart", () => {
  const keys = (per: readonly string[], ...told: readonly Case[]): string[] =>
    told.map((one) => reserved(limitsOf(limit({ per: [...per] })), one)[0]?.key ?? "none");
  const apart: {
    readonly name: string;
    readonly per: readonly string[];
    readonly one: Case;
    readonly other: Case;
  }[] = [
    { name: "tenants", per: ["tenant"], one: {}, other: { caller: { tenant: "t2" } } },
    {
      name: "departments",
      per: ["department"],
      one: { caller: { department: "a" } },
      other: { caller: { department: "b" } },
    },
    { name: "a department and none", per: ["department"], one: { caller: { department: "" } }, other: {} },
    { name: "users", per: ["user"], one: {}, other: { caller: { user: "u2" } } },
    {
      name: "users of one name of two issuers",
      per: ["user"],
      one: {},
      other: { caller: { issuer: "https://other" } },
    },
    { name: "subjects", per: ["subject"], one: {}, other: { caller: { id: "agent-2" } } },
    { name: "agents", per: ["agent"], one: {}, other: { caller: { id: "agent-2" } } },
    {
      name: "workloads",
      per: ["workload"],
      one: { caller: { workload: "w1" } },
      other: { caller: { workload: "w2" } },
    },
    { name: "tasks", per: ["task"], one: {}, other: { lineage: ["task-2"] } },
    { name: "models", per: ["model"], one: {}, other: { resource: { id: "claude" } } },
    { name: "providers", per: ["provider"], one: {}, other: { resource: { properties: { provider: "x" } } } },
    {
      name: "tools",
      per: ["tool"],
      one: tool,
      other: { ...tool, resource: { ...tool.resource, id: "mail/read" } },
    },
    {
      name: "servers",
      per: ["server"],
      one: tool,
      other: { ...tool, resource: { ...tool.resource, properties: { server: "x" } } },
    },
    {
      name: "stores",
      per: ["store"],
      one: query,
      other: { ...query, resource: { ...query.resource, properties: { store: "x" } } },
    },
    {
      name: "collections",
      per: ["collection"],
      one: query,
      other: { ...query, resource: { ...query.resource, id: "x" } },
    },
    {
      name: "properties",
      per: ["input.resource.properties.x"],
      one: { resource: { properties: { x: 1 } } },
      other: { resource: { properties: { x: "1" } } },
    },
    {
      name: "a property and none",
      per: ["input.resource.properties.x"],
      one: { resource: { properties: { x: null } } },
      other: {},
    },
    {
      name: "two values whose texts join alike",
      per: ["input.resource.properties.x", "input.resource.properties.y"],
      one: { resource: { properties: { x: "a,b", y: "c" } } },
      other: { resource: { properties: { x: "a", y: "b,c" } } },
    },
    { name: "a combination", per: ["user", "model"], one: {}, other: { resource: { id: "claude" } } },
  ];
  test.each(apart)("$name", ({ per, one, other }) => {
    const [first, second, again] = keys(per, one, other, one);
    expect(first).not.toBe(second);
    expect(first).toBe(again);
    // whatever isn't named doesn't count
    expect(new Set(keys([], one, other)).size).toBe(1);
  });

  test("a task's sub-tasks count with it", () => {
    expect(new Set(keys(["task"], { lineage: ["a"] }, { lineage: ["a", "b"] })).size).toBe(1);
  });

  test("the order of members doesn't", () => {
    const of = (x: JsonObject): Case => ({ resource: { properties: { x } } });
    expect(new Set(keys(["input.resource.properties.x"], of({ a: 1, b: 2 }), of({ b: 2, a: 1 }))).size).toBe(
      1,
    );
  });

  test("keys are digests of one length, whatever they are made of", () => {
    const told = { caller: { user: `secret-${"x".repeat(100_000)}` } };
    const [key] = keys(["user"], told);
    expect(key).toMatch(/^[\w-]{32}$/);
  });

  test("limits without a tenant hold over all of them", () => {
    const scopes = [["tenant"], ["user"], ["task"]].map(
      (per) => reserved(limitsOf(limit({ per })), {})[0]?.scope,
    );
    expect(scopes).toEqual(["tenant", "fleet", "tenant"]);
  });
});

describe("which calls a limit counts", () => {
  const cases: readonly (readonly [JsonObject, Case, boolean])[] = [
    [{ tenants: ["t1"] }, {}, true],
    [{ tenants: ["t2"] }, {}, false],
    [{ tenants: ["t1"], models: ["other"] }, {}, false],
    [{ actions: ["tool.call"] }, tool, true],
    [{ actions: ["tool.call"] }, {}, false],
    [{ tools: ["mail/send"] }, tool, true],
    [{ tools: ["mail/send"] }, {}, false],
    [{ resource_types: ["model"] }, {}, true],
    [{ groups: ["staff"] }, { caller: { groups: ["staff"] } }, true],
    [{ groups: ["staff"] }, {}, false],
    [{ departments: ["x"] }, {}, false],
  ];
  test.each(cases)("%j", (when, told, is) => {
    expect(reserved(limitsOf(limit({ when })), told)).toHaveLength(is ? 1 : 0);
  });
});

describe("a policy's limits", () => {
  const limits = limitsOf();
  const wrong: readonly JsonObject[] = [
    {},
    { name: "a", unit: "requests", amount: 1 },
    { name: "a", unit: "requests", amount: "1", window: "1m" },
    { name: "a", unit: "requests", amount: 1, window: "1m", burst: 1 },
    { name: "a", unit: "requests", amount: 1, window: "1m", when: {} },
    { name: "a", unit: "requests", amount: 1, window: "1m", key: "x" },
    { name: "a", unit: "requests", amount: 1, window: "1m", key: {} },
    { name: "a", unit: "requests", amount: 1, window: "1m", key: { x: "y".repeat(9_000) } },
    { name: "a", unit: "requests", amount: 1.5, window: "1m" },
    { name: "a", unit: "requests", amount: 1, window: "1m", per: ["nothing"] },
    { name: "A b", unit: "requests", amount: 1, window: "1m" },
  ];
  test.each(wrong)("that aren't understood deny: %j", (properties) => {
    expect(limits.ask(counted(), [duty(properties)])).toEqual({
      kind: "refused",
      code: "obligation_unsatisfiable",
    });
  });

  test("that are too many deny", () => {
    const many = Array.from({ length: 33 }, (_, i) => duty(limit({ name: `l${i}` })));
    expect(limits.ask(counted(), many).kind).toBe("refused");
  });

  test("count by values of their own", () => {
    const [one, other, again] = [
      { b: 1, a: "x" },
      { b: 2, a: "x" },
      { a: "x", b: 1 },
    ].map((key) => reserved(limits, {}, [limit({ key })])[0]?.key);
    expect(one).not.toBe(other);
    expect(one).toBe(again);
  });

  test("asked for twice hold once, the strictest", () => {
    const twice = reserved(limits, {}, [
      limit({ amount: 9 }),
      limit({ amount: 3 }),
      limit({ amount: 1, soft: true }),
    ]);
    expect(twice).toMatchObject([{ amount: 3 }]);
  });

  test("don't count with those of the configuration, nor of tasks", () => {
    const all = reserved(
      limitsOf(limit({ name: "task_requests", window: "task", per: [] })),
      { budgets: [{ task: "task-1", budget: { requests: 5 } }] },
      [limit({ name: "task_requests", window: "task" })],
    );
    expect(new Set(all.map(({ key }) => key)).size).toBe(3);
  });

  test("are their tenant's alone", () => {
    expect(reserved(limits, {}, [limit({ per: ["user"] })])[0]?.scope).toBe("tenant");
  });
});

describe("tasks' budgets", () => {
  const budgets = [
    { task: "top", budget: { requests: 10, cost: { amount: "0.5", currency: "EUR" } } },
    { task: "sub", budget: { requests: 3 } },
  ];

  test("hold all along the lineage", () => {
    const told = { lineage: ["top", "sub"], budgets, properties: estimate(1, 1, 9) };
    const all = reserved(limitsOf(), told);
    expect(all).toMatchObject([
      { name: "task_requests", amount: 10, take: 1, window: { kind: "lifetime" }, scope: "tenant" },
      { name: "task_cost", amount: 500_000_000, take: 9, currency: "EUR" },
      { name: "task_requests", amount: 3, take: 1 },
    ]);
    // the parent, and another task under it, draw from the same
    const [top] = reserved(limitsOf(), {
      lineage: ["top"],
      budgets: budgets.slice(0, 1),
      properties: estimate(1, 1, 9),
    });
    expect(top?.key).toBe(all[0]?.key);
    expect(all[2]?.key).not.toBe(all[0]?.key);
  });

  test("aren't used up by making tasks", () => {
    expect(reserved(limitsOf(), { name: "task.create", call: { kind: "task" }, budgets })).toEqual([]);
  });
});

describe("what is told", () => {
  test("the allowance is the least of what hard limits hold", () => {
    const limits = limitsOf(
      limit({ name: "t", unit: "tokens" }),
      limit({ name: "o", unit: "output_tokens", soft: true }),
      limit({ name: "r" }),
    );
    expect(limits.allowance(reserved(limits, { properties: estimate(10, 20) }))).toEqual({ tokens: 30 });
    expect(limits.allowance(reserved(limitsOf(limit({}))))).toBeUndefined();
  });

  const state = { limit: 5, remaining: 0, reset: 7.2 };
  const refusals: readonly (readonly [JsonObject, Case, object])[] = [
    [{}, {}, { code: "rate_limited", retryAfter: 8 }],
    [{ sliding: true }, {}, { code: "rate_limited", retryAfter: 8 }],
    [{ window: { calendar: "month" } }, {}, { code: "budget_exceeded", retryAfter: 8 }],
    [{ window: "task" }, {}, { code: "budget_exceeded" }],
    [{ unit: "concurrent", window: "concurrent" }, {}, { code: "rate_limited", retryAfter: 1 }],
    // larger than all that there ever is
    [{ unit: "tokens" }, { properties: estimate(10, 20) }, { code: "rate_limited" }],
    [
      { unit: "cost", amount: "1", currency: "EUR" },
      { properties: estimate(1, 1, 1) },
      { code: "budget_exceeded", retryAfter: 8 },
    ],
  ];
  test.each(refusals)("why it is over: %j", (more, told, is) => {
    const limits = limitsOf(limit(more));
    const [over] = reserved(limits, told) as [Reservation];
    expect(limits.refusal(over, [{ ...state, name: "a", unit: over.unit }])).toEqual(is);
  });

  test("how limits stood when they were last seen, to policies; forgotten once they began anew", () => {
    let at = now;
    const { limits: config } = read([
      limit({ per: ["user"] }),
      limit({ name: "other", when: { tenants: ["t9"] } }),
    ]);
    const limits = createLimits({ config, now: () => at });
    expect(limits.known(counted())).toEqual({ a: { remaining: 5, limit: 5 } });
    const reserve = reserved(limits);
    limits.seen(reserve, [{ name: "a", unit: "requests", limit: 5, remaining: 2, reset: 30 }]);
    expect(limits.known(counted())).toEqual({ a: { remaining: 2, limit: 5, reset: 30 } });
    expect(limits.known(counted({ caller: { user: "u2" } }))).toEqual({ a: { remaining: 5, limit: 5 } });
    at += 31_000;
    expect(limits.known(counted())).toEqual({ a: { remaining: 5, limit: 5 } });
  });

  test("that a limit is nearly used up", () => {
    const limits = limitsOf(limit({ amount: 10, warn_at: 0.8 }));
    const at = (remaining: number) =>
      limits.seen([], [{ name: "a", unit: "requests", limit: 10, remaining }])[0];
    expect(at(2)).not.toHaveProperty("warns");
    expect(at(1)).toHaveProperty("warns", true);
  });

  test("each is counted by name and result", () => {
    const told: string[] = [];
    const { limits: config } = read([limit({ amount: 10, warn_at: 0.8 })]);
    const limits = createLimits({
      config,
      now: () => now,
      onCounted: (name, unit, result) => told.push(`${name} ${unit} ${result}`),
    });
    const state = { name: "a", unit: "requests", limit: 10, remaining: 5 } as const;
    limits.seen([], [state, { ...state, remaining: 1 }, { ...state, remaining: 0, exceeded: true }]);
    // what one limit refused, no other holds
    limits.seen([], [state], false);
    limits.refusal(reserved(limits)[0] as Reservation, []);
    expect(told).toEqual([
      "a requests held",
      "a requests warned",
      "a requests exceeded",
      "a requests refused",
    ]);
  });
});

describe("what an outcome settles", () => {
  const base = { decision_id: "d", kind: "model", status: 200, duration_ms: 1, upstream: "openai" } as const;
  const usage = { input_tokens: 3, output_tokens: 4 };
  const cost = { amount: "0.0000005", currency: "EUR", as_of: "2026-01-01", source: "x" };
  const cases: { readonly name: string; readonly outcome: Outcome; readonly is: object }[] = [
    {
      name: "an answer's usage",
      outcome: { ...base, outcome: "forwarded", usage, cost },
      is: {
        units: { requests: 1, input_tokens: 3, output_tokens: 4, tokens: 7, cost: 500, concurrent: 0 },
        currency: "EUR",
      },
    },
    {
      name: "an answer that says nothing counts as held",
      outcome: { ...base, outcome: "forwarded" },
      is: { known: false },
    },
    {
      name: "what came before the client left",
      outcome: { ...base, outcome: "client_disconnected", usage },
      is: { units: { tokens: 7, requests: 1 } },
    },
    {
      name: "a failure gives back",
      outcome: { ...base, outcome: "upstream_error", status: 502 },
      is: { units: { requests: 0, iterations: 0 }, known: true },
    },
    {
      name: "a timeout gives back",
      outcome: { ...base, outcome: "upstream_timeout", status: 504 },
      is: { units: { requests: 0 }, known: true },
    },
    {
      name: "a wrong request was one",
      outcome: { ...base, outcome: "upstream_error", status: 400 },
      is: { units: { requests: 1 }, known: true },
    },
    {
      name: "an answer that was denied was paid for",
      outcome: { ...base, outcome: "denied", status: 403, usage },
      is: { units: { tokens: 7, requests: 1 }, known: true },
    },
    {
      name: "a duty that couldn't be done gives back",
      outcome: { ...base, outcome: "obligation_unsatisfiable", status: 403 },
      is: { units: { requests: 0, tool_calls: 0, concurrent: 0 }, known: true },
    },
    {
      name: "a decision that another one took the place of asked nobody",
      outcome: { decision_id: "d", kind: "model", status: 200, duration_ms: 1, outcome: "forwarded" },
      is: { units: { requests: 0 }, known: true },
    },
    {
      name: "documents that were given",
      outcome: { ...base, kind: "retrieval", outcome: "forwarded", retrieval: { found: 9, given: 4 } },
      is: { units: { chunks: 4, requests: 1 } },
    },
    {
      name: "a tool that was called, though its result was denied",
      outcome: { ...base, kind: "tool", outcome: "denied", status: 403 },
      is: { units: { requests: 1, tool_calls: 1, concurrent: 0 } },
    },
    {
      name: "a tool that wasn't reached",
      outcome: { decision_id: "d", kind: "tool", status: 403, duration_ms: 1, outcome: "denied" },
      is: { units: { requests: 0, tool_calls: 0 }, known: true },
    },
    {
      name: "a tool's call",
      outcome: { ...base, kind: "tool", outcome: "forwarded" },
      is: { units: { tool_calls: 1, concurrent: 0 } },
    },
  ];
  test.each(cases)("$name", ({ outcome, is }) => {
    expect(limitsOf().actual(outcome)).toMatchObject(is);
  });
});
