/** Content put into every field that a caller or policy can fill must not come out anywhere. */
import { describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { createEventWriter } from "../../sidecar/record/event.js";
import { createDigest } from "../../sidecar/record/fact.js";
import { createProcessLog, logFormats } from "../../sidecar/record/log.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { callOf, contextOf, decisionOf, decisionRecordOf, identityOf } from "./records.js";

const canary = "CANARY the launch code is 0000";
const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.c2lnbmF0dXJlQ0FOQVJZ";
const content: JsonObject = {
  text: canary,
  [canary]: canary,
  list: [canary, { [canary]: canary }],
  nested: { arguments: { deep: canary }, token: jwt },
  arguments: { a: canary, [canary]: 1, b: { c: [canary, jwt] } },
  parameters: { prompt: canary, authorization: `Bearer ${jwt}` },
  messages: [{ role: "user", content: canary }],
  environment: { x: canary },
  provider: [canary],
  region: { [canary]: canary },
};

function expectClean(text: string): void {
  expect(text).not.toContain("CANARY");
  expect(text).not.toContain("launch code");
  expect(text).not.toContain("eyJ");
}

describe("content never comes out", () => {
  test("of a decision's event", () => {
    const write = createEventWriter({
      labels: { id: "i", version: "v" },
      digest: createDigest(),
      input: "full",
    });
    const record = decisionRecordOf({
      decision: decisionOf({
        reasons: [{ code: canary, message: canary, rule: canary }],
        obligations: [{ id: canary, type: canary, properties: content }],
        labels: [canary],
        rules: [canary],
      }),
      identity: identityOf({
        claims: content,
        groups: [canary],
        roles: [canary],
        department: canary,
        ...{
          token: jwt,
          device: { id: "d", serial: canary },
          chain: [{ type: "user", id: "u", issuer: "i", claims: content }],
        },
      } as object),
      call: callOf(content, content),
      context: contextOf({
        request: { id: "req-1", method: "POST", path: `/mcp/files?access_token=${jwt}&q=${canary}` },
        prompt: content,
        content,
      }),
    });
    const credentials = { bearer: jwt };
    expectClean(write({ ...record, ...{ credentials, body: canary } }));
  });

  test.each<{ readonly name: string; readonly value: Json | Uint8Array }>([
    { name: "document", value: { allow: true, ...content } },
    { name: "text", value: canary },
    { name: "list", value: [canary] },
    { name: "bytes", value: Buffer.from(JSON.stringify(content)) },
  ])("of a data query's event: $name", ({ value }) => {
    const write = createEventWriter({
      labels: { id: "i", version: "v" },
      digest: createDigest(),
      input: "digest",
    });
    expectClean(
      write({
        type: "data",
        at: 0,
        decisionId: "d",
        path: "p",
        bundles: {},
        input: value,
        result: value,
        micros: {},
      }),
    );
  });

  test.each(logFormats)(
    "of the process log as %s, where it is under a telling name or in a telling form",
    (format) => {
      let out = "";
      const log = createProcessLog({ level: "debug", format, write: (text) => (out += text) });
      const error = Object.assign(new Error(`fetch of https://user:CANARY@host/ failed: Bearer ${jwt}`), {
        stack: canary,
        request: { headers: { authorization: canary } },
      });
      log.error(`could not verify ${jwt}`, {
        error,
        token: canary,
        headers: { Authorization: `Basic CANARY`, cookie: canary },
        text: `sent Bearer CANARY-CANARY to redis://:CANARY@host:6379`,
        pem: "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----",
        api_key: canary,
        input: { arguments: content, prompt: canary, claims: content, body: canary },
        bytes: Buffer.from(canary),
        [jwt]: 1,
      });
      expect(out).toContain("could not verify [removed]");
      expect(out).toContain("failed");
      expectClean(out);
    },
  );

  test("of metric labels", async () => {
    const metrics = createMetrics();
    const hostile = canary as never;
    metrics.decided({
      door: hostile,
      kind: canary,
      action: canary,
      allow: false,
      reason: canary,
      policy: canary,
      rules: [canary],
      cache: "none",
      micros: {},
    });
    metrics.identityFailed(hostile);
    metrics.evaluationFailed(hostile);
    metrics.outcome({ kind: hostile, outcome: hostile, duration_ms: 1 });
    metrics.httpAnswered(hostile, 200);
    metrics.gatewayAnswered(canary, 200);
    metrics.bundleRejected(canary, canary);
    const text = await metrics.text();
    expect(text).toContain('reason="other"');
    expectClean(text);
  });
});
