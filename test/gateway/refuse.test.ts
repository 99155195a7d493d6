/** Whose words a deny is in: the pipeline's own code has its status, a rule's code is a deny. */
import { expect, test } from "@jest/globals";
import { refusalOf } from "../../gateway/models/refuse.js";
import type { Reason } from "../../sidecar/contract.js";
import { denied } from "../../sidecar/contract.js";

const of = (...reasons: Reason[]) => {
  const [first = { code: "x", message: "" }] = reasons;
  return refusalOf({ ...denied("d", first, new Date(0)), reasons });
};

test.each([
  { name: "the pipeline's", reason: { code: "pdp_timeout", message: "m" }, code: "pdp_timeout", status: 503 },
  {
    name: "a rule's",
    reason: { code: "tier", message: "m", rule: "model.tier" },
    code: "denied",
    status: 403,
  },
  {
    name: "a rule's that reads like the pipeline's",
    reason: { code: "pdp_timeout", message: "m", rule: "own.rule" },
    code: "denied",
    status: 403,
  },
  {
    name: "a rule's that reads like a route's",
    reason: { code: "unknown_route", message: "m", rule: "own.rule" },
    code: "denied",
    status: 403,
  },
])("$name: $code, $status", ({ reason, code, status }) => {
  expect(of(reason)).toMatchObject({ code, status });
});

test("the code of a rule that asks for more is the challenge's", () => {
  const more = { code: "insufficient_assurance", message: "m", rule: "own.rule" };
  expect(of(more)).toMatchObject({ code: "insufficient_assurance", status: 401 });
});
