import Anthropic from "@anthropic-ai/sdk";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { Lab } from "./lab.js";
import { eventually, startLab } from "./lab.js";

const mine = (name: string, more: object): object => ({ name, when: { models: [name] }, ...more });
const hourly = { window: "1h", per: ["user"] };
const limits = [
  mine("last", { unit: "requests", amount: 10, window: "1h", per: ["tenant"] }),
  mine("rate", { unit: "requests", amount: 2, ...hourly }),
  mine("month", {
    ...{ unit: "requests", amount: 1, per: ["user"] },
    window: { calendar: "month", time_zone: "Europe/Berlin" },
  }),
  mine("tokens", { unit: "tokens", amount: 1_000, ...hourly }),
  mine("stream", { unit: "output_tokens", amount: 120, ...hourly }),
  mine("large", { unit: "output_tokens", amount: 4_000, ...hourly }),
  mine("once", { unit: "concurrent", amount: 1, per: ["user"] }),
  mine("soft", { unit: "requests", amount: 1, soft: true, ...hourly }),
  mine("warns", { unit: "requests", amount: 4, warn_at: 0.5, ...hourly }),
  mine("seen", { unit: "requests", amount: 3, ...hourly }),
  {
    name: "several",
    unit: "requests",
    amount: 5,
    when: { models: ["several"] },
    window: "1h",
    per: ["user"],
  },
  {
    ...{ name: "several-minute", unit: "requests", amount: 2, when: { models: ["several"] } },
    ...{ window: "1m", sliding: true, per: ["user"] },
  },
  {
    ...{ name: "money", unit: "cost", amount: "0.0002", currency: "EUR" },
    ...{ when: { models: ["priced", "unpriced"] }, window: "1h", per: ["user"] },
  },
  { name: "tools", unit: "tool_calls", amount: 2, window: "1h", per: ["user", "tool"] },
  { name: "searches", unit: "chunks", amount: 12, window: "1h", per: ["user", "collection"] },
];

let lab: Lab;
beforeAll(async () => {
  lab = await startLab(limits);
});
afterAll(() => lab.close());

const of = async (response: Response): Promise<{ status: number; error: Record<string, unknown> }> => {
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  return { status: response.status, error };
};
const remaining = (response: Response, what = "requests"): number =>
  Number(response.headers.get(`x-ratelimit-remaining-${what}`));

describe("through the real gateway", () => {
  test("500 requests at the last unit of a budget: none over", async () => {
    for (let i = 0; i < 9; i++) expect((await lab.chat("last", "hi", `u${i}`)).status).toBe(200);
    const before = lab.upstream.received.length;
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => lab.chat("last", "hi", `u${i % 50}`).then((one) => one.status)),
    );
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(answers.filter((status) => status === 429)).toHaveLength(499);
    expect(lab.upstream.received.length - before).toBe(1);
  });

  test("answers say what is left, in the words of SDKs; the refusal when to come again", async () => {
    const first = await lab.chat("rate", "hi", "a");
    expect(first.headers.get("x-ratelimit-limit-requests")).toBe("2");
    expect(remaining(first)).toBe(1);
    expect(first.headers.get("x-ratelimit-reset-requests")).toMatch(/^(\d+h)?(\d+m)?\d+s$/);
    await lab.chat("rate", "hi", "a");
    const refused = await lab.chat("rate", "hi", "a");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(remaining(refused)).toBe(0);
    expect(await of(refused)).toMatchObject({
      status: 429,
      error: {
        type: "rate_limit_exceeded",
        code: "rate_limit_exceeded",
        reasons: [{ code: "rate_limited" }],
      },
    });
    // it is counted by user
    expect((await lab.chat("rate", "hi", "b")).status).toBe(200);
  });

  test("OpenAI's SDK raises its RateLimitError", async () => {
    const client = new OpenAI({ apiKey: lab.tokenOf("sdk"), baseURL: `${lab.url}/v1`, maxRetries: 0 });
    const ask = () =>
      client.chat.completions.create({ model: "month", messages: [{ role: "user", content: "hi" }] });
    await ask();
    const error = await ask().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "insufficient_quota", type: "insufficient_quota" });
    // over the responses, too
    const other = await client.responses
      .create({ model: "month", input: "hi" })
      .catch((caught: unknown) => caught);
    expect(other).toBeInstanceOf(OpenAI.RateLimitError);
  });

  test("Anthropic's SDK raises its RateLimitError, and reads its own headers", async () => {
    const client = new Anthropic({
      baseURL: lab.url,
      apiKey: null,
      authToken: lab.tokenOf("claude"),
      maxRetries: 0,
    });
    const ask = () =>
      client.messages
        .create({ model: "rate", max_tokens: 9, messages: [{ role: "user", content: "hi" }] })
        .withResponse();
    const { response } = await ask();
    expect(response.headers.get("anthropic-ratelimit-requests-remaining")).toBe("1");
    expect(Date.parse(response.headers.get("anthropic-ratelimit-requests-reset") ?? "")).toBeGreaterThan(
      Date.now(),
    );
    await ask();
    const error = await ask().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(error).toMatchObject({ status: 429, error: { error: { type: "rate_limit_error" } } });
  });

  test("Gemini's clients are told that a resource is exhausted", async () => {
    const ask = () =>
      lab.post(
        "/v1beta/models/month:generateContent",
        { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
        "gem",
      );
    await lab.chat("month", "hi", "gem");
    expect(await of(await ask())).toMatchObject({
      status: 429,
      error: { code: 429, status: "RESOURCE_EXHAUSTED" },
    });
  });

  test("a call that could never fit isn't worth trying again", async () => {
    const refused = await lab.chat("tokens", "hi", "big", { max_tokens: 5_000 });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(refused.headers.get("retry-after")).toBeNull();
  });

  test("what wasn't used comes back with the answer", async () => {
    for (let i = 0; i < 5; i++) {
      // ten times what is left would be held at once without it
      await eventually(async () => {
        expect((await lab.chat("tokens", "hi", "settles", { max_tokens: 900 })).status).toBe(200);
      });
    }
    await eventually(async () => {
      const answer = await lab.chat("tokens", "hi", "settles", { max_tokens: 1 });
      expect(remaining(answer, "tokens")).toBeGreaterThan(900);
    });
  });

  test.each(["fail", "hang"])(
    "an upstream's failure, and a client that leaves, give back: %s",
    async (text) => {
      const user = `user-${text}`;
      const leaving = new AbortController();
      const asked =
        text === "fail"
          ? lab.chat("once", text, user)
          : fetch(`${lab.url}/v1/chat/completions`, {
              method: "POST",
              headers: { authorization: `Bearer ${lab.tokenOf(user)}`, "content-type": "application/json" },
              body: JSON.stringify({ model: "once", messages: [{ role: "user", content: text }] }),
              signal: leaving.signal,
            });
      if (text === "hang") {
        await eventually(async () => {
          expect(await of(await lab.chat("once", "hi", user))).toMatchObject({ status: 429 });
        });
        leaving.abort();
      }
      await asked.catch(() => undefined);
      await eventually(async () => {
        expect((await lab.chat("once", "hi", user)).status).toBe(200);
      });
    },
  );

  test("a failure isn't a request; one that was wrong is", async () => {
    expect((await lab.chat("rate", "fail", "fails")).status).toBeGreaterThanOrEqual(500);
    await eventually(async () => {
      expect(remaining(await lab.chat("rate", "hi", "fails"))).toBe(1);
    });
    expect((await lab.chat("rate", "wrong", "wrongs")).status).toBe(400);
    expect(remaining(await lab.chat("rate", "hi", "wrongs"))).toBe(0);
  });

  test("a stream over its budget is cut in mid-stream, in the protocol's words, and its upstream with it", async () => {
    const aborted = lab.upstream.aborted();
    const response = await lab.chat("stream", "on and on", "streams", { stream: true });
    expect(response.status).toBe(200);
    const text = await response.text();
    const words = text.split('"content":"word"').length - 1;
    expect(words).toBeGreaterThan(90);
    // what one read of the upstream's answer holds may be beyond
    expect(words).toBeLessThanOrEqual(130);
    expect(text).toContain('"code":"rate_limit_exceeded"');
    expect(text).not.toContain("[DONE]");
    await eventually(() => {
      expect(lab.upstream.aborted()).toBe(aborted + 1);
    });
    // what was used is used
    expect((await lab.chat("stream", "hi", "streams")).status).toBe(429);
  });

  test("a stream that needs more than was held gets it, while there is some", async () => {
    const reading = await lab.chat("large", "on and on", "longer", { stream: true });
    const [reader] = [reading.body?.getReader()];
    let text = "";
    for (let i = 0; i < 10_000 && text.split('"word"').length < 200; i++) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) break;
      text += Buffer.from(value as Uint8Array).toString();
    }
    expect(text.split('"word"').length).toBeGreaterThanOrEqual(200);
    await reader?.cancel();
    // it left: what had come counts, the rest comes back
    await eventually(async () => {
      const left = remaining(await lab.chat("large", "hi", "longer", { max_tokens: 1 }), "tokens");
      expect(left).toBeGreaterThan(3_000);
      expect(left).toBeLessThan(3_900);
    });
  });

  test("a limit that only warns lets go on, and says so", async () => {
    expect((await lab.chat("soft", "hi", "s")).headers.get("x-countersign-limit-warning")).toBeNull();
    const second = await lab.chat("soft", "hi", "s");
    expect(second.status).toBe(200);
    expect(second.headers.get("x-countersign-limit-warning")).toBe("soft;exceeded");
    expect(await lab.sidecar.metrics.text()).toContain(
      'countersign_limits_total{limit="soft",unit="requests",result="exceeded"} 1',
    );
  });

  test("a limit warns before it refuses, where it is told to", async () => {
    const said: (string | null)[] = [];
    for (let i = 0; i < 5; i++)
      said.push((await lab.chat("warns", "hi", "w")).headers.get("x-countersign-limit-warning"));
    expect(said).toEqual([null, null, "warns;near", "warns;near", expect.anything()]);
  });

  test("several windows at once: the tightest is told, and holds", async () => {
    const first = await lab.chat("several", "hi", "x");
    expect([first.headers.get("x-ratelimit-limit-requests"), remaining(first)]).toEqual(["2", 1]);
    await lab.chat("several", "hi", "x");
    const refused = await lab.chat("several", "hi", "x");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(64);
  });

  test("money: by the price of the model; a model without one isn't free", async () => {
    // 0.0001 for fifty tokens of output, and a little
    expect((await lab.chat("priced", "hi", "m")).status).toBe(200);
    const refused = await lab.chat("priced", "hi", "m", { max_tokens: 500 });
    expect(await of(refused)).toMatchObject({ status: 429, error: { code: "insufficient_quota" } });
    expect(await of(await lab.chat("unpriced", "hi", "m"))).toMatchObject({
      status: 503,
      error: { code: "limits_unavailable" },
    });
  });

  test("policy sees what is left", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await lab.chat("seen", "hi", "p")).status);
    expect(statuses).toEqual([200, 200, 403]);
  });

  test("policy asks for limits of its own; one that isn't understood denies", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await lab.chat("by-policy", "hi", "own")).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect(await of(await lab.chat("odd", "hi", "own"))).toMatchObject({
      status: 403,
      error: { code: "obligation_unsatisfiable" },
    });
  });

  test("tools: each by its own, in JSON-RPC's words", async () => {
    const client = new Client({ name: "test", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(`${lab.url}/mcp/files`), {
      requestInit: { headers: { authorization: `Bearer ${lab.tokenOf("tooled")}` } },
    });
    await client.connect(transport);
    const read = () => client.callTool({ name: "read_file", arguments: { path: "a" } });
    await read();
    await read();
    const error = await read().catch((caught: unknown) => caught);
    expect(String(error)).toContain("rate_limited");
    await client.callTool({ name: "delete_file", arguments: { path: "a" } });
    await client.close();
  });

  test("documents: as many as may come are held, those that came are kept", async () => {
    const query = (limit: number) =>
      lab.post("/v1/retrieval/handbook/query", { query: "x", top_k: limit }, "reads");
    expect((await query(10)).status).toBe(200);
    // one document came: eleven are left
    await eventually(async () => {
      expect((await query(10)).status).toBe(200);
    });
    expect((await query(12)).status).toBe(429);
  });
});
