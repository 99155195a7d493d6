/** What a collector gets over OTLP/HTTP: spans of a request, its question and its attempts, and GenAI metrics. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { genAiMetrics } from "../../../gateway/observe/telemetry/metrics.js";
import { root } from "../../world.js";
import type { Served, World } from "../world.js";
import {
  callerToken,
  chatBody,
  deny,
  json,
  post,
  startUpstream,
  startWorld,
  subject,
  until,
} from "../world.js";
import { chatCase } from "./usage.cases.js";

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly Value[] };
}
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number };
}
interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly histogram: {
    readonly dataPoints: readonly {
      readonly attributes: readonly Attribute[];
      readonly count: number | string;
      readonly sum: number;
      readonly explicitBounds: readonly number[];
    }[];
  };
}
interface Export {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly SentMetric[] }[];
  }[];
}

const valueOf = (value: Value): unknown =>
  value.arrayValue?.values.map(valueOf) ??
  value.stringValue ??
  value.boolValue ??
  Number(value.intValue ?? value.doubleValue);
const plain = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));

/** The provider calls it so. */
const realName = "gpt-4o-2024-08-06";
const prompt = "a prompt that nobody must see";
const place = { region: "eu", environment: "prod", provider: "azure" };
const cost = { input: 1, output: 2, currency: "USD", as_of: "2026-11-01", source: "s" };

let world: World | undefined;
let upstream: Served | undefined;
let collector: Served | undefined;

async function start(telemetry: object = {}): Promise<{ world: World; upstream: Served; collector: Served }> {
  upstream = await startUpstream((_req, res) => {
    res.writeHead(503).end();
  });
  collector = await startUpstream((_req, res) => {
    json(res, {});
  });
  world = await startWorld({
    config: {
      upstreams: { first: { url: upstream.url }, second: { url: upstream.url } },
      models: {
        small: {
          deployments: [
            { upstream: "first", upstream_model: realName, ...place, cost },
            { upstream: "second", upstream_model: realName, ...place, cost },
          ],
          choice: "priority",
        },
        falling: { upstream: "first", ...place, fallbacks: { general: ["small"] } },
      },
      telemetry: { endpoint: collector.url, metrics_every_ms: 100, ...telemetry },
    },
  });
  return { world, upstream, collector };
}
/** Ends the gateway, which sends all that is left. */
async function ended(): Promise<{ spans: SentSpan[]; metrics: SentMetric[]; all: string }> {
  await world?.close();
  world = undefined;
  const received = (collector?.received ?? []).filter(
    ({ headers }) => headers["content-type"] === "application/json",
  );
  const exports = received.map(({ body }) => JSON.parse(body) as Export);
  const spans = exports.flatMap(({ resourceSpans = [] }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  // cumulative: the last export says all
  const last = exports.filter(({ resourceMetrics }) => resourceMetrics !== undefined).at(-1);
  const metrics = (last?.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics),
  );
  return {
    spans,
    metrics,
    all: received.map(({ body, headers, path }) => JSON.stringify([path, headers, body])).join("\n"),
  };
}
afterEach(async () => {
  await world?.close();
  await upstream?.close();
  await collector?.close();
  world = undefined;
});

const answerWhole = {
  ...{ id: "chatcmpl-9", object: "chat.completion", created: 1, model: `${realName}-eu` },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "an answer" } }],
  usage: {
    ...{ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
    prompt_tokens_details: { cached_tokens: 60 },
  },
};
const fails = (times: number, then: Served["answer"]): Served["answer"] => {
  let left = times;
  return (req, res, body) => {
    if (left-- > 0) res.writeHead(503).end();
    else then(req, res, body);
  };
};
const body = chatBody({ messages: [{ role: "user", content: prompt }], temperature: 0.5, max_tokens: 7 });
const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

describe("a request that a second deployment answers", () => {
  test("is four spans of one trace: request, question, and each attempt", async () => {
    const { world: here, upstream: there } = await start();
    there.answer = fails(1, (_req, res) => {
      json(res, answerWhole);
    });
    const response = await post(here, "/v1/chat/completions", body, { traceparent });
    expect(response.status).toBe(200);
    await response.text();
    await until(() => here.sidecar.outcomes.length > 0);
    const { spans, all } = await ended();
    const [request, ask, first, second] = [
      "POST /v1/chat/completions",
      "ask",
      ...Array<string>(2).fill(`chat ${realName}`),
    ].map(
      (name, i, names) =>
        spans.filter((span) => span.name === name)[names.slice(0, i).filter((one) => one === name).length],
    );
    expect(spans).toHaveLength(4);
    for (const span of [ask, first, second]) {
      expect(span).toMatchObject({ traceId: request?.traceId, parentSpanId: request?.spanId, kind: 3 });
    }
    expect(request?.kind).toBe(2);
    // a client's own trace isn't believed unless it is configured
    expect(request?.traceId).not.toBe(traceId);
    expect(request?.parentSpanId ?? "").toBe("");
    expect(plain(request?.attributes ?? [])).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "countersign.decision.id": "d-1",
      "countersign.outcome": "forwarded",
      "countersign.kind": "model",
      "countersign.tenant": expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(plain(ask?.attributes ?? [])).toEqual({
      "countersign.calls": 1,
      "countersign.denied": 0,
      "countersign.decision.id": "d-1",
      "countersign.cache": "none",
    });
    const { port } = new URL(there.url);
    const common = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "azure.ai.openai",
      "gen_ai.request.model": realName,
      "gen_ai.request.stream": false,
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.max_tokens": 7,
      "server.address": "127.0.0.1",
      "server.port": Number(port),
      "countersign.model": "small",
      "countersign.decision.id": "d-1",
    };
    expect(plain(first?.attributes ?? [])).toEqual({
      ...common,
      "countersign.deployment": "first",
      "error.type": "upstream_invalid",
    });
    expect(first?.status.code).toBe(2);
    expect(plain(second?.attributes ?? [])).toEqual({
      ...common,
      "countersign.deployment": "second",
      "gen_ai.response.id": "chatcmpl-9",
      "gen_ai.response.model": `${realName}-eu`,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 50,
      "gen_ai.usage.cache_read.input_tokens": 60,
      "countersign.cost.amount": "0.0002",
      "countersign.cost.currency": "USD",
    });
    expect(second?.status.code ?? 0).toBe(0);
    for (const secret of [prompt, "an answer", callerToken, subject.id, `"${subject.tenant}"`]) {
      expect(all).not.toContain(secret);
    }
    expect(there.received.map(({ headers }) => headers["traceparent"])).toEqual([undefined, undefined]);
  });

  test("is counted in the metrics of the conventions", async () => {
    const { world: here, upstream: there } = await start();
    there.answer = fails(1, (_req, res) => {
      res
        .writeHead(200, { "content-type": "text/event-stream" })
        .end([...chatCase.begin, chatCase.piece, chatCase.piece, ...chatCase.end].join(""));
    });
    const response = await post(
      here,
      "/v1/chat/completions",
      JSON.stringify({ model: "small", ...chatCase.body }),
    );
    await response.text();
    await until(() => here.sidecar.outcomes.length > 0);
    const { metrics, spans } = await ended();
    const named = (
      name: string,
    ): { of: Record<string, unknown>; count: number; sum: number; bounds: readonly number[] }[] =>
      (metrics.find((one) => one.name === name)?.histogram.dataPoints ?? []).map((point) => ({
        of: plain(point.attributes),
        count: Number(point.count),
        sum: point.sum,
        bounds: point.explicitBounds,
      }));
    expect(
      named("gen_ai.client.token.usage")
        .map(({ of, sum }) => [of["gen_ai.token.type"], sum])
        .sort(),
    ).toEqual([
      ["input", 100],
      ["output", 50],
    ]);
    expect(
      named("gen_ai.client.operation.duration").map(({ of, count }) => [
        of["error.type"],
        of["gen_ai.response.model"],
        count,
      ]),
    ).toEqual([
      ["upstream_invalid", undefined, 1],
      [undefined, "m", 1],
    ]);
    for (const name of ["gen_ai.client.operation.time_to_first_chunk", "gen_ai.server.time_to_first_token"]) {
      expect(named(name)).toMatchObject([{ count: 1 }]);
    }
    expect(named("gen_ai.server.request.duration")).toMatchObject([
      { count: 1, of: { "gen_ai.operation.name": "chat" } },
    ]);
    for (const { name, unit, histogram } of metrics) {
      const [known, bounds] = genAiMetrics[name as keyof typeof genAiMetrics];
      expect([unit, histogram.dataPoints[0]?.explicitBounds]).toEqual([known, bounds]);
    }
    const last = spans.filter(({ name }) => name.startsWith("chat")).at(-1);
    expect(plain(last?.attributes ?? [])).toMatchObject({
      "gen_ai.request.stream": true,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.reasoning.output_tokens": 20,
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
  });
});

test("a denial is a question whose reason is told; nobody was asked, and no tokens are counted", async () => {
  const { world: here } = await start();
  here.sidecar.decide = deny();
  await (await post(here, "/v1/chat/completions", body)).text();
  await until(() => here.sidecar.outcomes.length > 0);
  const { spans, metrics } = await ended();
  expect(spans.map(({ name }) => name).sort()).toEqual(["POST /v1/chat/completions", "ask"]);
  const ask = spans.find(({ name }) => name === "ask");
  expect(plain(ask?.attributes ?? [])).toMatchObject({
    "countersign.denied": 1,
    "countersign.reason": "model.tier",
  });
  expect(metrics).toEqual([]);
});

test("a fallback is an attempt under a decision of its own; what became of the first isn't the second's", async () => {
  const { world: here, upstream: there } = await start();
  there.answer = fails(2, (_req, res) => {
    json(res, answerWhole);
  });
  const asked = body.replace('"small"', '"falling"');
  expect((await post(here, "/v1/chat/completions", asked)).status).toBe(200);
  await until(() => here.sidecar.outcomes.length > 1);
  const { spans } = await ended();
  const attempts = spans
    .filter(({ name }) => name.startsWith("chat"))
    .map(({ attributes }) => plain(attributes));
  expect(attempts.map((one) => [one["countersign.decision.id"], one["error.type"]])).toEqual([
    ["d-1", "upstream_invalid"],
    ["d-2", "upstream_invalid"],
    ["d-2", undefined],
  ]);
  expect(attempts[2]).toMatchObject({ "gen_ai.usage.input_tokens": 100, "countersign.model": "small" });
});

test("an estimate is told as one, and not counted as usage", async () => {
  const { world: here, upstream: there } = await start();
  there.answer = (_req, res) => {
    json(res, { ...answerWhole, usage: undefined });
  };
  await (await post(here, "/v1/chat/completions", body)).text();
  await until(() => here.sidecar.outcomes.length > 0);
  const { spans, metrics } = await ended();
  const attempt = spans.find(({ name }) => name.startsWith("chat"));
  expect(plain(attempt?.attributes ?? [])).toMatchObject({ "countersign.usage.estimated": true });
  expect(metrics.map(({ name }) => name)).not.toContain("gen_ai.client.token.usage");
});

describe("traceparent", () => {
  const heard = async (
    telemetry: object,
    given: string,
  ): Promise<{ sent: unknown; request: SentSpan | undefined; spans: SentSpan[] }> => {
    const { world: here, upstream: there } = await start(telemetry);
    there.answer = (_req, res) => {
      json(res, answerWhole);
    };
    await (await post(here, "/v1/chat/completions", body, { traceparent: given })).text();
    await until(() => here.sidecar.outcomes.length > 0);
    const { spans } = await ended();
    const request = spans.find(({ kind }) => kind === 2);
    return { sent: there.received[0]?.headers["traceparent"], request, spans };
  };

  test("of a client is continued where it is trusted; upstreams get ours where that is configured", async () => {
    const { sent, request, spans } = await heard({ trust_traceparent: true, propagate: true }, traceparent);
    expect(request).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331" });
    const attempt = spans.find(({ name }) => name.startsWith("chat"));
    expect(sent).toBe(`00-${traceId}-${attempt?.spanId}-01`);
  });

  test("that is none begins a trace of its own", async () => {
    for (const given of [
      `01${traceparent.slice(2)}`,
      traceparent.toUpperCase(),
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    ]) {
      const { request } = await heard({ trust_traceparent: true }, given);
      expect(request?.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(request?.parentSpanId ?? "").toBe("");
      await upstream?.close();
      await collector?.close();
    }
  });

  test("that isn't sampled, or a share of nothing, sends no spans", async () => {
    expect((await heard({ trust_traceparent: true }, traceparent.replace(/01$/, "00"))).spans).toEqual([]);
    await upstream?.close();
    await collector?.close();
    expect((await heard({ sample: 0 }, traceparent)).spans).toEqual([]);
  });
});

test("the page lists the metrics that are sent, and no other", () => {
  const text = readFileSync(join(root, "docs/gateway-usage.md"), "utf8");
  const listed = [...text.matchAll(/^\| `(gen_ai\.(?:client|server)\.[\w.]+)` \|/gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual(Object.keys(genAiMetrics).sort());
});

test("a collector that fails keeps no request waiting", async () => {
  const { world: here, upstream: there, collector: broken } = await start();
  broken.answer = (_req, res) => {
    res.writeHead(500).end();
  };
  there.answer = (_req, res) => {
    json(res, answerWhole);
  };
  for (let i = 0; i < 3; i++) expect((await post(here, "/v1/chat/completions", body)).status).toBe(200);
  await ended();
  expect(broken.received.length).toBeGreaterThan(0);
});
