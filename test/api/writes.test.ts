/** Data and policies written through OPA's API: OPA's own cases, bad input, bundles' roots, and what decisions see. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { startSidecar } from "../../sidecar/main.js";
import type { Sidecar } from "../../sidecar/main.js";
import type { Step } from "./writes.cases.js";
import { anything, moreCases, opaCases } from "./writes.cases.js";

let sidecar: Sidecar;
let url: string;

beforeAll(async () => {
  sidecar = await startSidecar({
    bundles: [],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: ["127.0.0.1:0"],
    config: { decision_logs: { console: false } },
    sets: ["api.writes=true"],
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
  });
  url = sidecar.addresses[0] ?? "";
});
afterAll(() => sidecar.close());

async function send({
  method,
  path,
  body,
  headers,
}: Omit<Step, "status">): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers }),
  });
  return { status: response.status, text: await response.text() };
}

/** Each case begins with nothing. */
afterEach(async () => {
  const listed = JSON.parse((await send({ method: "GET", path: "/v1/policies" })).text) as {
    result: { id: string }[];
  };
  // together: one alone may be needed by another
  for (let rest = listed.result; rest.length > 0;) {
    const kept = [];
    for (const one of rest) {
      const { status } = await send({ method: "DELETE", path: `/v1/policies/${one.id}` });
      if (status !== 200) kept.push(one);
    }
    rest = kept;
  }
  expect((await send({ method: "PUT", path: "/v1/data", body: "{}" })).status).toBe(204);
});

async function carryOut(steps: readonly Step[]): Promise<void> {
  for (const [number, one] of steps.entries()) {
    const { status, text } = await send(one);
    expect({ number, ...one, status, text: status === one.status ? "" : text }).toEqual({
      number,
      ...one,
      text: "",
    });
    if (one.answer === undefined) continue;
    if (typeof one.answer === "string") {
      // to the digit
      expect(text).toContain(`"result":${one.answer}}`);
      continue;
    }
    const answer = JSON.parse(text) as Record<string, unknown>;
    delete answer["decision_id"];
    expect({ number, path: one.path, answer }).toEqual({
      number,
      path: one.path,
      answer: wanted(one.answer),
    });
  }
}

function wanted(value: unknown): unknown {
  if (value === anything) return expect.anything();
  if (typeof value === "string" && value.startsWith("<containing>"))
    return expect.stringContaining(value.slice(12));
  if (Array.isArray(value)) return value.map(wanted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, wanted(member)]));
}

describe("as OPA's server", () => {
  test.each(Object.entries(opaCases))("%s", async (_name, steps) => {
    await carryOut(steps);
  });
});

describe("beyond OPA's cases", () => {
  test.each(Object.entries(moreCases))("%s", async (_name, steps) => {
    await carryOut(steps);
  });
});
