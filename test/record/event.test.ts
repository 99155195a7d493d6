import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { parseJson } from "../../sidecar/contract.js";
import type { Json } from "../../sidecar/contract.js";
import { createEventWriter } from "../../sidecar/record/event.js";
import type { LogRecord } from "../../sidecar/record/event.js";
import { createDigest } from "../../sidecar/record/fact.js";
import { callOf, contextOf, decisionRecordOf, refusedOf } from "./records.js";

const labels = { id: "sidecar-1", version: "0.1.0", team: "platform" };
const writer = (input: "digest" | "full" = "digest", key?: Uint8Array) =>
  createEventWriter({ labels, digest: createDigest(key), input });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const event = (record: LogRecord, write = writer()): Record<string, unknown> => {
  const line = write(record);
  expect(line).not.toMatch(/[\n\r]/);
  return JSON.parse(line) as Record<string, unknown>;
};

describe("a decision's event", () => {
  test("has OPA's fields and ours", () => {
    expect(event(decisionRecordOf())).toEqual({
      labels,
      type: "decision",
      decision_id: "01-d",
      bundles: { main: { revision: "r7" } },
      path: "countersign/decision",
      input: {
        action: { name: "tool.call", properties: {} },
        resource: {
          properties: {
            provider: { type: "string", bytes: 5, sha256: sha256("local") },
            region: { type: "string", bytes: 2, sha256: sha256("eu") },
            arguments: { path: { type: "string", bytes: 6, sha256: sha256("/tmp/a") } },
          },
        },
        request: { method: "POST", path: "/mcp/files" },
      },
      result: { allow: true, labels: ["restricted-data"], ttl: 30 },
      requested_by: "unix",
      timestamp: "2026-01-01T00:00:00.000Z",
      metrics: {
        timer_countersign_identify_ns: 1000,
        timer_countersign_describe_ns: 2000,
        timer_countersign_cache_ns: 3000,
        timer_rego_query_eval_ns: 40000,
        timer_countersign_record_ns: 500,
        timer_server_handler_ns: 50000,
      },
      req_id: "req-1",
      door: "decisions",
      subject: {
        type: "agent",
        id: "agent:senior",
        tenant: "acme",
        issuer: "https://issuer.example",
        method: "jwt",
        assurance: "bearer",
      },
      chain: [
        { type: "user", id: "user:ada", issuer: "https://issuer.example" },
        { type: "agent", id: "agent:senior", issuer: "https://issuer.example" },
      ],
      credentials: [{ method: "jwt", id: "jti-1", issuer: "https://issuer.example" }],
      workload: { id: "spiffe://acme.example/agent", trust_domain: "acme.example", attested: true },
      asserted: { id: "jti-2", audience: "https://upstream.example", kid: "k-1" },
      call: {
        kind: "tool",
        action: "tool.call",
        resource: { type: "tool", id: "files/read", provider: "local", region: "eu", environment: "prod" },
      },
      source_ip: "10.1.2.3",
      network: "internal",
      device: { id: "laptop-1", managed: true, compliant: false },
      rules: ["model.group", "model.region"],
      reasons: [{ code: "group_may_use_model", rule: "model.group" }],
      cache: "l1",
      obligations: [{ id: "o1", type: "limit", properties: { max_tokens: { type: "number", bytes: 3 } } }],
      expires_at: "2026-01-01T00:05:00.000Z",
    });
  });

  test("says which definition of a tool it was, its risk, and what was found in arguments and result", () => {
    const definition_digest = `sha256:${sha256("a definition")}`;
    const secrets = { count: 1, kinds: { github_token: 1 } };
    const call = callOf(
      {
        ...{
          definition_digest,
          definition_status: "changed",
          definition_flags: ["instructions", "Not A Flag"],
        },
        ...{
          risk: "high",
          effect: "read",
          labels: ["pii", "see below"],
          annotations: { readOnlyHint: true },
        },
        facts: {
          ...{
            chars: 3,
            truncated: false,
            hosts: ["inner"],
            urls: [{ host: "inner" }],
            paths: [{ path: "/x" }],
          },
          secrets: { ...secrets, at: ["/token"] },
          shell: { complete: false, why: ["expansion"], programs: ["ls"] },
        },
        result: {
          ...{ bytes: 90, is_error: false, blocks: { text: 1 }, media_types: ["image/png"], scanned: true },
          ...{ structured: { present: true, valid: true }, secrets: { github_token: 1 } },
          links: { count: 1, private: true, hosts: ["inner"], schemes: ["https"] },
        },
      },
      { phase: "response" },
    );
    const { tool, call: about } = event(decisionRecordOf({ call }));
    expect(about).toMatchObject({ action: "tool.call", phase: "response" });
    expect(tool).toEqual({
      ...{ definition_digest, definition_status: "changed", definition_flags: ["instructions"] },
      ...{ risk: "high", effect: "read", labels: ["pii"] },
      facts: { chars: 3, truncated: false, secrets, shell: { complete: false, why: ["expansion"] } },
      result: {
        ...{ bytes: 90, is_error: false, blocks: { text: 1 }, media_types: ["image/png"], scanned: true },
        ...{ structured: { present: true, valid: true }, secrets: { github_token: 1 } },
        links: { count: 1, private: true },
      },
    });
  });

  test("leaves out what a caller puts in place of such facts", () => {
    const stray = "the launch code";
    const call = callOf(
      {
        ...{
          definition_digest: stray,
          definition_status: stray,
          risk: stray,
          effect: ["read"],
          labels: stray,
        },
        ...{ facts: { chars: stray, secrets: { [stray]: 1, kinds: { [stray]: 1 } } }, result: [stray] },
      },
      { phase: stray },
    );
    expect(event(decisionRecordOf({ call }))["tool"]).toEqual({ facts: { secrets: { kinds: {} } } });
  });

  test("stands also where nothing but the refusal is known", () => {
    const refused = refusedOf();
    const line = event({
      type: "decision",
      at: 0,
      door: "decisions",
      entrypoint: "countersign/decision",
      decision: refused,
      micros: {},
      error: "token_expired",
    });
    expect(line).toMatchObject({
      decision_id: "01-d",
      result: { allow: false },
      error: "token_expired",
      metrics: {},
    });
    for (const absent of ["subject", "chain", "call", "prompt", "input", "req_id", "source_ip", "device"]) {
      expect(line).not.toHaveProperty(absent);
    }
  });

  const argumentCases: readonly { readonly name: string; readonly json: string; readonly facts: unknown }[] =
    [
      { name: "text", json: '"añ"', facts: { type: "string", bytes: 3, sha256: sha256("añ") } },
      { name: "a number, without digest", json: "42", facts: { type: "number", bytes: 2 } },
      { name: "a lossless number", json: "9007199254740993", facts: { type: "number", bytes: 16 } },
      { name: "a boolean, without digest", json: "true", facts: { type: "boolean", bytes: 4 } },
      { name: "null", json: "null", facts: { type: "null", bytes: 4 } },
      { name: "an array", json: "[1,2]", facts: { type: "array", bytes: 5, sha256: sha256("[1,2]") } },
      {
        name: "an object with a lossless number",
        json: '{"n":1.0}',
        facts: { type: "object", bytes: 9, sha256: sha256('{"n":1.0}') },
      },
    ];
  test.each(argumentCases)("describes an argument: $name", ({ json, facts }) => {
    const call = callOf({ arguments: { value: parseJson(json) } });
    const { input } = event(decisionRecordOf({ call })) as { input: { resource: { properties: unknown } } };
    expect(input.resource.properties).toEqual({ arguments: { value: facts } });
  });

  test("gives names that may be content as digests, and counts those beyond 64", () => {
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`n${i}`, i]));
    const call = callOf({ arguments: { "my password is x": 1, __proto__x: 2 } }, many);
    const { input } = event(decisionRecordOf({ call })) as {
      input: { resource: { properties: unknown }; action: { properties: Record<string, unknown> } };
    };
    expect(input.resource.properties).toEqual({
      arguments: {
        [`#${sha256("my password is x")}`]: { type: "number", bytes: 1 },
        __proto__x: expect.anything(),
      },
    });
    expect(Object.keys(input.action.properties)).toHaveLength(65);
    expect(input.action.properties["…"]).toBe(6);
  });

  test("keeps a member named __proto__ as a member", () => {
    const call = callOf({ arguments: parseJson('{"__proto__":"x"}') });
    expect(writer()(decisionRecordOf({ call }))).toContain(`"__proto__":{"type":"string"`);
  });

  test("keeps sizes and digests of a prompt, and nothing else of it", () => {
    const prompt = { bytes: 12, messages: 2, sha256: "ab".repeat(32), text: "hello", parts: ["hello"] };
    expect(event(decisionRecordOf({ context: contextOf({ prompt }) }))["prompt"]).toEqual({
      bytes: 12,
      messages: 2,
      sha256: "ab".repeat(32),
      text: { type: "string", bytes: 5, sha256: sha256("hello") },
      parts: { type: "array", bytes: 9, sha256: sha256('["hello"]') },
    });
  });

  test("keeps counts and versions of what detectors found, and nothing else of it", () => {
    const deep = { a: { b: { c: { d: { e: 1 } } } } };
    const content = {
      ...{
        detectors: { pii: "1", odd: "jane doe", "Jane Doe": "1" },
        scanned: false,
        why: ["budget", "Jane"],
      },
      ...{
        bytes: 12,
        pii: { email: 2, "jane@x": 1, text: "hello" },
        roles: { user: { images: { types: { other: 1 } } } },
      },
      ...{ images: { count: 1, types: { "image/png": 1 } }, text: "hello", deep },
    };
    expect(event(decisionRecordOf({ context: contextOf({ content }) }))["content"]).toEqual({
      ...{ detectors: { pii: "1" }, scanned: false, why: ["budget"] },
      ...{ bytes: 12, pii: { email: 2 }, roles: { user: { images: { types: { other: 1 } } } } },
      ...{ images: { count: 1, types: { "image/png": 1 } }, deep: { a: { b: { c: {} } } } },
    });
  });

  test("digests with the operator's key where there is one", () => {
    const key = Buffer.from("k");
    const call = callOf({ arguments: { a: "x" } });
    const hmac_sha256 = createHmac("sha256", key).update("x").digest("hex");
    expect(event(decisionRecordOf({ call }), writer("digest", key))).toMatchObject({
      input: { resource: { properties: { arguments: { a: { type: "string", bytes: 1, hmac_sha256 } } } } },
    });
  });

  test("keeps the decision where the rest can't be written", () => {
    let deep: Json = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    const line = event(decisionRecordOf({ call: callOf({ arguments: { deep } }) }));
    expect(line).toMatchObject({ decision_id: "01-d", result: { allow: true }, incomplete: true, labels });
  });
});

describe("a data query's event", () => {
  const input = Buffer.from('{\n "user": "ada",\r\n "n": 9007199254740993 }');
  const base = {
    type: "data",
    at: 0,
    decisionId: "01-q",
    path: "app/allow",
    bundles: { main: { revision: "r7" } },
    micros: { total: 5 },
  } as const;
  const cases: readonly { readonly name: string; readonly result: Json; readonly recorded: unknown }[] = [
    { name: "true", result: true, recorded: true },
    { name: "false", result: false, recorded: false },
    {
      name: "a document with allow",
      result: { allow: false, why: "x" },
      recorded: {
        type: "object",
        bytes: 25,
        sha256: sha256('{"allow":false,"why":"x"}'),
        allow: false,
      },
    },
    {
      name: "a document whose allow is not a boolean",
      result: { allow: "yes" },
      recorded: { type: "object", bytes: 15, sha256: sha256('{"allow":"yes"}') },
    },
  ];
  test.each(cases)("has input as size and digest, result $name", ({ result, recorded }) => {
    const line = event({ ...base, input, result });
    expect(line["input"]).toEqual({ bytes: input.length, sha256: sha256(input.toString()) });
    expect(line["result"]).toEqual(recorded);
    expect(line).toMatchObject({ type: "decision", decision_id: "01-q", path: "app/allow", door: "opa" });
  });

  test("has no result where the path is undefined", () => {
    expect(event({ ...base, input })).not.toHaveProperty("result");
  });

  test("has both verbatim on one line in mode full, numbers with their text", () => {
    const line = writer("full")({ ...base, input, result: { rows: ["a\nb"] } });
    expect(line).not.toMatch(/[\n\r]/);
    expect(line).toContain('"input":{"user":"ada","n":9007199254740993}');
    expect(line).toContain('"result":{"rows":["a\\nb"]}');
  });

  test("has what isn't JSON as size and digest, also in mode full", () => {
    const broken = Buffer.from('{"a":1}\n{"decision_id":"forged"}');
    const line = event({ ...base, input: broken, error: "invalid_json" }, writer("full"));
    expect(line["input"]).toEqual({ bytes: broken.length, sha256: sha256(broken.toString()) });
  });
});

describe("an outcome's event", () => {
  test("is linked by decision id and holds the contract's fields only", () => {
    const rest = {
      decision_id: "01-d",
      outcome: "forwarded",
      kind: "model",
      status: 200,
      duration_ms: 12.5,
      upstream: "local",
      bytes: 900,
    } as const;
    const usage = { input_tokens: 10, output_tokens: 20 };
    const outcome = { ...rest, note: "CANARY", usage: { ...usage, note: "CANARY" } };
    expect(event({ type: "outcome", at: 0, outcome, requestedBy: "unix" })).toEqual({
      labels,
      type: "outcome",
      timestamp: "1970-01-01T00:00:00.000Z",
      requested_by: "unix",
      ...rest,
      usage,
    });
  });
});
