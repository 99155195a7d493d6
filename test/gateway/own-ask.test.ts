/** A sidecar in the gateway's process: what it answers is trusted no further than what comes by a socket. */
import { describe, expect, test } from "@jest/globals";
import { createOwnAsk } from "../../gateway/ask.js";
import type { Decision, DecisionRequest } from "../../sidecar/contract.js";
import { subject } from "./world.js";

const call = {
  kind: "model",
  action: { name: "model.invoke", properties: {} },
  resource: { type: "model", id: "small", properties: {} },
} as const;
const request = (more: Partial<DecisionRequest> = {}): DecisionRequest => ({
  calls: [call],
  credentials: {},
  context: { request: { id: "r", method: "POST", path: "/" } },
  obligations: ["mask"],
  ...more,
});
const decision = (more: Partial<Decision> = {}): Decision => ({
  decision_id: "d",
  allow: true,
  reasons: [],
  obligations: [],
  labels: [],
  ttl: 0,
  rules: [],
  cache: "none",
  expires_at: "2026-01-01T00:00:00Z",
  bundles: {},
  subject,
  ...more,
});

interface Case {
  readonly name: string;
  readonly decide: () => Promise<Decision[]>;
  readonly asked?: DecisionRequest;
  readonly code: string;
}
const assertion = { audience: "https://upstream.example", claims: [] } as unknown as NonNullable<
  DecisionRequest["assertion"]
>;
const undeclared = { id: "o", type: "limit_tokens", properties: {} };
const cases: readonly Case[] = [
  { name: "a rejection", decide: () => Promise.reject(new Error("no")), code: "pdp_unavailable" },
  {
    name: "a throw",
    decide: () => {
      throw new Error("no");
    },
    code: "pdp_unavailable",
  },
  { name: "silence", decide: () => new Promise(() => undefined), code: "pdp_timeout" },
  { name: "no decision", decide: () => Promise.resolve([]), code: "pdp_unavailable" },
  {
    name: "two for one call",
    decide: () => Promise.resolve([decision(), decision()]),
    code: "pdp_unavailable",
  },
  {
    name: "an obligation that wasn't declared",
    decide: () => Promise.resolve([decision({ obligations: [undeclared] })]),
    code: "obligation_unsatisfiable",
  },
  {
    name: "an allow without the assertion that was asked for",
    decide: () => Promise.resolve([decision()]),
    asked: request({ assertion }),
    code: "assertion_unavailable",
  },
];

describe("what isn't an allow", () => {
  test.each(cases)("$name: denied as $code", async ({ decide, asked = request(), code }) => {
    const [answer, ...more] = await createOwnAsk({ decide, record: () => undefined }, 30)(asked);
    expect(more).toEqual([]);
    expect(answer).toMatchObject({ allow: false, obligations: [], reasons: [{ code }] });
  });

  test("more calls than a sidecar takes at its socket: denied, each", async () => {
    const calls = Array.from({ length: 513 }, () => call);
    const decide = () => Promise.resolve(calls.map(() => decision()));
    const answers = await createOwnAsk({ decide, record: () => undefined }, 30)(request({ calls }));
    expect([answers.length, answers.some(({ allow }) => allow)]).toEqual([513, false]);
  });
});

test("the control: a whole decision is one", async () => {
  const decide = () => Promise.resolve([decision()]);
  expect(await createOwnAsk({ decide, record: () => undefined }, 30)(request())).toEqual([decision()]);
});
