/** Models with several deployments: who is asked, who is asked again, and who isn't. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Answer } from "./routing-lab.js";
import {
  askAndLeave,
  completion,
  chunk,
  says,
  fails,
  drops,
  seeded,
  place,
  start,
  stop,
  contentOf,
  counts,
  obliged,
  outcomes,
} from "./routing-lab.js";
import type { Served } from "./world.js";
import { json, until } from "./world.js";

afterEach(stop);

describe("a choice", () => {
  test("by weight gives each its share", async () => {
    const here = await start({ choice: "weighted" }, { a: { weight: 3 }, random: seeded(7) });
    for (let i = 0; i < 200; i++) await here.ask();
    const [a = 0, b = 0] = counts(here);
    expect(a + b).toBe(200);
    // three quarters, within three standard deviations
    expect(Math.abs(a - 150)).toBeLessThan(19);
  });

  test("by priority takes the lowest, and goes on when it can't be had", async () => {
    const here = await start({ choice: "weighted" }, { a: { priority: 1 }, random: () => 0 });
    expect(await contentOf(await here.ask())).toBe("b");
    here.b.answer = drops;
    expect(await contentOf(await here.ask())).toBe("a");
    expect(counts(here)).toEqual([1, 2, 0]);
  });

  test("by cost takes the cheapest", async () => {
    const cost = (input: number): object => ({
      cost: { input, output: 1.5, currency: "USD", as_of: "2026-11-01", source: "the price list" },
    });
    const here = await start({ choice: "cost" }, { a: cost(2.5), b: cost(0.25) });
    expect(await contentOf(await here.ask())).toBe("b");
  });

  test("by latency takes what was quick to the first byte, and tries again what it hasn't seen for long", async () => {
    const here = await start({ choice: "latency" }, { random: () => 0 });
    const takes = (upstream: Served, ms: number): void => {
      const { answer } = upstream;
      upstream.answer = (...args) => {
        here.time.now += ms;
        answer(...args);
      };
    };
    takes(here.a, 400);
    takes(here.b, 100);
    for (let i = 0; i < 6; i++) await here.ask();
    expect(counts(here)).toEqual([1, 5, 0]);
    // only what is asked is known: forgetting brings the other's turn
    here.time.now += 1_000;
    here.b.answer = (_req, res) => {
      here.time.now += 5_000;
      json(res, completion("b"));
    };
    await here.ask();
    await here.ask();
    expect(counts(here)).toEqual([2, 6, 0]);
  });

  test("by what is busy takes who has less to do", async () => {
    const here = await start({ choice: "least_busy" }, { random: () => 0 });
    let release: () => void = () => undefined;
    here.a.answer = (_req, res) => {
      release = () => {
        json(res, completion("a"));
      };
    };
    const first = here.ask();
    await until(() => here.a.received.length === 1);
    expect(await contentOf(await here.ask())).toBe("b");
    release();
    expect(await contentOf(await first)).toBe("a");
    here.a.answer = says("a");
    // nobody has anything to do: the first of equals, by this chance
    expect(await contentOf(await here.ask())).toBe("a");
    expect(await contentOf(await here.ask())).toBe("a");
  });

  test("that is sticky keeps a caller, or a caller's task, where it was", async () => {
    const here = await start({ choice: "weighted", sticky: "header:x-task" }, { random: seeded(1) });
    const placed = new Map<string, unknown>();
    for (let i = 0; i < 60; i++) {
      const task = `task-${i % 12}`;
      const answered = await contentOf(await here.ask({}, { "x-task": task }));
      expect(placed.get(task) ?? answered).toBe(answered);
      placed.set(task, answered);
    }
    expect(new Set(placed.values())).toEqual(new Set(["a", "b"]));
  });

  test("that is sticky tells callers apart, whatever their headers say", async () => {
    const here = await start({ choice: "weighted", sticky: "header:x-task" }, { random: seeded(1) });
    const placesOf = async (id: string): Promise<unknown[]> => {
      here.world.sidecar.decide = () => ({ allow: true, subject: { type: "user", id, tenant: "acme" } });
      const placed: unknown[] = [];
      for (let i = 0; i < 16; i++)
        placed.push(await contentOf(await here.ask({}, { "x-task": `task-${i}` })));
      return placed;
    };
    expect(await placesOf("one")).not.toEqual(await placesOf("other"));
  });

  test("that is sticky moves on where its deployment can't be had", async () => {
    const here = await start({ sticky: "user" });
    const kept = await contentOf(await here.ask());
    (kept === "a" ? here.a : here.b).answer = drops;
    expect(await contentOf(await here.ask())).toBe(kept === "a" ? "b" : "a");
  });
});

describe("what policy is told", () => {
  test("of a group holds for each of its deployments; each is described", async () => {
    const here = await start(
      {},
      {
        a: {
          zero_retention: true,
          training_use: false,
          certifications: ["soc2", "iso27001"],
          context_tokens: 8,
        },
        b: { data_retention_days: 30, training_use: false, certifications: ["soc2"], context_tokens: 9 },
      },
    );
    await here.ask();
    expect(
      here.world.sidecar.asked[0]?.calls?.[0]?.resource ?? here.world.sidecar.asked[0]?.call?.resource,
    ).toEqual({
      type: "model",
      id: "group",
      properties: {
        ...{ provider: "p", environment: "prod", context_tokens: 8, data_retention_days: 30 },
        ...{ training_use: false, certifications: ["soc2"] },
        deployments: [
          {
            ...{ name: "a", provider: "p", region: "eu", environment: "prod", context_tokens: 8 },
            ...{ zero_retention: true, data_retention_days: 0, training_use: false },
            certifications: ["soc2", "iso27001"],
          },
          {
            ...{ name: "b", provider: "p", region: "us", environment: "prod", context_tokens: 9 },
            ...{ data_retention_days: 30, training_use: false, certifications: ["soc2"] },
          },
        ],
      },
    });
  });
});

describe("what policy narrows", () => {
  test.each([
    ["restrict_regions", { regions: ["us"] }],
    ["restrict_providers", { providers: ["q", "r"] }],
  ])("%s leaves only what fits, for retries, too", async (type, properties) => {
    const here = await start({}, { b: { provider: "q" } });
    here.world.sidecar.decide = obliged(type, properties);
    expect(await contentOf(await here.ask())).toBe("b");
    here.b.answer = fails(503);
    expect((await here.ask()).status).toBe(502);
    expect(counts(here)).toEqual([0, 4, 0]);
  });

  test("a model whose calls are narrowed is in the list of models", async () => {
    const here = await start();
    here.world.sidecar.decide = obliged("restrict_regions", { regions: ["us"] });
    const response = await fetch(`${here.world.url}/v1/models`);
    const { data } = (await response.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toContain("group");
  });

  test.each([
    ["no deployment that fits", "restrict_regions", { regions: ["ch"] }],
    ["a region that is no text", "restrict_regions", { regions: [1] }],
    ["regions that aren't a list", "restrict_regions", { regions: "eu" }],
    ["a property that isn't known", "restrict_providers", { providers: ["p"], but: "x" }],
    ["an empty list", "restrict_providers", { providers: [] }],
    ["no model", "select_model", {}],
    ["a model that isn't there", "select_model", { model: "nope" }],
  ])("%s is a deny", async (_name, type, properties) => {
    const here = await start();
    here.world.sidecar.decide = obliged(type, properties);
    const response = await here.ask();
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "obligation_unsatisfiable" } });
    expect(counts(here)).toEqual([0, 0, 0]);
  });

  const both = (type: string, one: object, other: object) => () => ({
    allow: true,
    obligations: [
      { id: "1", type, properties: one as never },
      { id: "2", type, properties: other as never },
    ],
  });
  test.each([
    ["restrict_regions", { regions: ["eu"] }, { regions: ["us"] }],
    ["restrict_providers", { providers: ["p"] }, { providers: ["q"] }],
    ["select_model", { model: "other" }, { model: "group" }],
  ])("two of %s that leave nothing are a deny", async (type, one, other) => {
    const here = await start({}, { b: { provider: "q" } });
    here.world.sidecar.decide = both(type, one, other);
    expect((await here.ask()).status).toBe(403);
    expect(counts(here)).toEqual([0, 0, 0]);
  });

  test("select_model calls another model, which is decided on, too", async () => {
    const here = await start();
    here.world.sidecar.decide = obliged("select_model", { model: "other" });
    const response = await here.ask();
    expect(await contentOf(response)).toBe("c");
    expect(response.headers.get("x-countersign-decision-id")).toBe("d-2");
    expect(JSON.parse(here.c.received[0]?.body ?? "")).toMatchObject({ model: "other" });
    expect(here.world.sidecar.asked.map(({ calls, call }) => (call ?? calls?.[0])?.resource.id)).toEqual([
      "group",
      "other",
    ]);
    here.world.sidecar.decide = (call) =>
      call.resource.id === "group" ? obliged("select_model", { model: "other" })(call) : { allow: false };
    expect((await here.ask()).status).toBe(403);
    expect(counts(here)).toEqual([0, 0, 1]);
  });

  test("select_model takes along what the first decision does to the request", async () => {
    const here = await start();
    here.world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations:
        resource.id === "group"
          ? [
              { id: "1", type: "limit_tokens", properties: { max_tokens: 5 } },
              { id: "2", type: "select_model", properties: { model: "other" } },
            ]
          : [{ id: "3", type: "limit_tokens", properties: { max_tokens: 50 } }],
    });
    expect((await here.ask({ max_tokens: 100 })).status).toBe(200);
    expect(JSON.parse(here.c.received[0]?.body ?? "")).toMatchObject({ model: "other", max_tokens: 5 });
  });

  test("select_model takes along what the first decision demands, and goes in no circles", async () => {
    const here = await start();
    const properties = { regions: ["us"] } as never;
    here.world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations:
        resource.id === "group"
          ? [
              { id: "1", type: "restrict_regions", properties },
              { id: "2", type: "select_model", properties: { model: "other" } },
            ]
          : [],
    });
    expect((await here.ask()).status).toBe(403);
    here.world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations: [
        {
          ...{ id: "1", type: "select_model" },
          properties: { model: resource.id === "group" ? "other" : "group" },
        },
      ],
    });
    expect((await here.ask()).status).toBe(403);
    expect(counts(here)).toEqual([0, 0, 0]);
  });
});

describe("a retry", () => {
  test.each([[408], [409], [429], [500], [502], [503], [504], [529]])(
    "follows %d, elsewhere",
    async (status) => {
      const here = await start();
      here.a.answer = fails(status);
      expect(await contentOf(await here.ask())).toBe("b");
      expect(counts(here)).toEqual([1, 1, 0]);
      // what was decided is what both got
      expect(here.b.received[0]?.body).toBe(here.a.received[0]?.body);
      expect(await outcomes(here)).toEqual([["d-1", "forwarded", "b"]]);
    },
  );

  test.each([[400], [401], [403], [404], [413], [422], [501]])("never follows %d", async (status) => {
    const here = await start();
    here.a.answer = fails(status);
    expect((await here.ask()).status).toBe([401, 403, 501].includes(status) ? 502 : status);
    expect(counts(here)).toEqual([1, 0, 0]);
  });

  test("follows a connection that can't be had, or is lost before an answer", async () => {
    const here = await start();
    here.a.answer = drops;
    expect(await contentOf(await here.ask())).toBe("b");
    await here.a.close();
    expect(await contentOf(await here.ask())).toBe("b");
  });

  test("follows a stream that broke off before its first byte, and none after", async () => {
    const here = await start();
    here.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      setTimeout(() => res.destroy(), 20);
    };
    here.b.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"), () => setTimeout(() => res.destroy(), 20));
    };
    const text = await (await here.ask({ stream: true })).text();
    expect(text).toContain('"content":"one"');
    expect(text).toContain("upstream_unavailable");
    expect(counts(here)).toEqual([1, 1, 0]);
    expect(await outcomes(here)).toEqual([["d-1", "upstream_error", "b"]]);
  });

  test("is made as often as it may be, after pauses with jitter, and the last answer is the client's", async () => {
    const here = await start({ retries: { max: 3, pause_ms: 100, longest_pause_ms: 150 } });
    here.a.answer = fails(500);
    here.b.answer = fails(429, {}, { message: "slow down" });
    const response = await here.ask();
    expect(response.status).toBe(429);
    expect(await response.text()).toContain("slow down");
    // elsewhere at once; where it was before, after half of 100 · 2^(n-1), 150 at most
    expect(here.slept).toEqual([75, 75]);
    expect(counts(here)).toEqual([2, 2, 0]);
    await outcomes(here);
    expect(here.world.sidecar.outcomes[0]).toMatchObject({ upstream: "b", attempts: 4, status: 429 });
    expect(here.tried).toEqual(
      Array(2)
        .fill([
          ["a", "failed"],
          ["b", "error"],
        ])
        .flat(),
    );
  });

  test("isn't made beyond the budget", async () => {
    const here = await start({ retries: { max: 5, reserve: 2, budget_percent: 50 } });
    here.a.answer = fails(500);
    here.b.answer = fails(500);
    await here.ask();
    expect(counts(here)[0]).toBe(2);
    const total = (): number => counts(here).reduce((sum, count) => sum + count, 0);
    // the first: 1 and 2 retries. Each request earns half of one
    expect(total()).toBe(3);
    await here.ask();
    expect(total()).toBe(4);
    await here.ask();
    expect(total()).toBe(6);
  });

  test("waits as long as it is told, where there is nobody else, and not for long", async () => {
    const here = await start({
      deployments: [{ upstream: "a", ...place("eu") }],
      retries: { max: 1, longest_retry_after_ms: 5_000 },
    });
    let left = 1;
    here.a.answer = (...args) => {
      (left-- > 0 ? fails(429, { "retry-after": "4" }) : says("a"))(...args);
    };
    expect(await contentOf(await here.ask())).toBe("a");
    expect(here.slept).toEqual([4_000]);
    left = 1;
    here.a.answer = fails(429, { "retry-after": "6" });
    const response = await here.ask();
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("6");
    expect(here.slept).toEqual([4_000]);
  });

  test("leaves alone who asked for it; others do meanwhile", async () => {
    const here = await start();
    here.a.answer = fails(503, { "retry-after": "30" });
    await here.ask();
    here.a.answer = says("a");
    await here.ask();
    here.time.now += 29_999;
    await here.ask();
    expect(counts(here)).toEqual([1, 3, 0]);
    here.time.now += 1;
    expect(await contentOf(await here.ask())).toBe("a");
  });

  test("isn't made by a model of one deployment, unless it is told to", async () => {
    const here = await start({}, { models: { single: { upstream: "a", ...place("eu") } } });
    here.a.answer = fails(500);
    expect((await here.ask({ model: "single" })).status).toBe(502);
    expect(counts(here)).toEqual([1, 0, 0]);
  });
});

describe("a circuit breaker", () => {
  test("opens after failures in a row, lets one probe through, and closes when that works", async () => {
    const here = await start({ breaker: { failures: 2, cool_down_ms: 1_000 } });
    here.a.answer = fails(500);
    await here.ask();
    await here.ask();
    expect(counts(here)).toEqual([2, 2, 0]);
    await here.ask();
    expect(counts(here)).toEqual([2, 3, 0]);
    // half-open: one probe, which fails
    here.time.now += 1_000;
    await here.ask();
    await here.ask();
    expect(counts(here)).toEqual([3, 5, 0]);
    // one probe at a time
    here.time.now += 1_000;
    let release: () => void = () => undefined;
    here.a.answer = (_req, res) => {
      release = () => {
        json(res, completion("a"));
      };
    };
    const probe = here.ask();
    await until(() => here.a.received.length === 4);
    expect(await contentOf(await here.ask())).toBe("b");
    release();
    expect(await contentOf(await probe)).toBe("a");
    here.a.answer = says("a");
    expect(await contentOf(await here.ask())).toBe("a");
  });

  test("is satisfied by a stream that begins", async () => {
    const here = await start({ breaker: { failures: 1, cool_down_ms: 1_000 } });
    here.a.answer = fails(500);
    await here.ask();
    here.time.now += 1_000;
    let release: () => void = () => undefined;
    here.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"));
      release = () => res.end("data: [DONE]\n\n");
    };
    const probe = await here.ask({ stream: true });
    const under = release;
    here.a.answer = says("a");
    expect(await contentOf(await here.ask())).toBe("a");
    under();
    await probe.text();
  });

  test("that is open everywhere is an answer at once", async () => {
    const here = await start({ breaker: { failures: 1, cool_down_ms: 1_000 } });
    here.a.answer = drops;
    here.b.answer = drops;
    expect((await here.ask()).status).toBe(502);
    const before = counts(here);
    const response = await here.ask();
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_unavailable" } });
    expect(counts(here)).toEqual(before);
    expect((await outcomes(here)).at(-1)).toEqual(["d-2", "upstream_error", undefined]);
  });

  test("isn't opened by what clients do wrong, nor by clients that go away", async () => {
    const here = await start({ breaker: { failures: 1, cool_down_ms: 60_000 } });
    here.a.answer = fails(400);
    await here.ask();
    here.a.answer = () => undefined;
    const leave = askAndLeave(here);
    await until(() => here.a.received.length === 2);
    leave();
    await until(() => here.a.aborted() === 1);
    here.a.answer = says("a");
    expect(await contentOf(await here.ask())).toBe("a");
    expect(counts(here)[1]).toBe(0);
  });
});

describe("a client that goes away", () => {
  test("ends what is under way, and nobody else is asked", async () => {
    const here = await start({ fallbacks: { general: ["other"] } });
    here.a.answer = () => undefined;
    const leave = askAndLeave(here);
    await until(() => here.a.received.length === 1);
    leave();
    await until(() => here.a.aborted() === 1);
    expect(await outcomes(here)).toEqual([["d-1", "client_disconnected", "a"]]);
    expect(counts(here)).toEqual([1, 0, 0]);
  });
});

describe("a time that is up", () => {
  const stall: Answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(chunk("one"));
  };
  test("before the first token: the client is told, or a fallback is tried; no other deployment", async () => {
    const here = await start({ fallbacks: {} }, { a: { timeouts: { first_token_ms: 1_500 } } });
    here.a.answer = () => undefined;
    const response = await here.ask({ stream: true });
    expect(response.status).toBe(504);
    expect(counts(here)).toEqual([1, 0, 0]);
    await until(() => here.a.aborted() === 1);
    expect(await outcomes(here)).toEqual([["d-1", "upstream_timeout", "a"]]);
  });

  test.each([
    ["between_tokens_ms", 60],
    ["total_ms", 2_000],
  ])("%s: a stream ends with an error event", async (name, ms) => {
    const here = await start({}, { a: { timeouts: { [name]: ms } } });
    here.a.answer = stall;
    const text = await (await here.ask({ stream: true })).text();
    expect(text).toContain('"content":"one"');
    expect(text).toContain('data: {"error":');
    await until(() => here.a.aborted() === 1);
    expect(await outcomes(here)).toEqual([["d-1", "upstream_timeout", "a"]]);
    expect(counts(here)).toEqual([1, 0, 0]);
  });

  test("isn't, while tokens come: each wait is timed by itself", async () => {
    const here = await start({}, { a: { timeouts: { first_token_ms: 2_500, between_tokens_ms: 2_500 } } });
    here.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      let left = 4;
      const next = (): void => {
        if (left-- === 0) res.end("data: [DONE]\n\n");
        else res.write(chunk("one"), () => setTimeout(next, 700));
      };
      next();
    };
    expect((await (await here.ask({ stream: true })).text()).match(/one|error/g)).toEqual(
      Array(4).fill("one"),
    );
  });

  test("total_ms: an answer that isn't whole by then is none", async () => {
    const here = await start({}, { a: { timeouts: { total_ms: 60 } } });
    here.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "application/json" });
      res.write("{");
    };
    expect((await here.ask()).status).toBe(504);
  });
});
