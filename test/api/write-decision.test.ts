/** What is answered is what the plain writer writes, byte for byte. */
import { expect, test } from "@jest/globals";
import { writeAnswer } from "../../sidecar/api/write-decision.js";
import type { Decision, DecisionRequest, Json } from "../../sidecar/contract.js";
import { JsonNumber, stringifyJson } from "../../sidecar/contract.js";

const freeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null)
    for (const one of Object.values(Object.freeze(value) as object)) freeze(one);
  return value;
};
const decision = (more: Partial<Decision> = {}): Decision => ({
  ...{ decision_id: "d-1", allow: true, reasons: freeze([{ code: "a", message: 'x"\u2028' }]) },
  ...{ obligations: [], labels: freeze([]), ttl: 0.5, rules: freeze(["a.b"]), cache: "l1" },
  ...{ expires_at: "2026-11-22T00:00:00.000Z", bundles: freeze({ main: { revision: "r" } }) },
  ...more,
});
const asked = (how: "call" | "calls"): DecisionRequest => ({ [how]: {} }) as unknown as DecisionRequest;

const cases: readonly Decision[] = [
  decision(),
  decision({ subject: freeze({ type: "user", id: "ü", tenant: "acme", handles: ["subject:ü"] }) }),
  decision({ task: undefined, retry_after: undefined } as unknown as Partial<Decision>),
  decision({
    obligations: freeze([
      { id: "o", type: "set", properties: { n: new JsonNumber("9007199254740993"), __proto__: 1 } as never },
    ]),
  }),
  decision({ task: { id: "t", lineage: ["t"], proven: true }, allowance: { tokens: 3 }, allow: false }),
];

test.each(cases)("decision %#", (one) => {
  const plain = (value: unknown): string => stringifyJson(value as Json);
  // what is frozen comes from memory the second time
  for (let times = 0; times < 2; times++) {
    expect(writeAnswer(asked("call"), [one])).toBe(plain(one));
    expect(writeAnswer(asked("calls"), [one, decision()])).toBe(plain({ decisions: [one, decision()] }));
  }
});

test("no calls, no decisions", () => {
  expect(writeAnswer(asked("calls"), [])).toBe('{"decisions":[]}');
});
