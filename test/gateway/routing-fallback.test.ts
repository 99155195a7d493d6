/** What is tried instead: each fallback, and each further attempt that tells of the caller, is decided on before. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Answer, Lab } from "./routing-lab.js";
import { chunk, fails, drops, place, start, stop, contentOf, counts, outcomes } from "./routing-lab.js";
import { json, post } from "./world.js";

afterEach(stop);

describe("a fallback", () => {
  const lists = { general: ["other"], context_window: ["long"], content_policy: ["mild"] };
  const models = (c: string): object => ({
    long: { upstream: c, upstream_model: "long-1", ...place("eu") },
    mild: { upstream: c, upstream_model: "mild-1", ...place("eu") },
  });
  const kinds: readonly (readonly [string, Answer, string | undefined])[] = [
    ["a failure", fails(500), "other"],
    ["too many requests", fails(429), "other"],
    ["a refused credential of ours", fails(401), "other"],
    [
      "a prompt that is too long",
      fails(400, {}, { code: "context_length_exceeded", message: "x" }),
      "long-1",
    ],
    [
      "its sentence",
      fails(400, {}, { type: "invalid_request_error", message: "prompt is too long: 9 > 8" }),
      "long-1",
    ],
    ["a body that is too large", fails(413), "long-1"],
    ["refused content", fails(400, {}, { code: "content_filter", message: "x" }), "mild-1"],
    ["a bad request", fails(400, {}, { code: "bad", message: "context" }), undefined],
    ["a model that isn't there", fails(404), undefined],
  ];
  test.each(kinds)("after %s is the one that fits", async (_name, answer, expected) => {
    const here = await start({ fallbacks: lists, retries: { max: 0 } }, { models: models("c") });
    here.a.answer = answer;
    const response = await here.ask();
    const sent = here.c.received.map(({ body }) => (JSON.parse(body) as { model: string }).model);
    expect(sent).toEqual(expected === undefined ? [] : [expected]);
    expect(response.ok).toBe(expected !== undefined);
    if (expected === undefined) return;
    // decided anew: for its own name, in the same request
    expect(here.world.sidecar.decided()).toBe(2);
    expect(response.headers.get("x-countersign-decision-id")).toBe("d-2");
    expect(await outcomes(here)).toEqual([
      ["d-1", "upstream_error", "a"],
      ["d-2", "forwarded", "c"],
    ]);
  });

  test("that policy denies isn't tried: not a byte of it", async () => {
    const here = await start(
      { fallbacks: { general: ["long", "other"] }, retries: { max: 0 } },
      { models: { long: { upstream: "b", ...place("eu") } } },
    );
    here.a.answer = drops;
    here.world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "long" });
    expect(await contentOf(await here.ask())).toBe("c");
    expect(counts(here)).toEqual([1, 0, 1]);
    expect(await outcomes(here)).toEqual([
      ["d-1", "upstream_error", "a"],
      ["d-2", "denied", undefined],
      ["d-3", "forwarded", "c"],
    ]);
  });

  test("that answers is the last that is tried, and decided on", async () => {
    const here = await start(
      { fallbacks: { general: ["other", "long"] }, retries: { max: 0 } },
      { models: models("c") },
    );
    here.a.answer = drops;
    expect(await contentOf(await here.ask())).toBe("c");
    expect([counts(here), here.world.sidecar.decided()]).toEqual([[1, 0, 1], 2]);
  });

  test("that fails is followed by the next; the client gets the last answer", async () => {
    const here = await start(
      { fallbacks: { general: ["other", "long"] }, retries: { max: 0 } },
      { models: { long: { upstream: "b", ...place("eu") } } },
    );
    here.a.answer = drops;
    here.b.answer = fails(429, {}, { message: "of long" });
    here.c.answer = fails(500);
    const response = await here.ask();
    expect([response.status, await response.text()]).toEqual([429, expect.stringContaining("of long")]);
    expect(response.headers.get("x-countersign-decision-id")).toBe("d-3");
    expect(counts(here)).toEqual([1, 1, 1]);
  });

  test("that is denied leaves the answer that there was", async () => {
    const here = await start({ fallbacks: { general: ["other"] }, retries: { max: 0 } });
    here.a.answer = fails(429, { "retry-after": "7" });
    here.world.sidecar.decide = ({ resource }) => ({ allow: resource.id === "group" });
    const response = await here.ask();
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(response.headers.get("x-countersign-decision-id")).toBe("d-1");
    expect(here.c.received).toEqual([]);
  });

  test("goes by its own decision's obligations", async () => {
    const here = await start({ fallbacks: { general: ["other"] }, retries: { max: 0 } });
    here.a.answer = drops;
    here.world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations: [
        { id: "o", type: "limit_tokens", properties: { max_tokens: resource.id === "other" ? 5 : 50 } },
      ],
    });
    expect((await here.ask({ max_tokens: 100 })).status).toBe(200);
    expect(JSON.parse(here.a.received[0]?.body ?? "")).toMatchObject({ model: "group", max_tokens: 50 });
    expect(JSON.parse(here.c.received[0]?.body ?? "")).toMatchObject({ model: "other", max_tokens: 5 });
  });

  test("isn't tried once a byte has been sent", async () => {
    const here = await start({ fallbacks: { general: ["other"] } });
    here.a.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(chunk("one"), () => setTimeout(() => res.destroy(), 20));
    };
    await (await here.ask({ stream: true })).text();
    expect(counts(here)).toEqual([1, 0, 0]);
    expect(here.world.sidecar.decided()).toBe(1);
  });

  test("follows a time that is up before the first byte", async () => {
    const here = await start(
      { fallbacks: { general: ["other"] } },
      { a: { timeouts: { first_token_ms: 50 } } },
    );
    here.a.answer = () => undefined;
    expect(await contentOf(await here.ask())).toBe("c");
  });
});

describe("a group of two protocols", () => {
  const message = {
    ...{
      id: "m",
      type: "message",
      role: "assistant",
      model: "x",
      stop_reason: "end_turn",
      stop_sequence: null,
    },
    content: [{ type: "text", text: "from b" }],
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  const begin = async (): Promise<Lab> => {
    const here = await start({}, { upstreams: { b: { protocol: "anthropic" } } });
    here.b.answer = (_req, res) => {
      json(res, message);
    };
    return here;
  };

  test("goes on at the other's, in its words", async () => {
    const here = await begin();
    here.a.answer = drops;
    expect(await contentOf(await here.ask())).toBe("from b");
    expect(here.b.received[0]?.path).toBe("/v1/messages");
  });

  test("knows a translated stream that was read to its own end for one that worked", async () => {
    const here = await start({
      deployments: [{ upstream: "a", ...place("eu") }],
      breaker: { failures: 2, cool_down_ms: 60_000 },
    });
    const ask = (): Promise<Response> => {
      const messages = [{ role: "user", content: "hi" }];
      const body = JSON.stringify({ model: "group", max_tokens: 9, stream: true, messages });
      return post(here.world, "/v1/messages", body, { "anthropic-version": "2023-06-01" });
    };
    const stream: Answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      const stop = { index: 0, delta: {}, finish_reason: "stop" };
      const last = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [stop] };
      res.write(`${chunk("one")}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
    };
    for (const answer of [drops, stream, drops, stream]) {
      here.a.answer = answer;
      const text = await (await ask()).text();
      expect(text.includes('"text":"one"')).toBe(answer === stream);
    }
    expect(counts(here)).toEqual([4, 0, 0]);
  });

  test("asks only those that the request can be said to", async () => {
    const here = await begin();
    here.a.answer = drops;
    expect((await here.ask({ seed: 1 })).status).toBe(502);
    expect(here.b.received).toEqual([]);
  });
});

describe("an assertion", () => {
  const header = "x-countersign-assertion";
  const begin = async (audience: string): Promise<Lab> => {
    const wanted = { b: { assertion: { audience } }, a: { assertion: { audience: "https://a.example" } } };
    const here = await start({}, { upstreams: wanted });
    here.world.sidecar.decide = (_call, { assertion }) => ({
      allow: true,
      ...(assertion === undefined
        ? {}
        : {
            assertion: {
              token: `${String(assertion.audience).replace(/\W/g, "")}.${here.world.sidecar.decided()}.c2ln`,
              id: "i",
            },
          }),
    });
    return here;
  };
  test.each([["https://a.example"], ["https://b.example"]])(
    "for %s is of its upstream and of one attempt alone: another attempt is decided on anew",
    async (audience) => {
      const here = await begin(audience);
      here.a.answer = drops;
      const response = await here.ask();
      expect(response.headers.get("x-countersign-decision-id")).toBe("d-2");
      expect(here.a.received[0]?.headers[header]).toBe("httpsaexample.1.c2ln");
      expect(here.b.received[0]?.headers[header]).toBe(`${audience.replace(/\W/g, "")}.2.c2ln`);
      expect(await outcomes(here)).toEqual([
        ["d-1", "upstream_error", "a"],
        ["d-2", "forwarded", "b"],
      ]);
    },
  );

  test("of another upstream is never sent, though it came with the decision", async () => {
    const here = await begin("https://b.example");
    const { decide } = here.world.sidecar;
    here.world.sidecar.decide = (...args) => ({
      ...decide(...args),
      obligations: [{ id: "o", type: "restrict_regions", properties: { regions: ["us"] } }],
    });
    expect(await contentOf(await here.ask())).toBe("b");
    expect(here.b.received[0]?.headers[header]).toBe("httpsbexample.2.c2ln");
  });

  test("goes with its own decision, and not where that one says no", async () => {
    const here = await begin("https://b.example");
    const { decide } = here.world.sidecar;
    here.a.answer = (...args) => {
      here.world.sidecar.decide = (...asked) => ({
        ...decide(...asked),
        obligations: [{ id: "o", type: "restrict_regions", properties: { regions: ["eu"] } }],
      });
      drops(...args);
    };
    expect((await here.ask()).status).toBe(403);
    expect(counts(here)).toEqual([1, 0, 0]);
  });

  test("that isn't to be had any more ends it: nothing is sent", async () => {
    const here = await begin("https://b.example");
    here.a.answer = (...args) => {
      here.world.sidecar.decide = () => ({
        allow: false,
        reasons: [{ code: "token_expired", message: "x" }],
      });
      drops(...args);
    };
    expect((await here.ask()).status).toBe(401);
    expect(here.b.received).toEqual([]);
    expect(await outcomes(here)).toEqual([
      ["d-1", "upstream_error", "a"],
      ["d-2", "denied", undefined],
    ]);
  });
});
