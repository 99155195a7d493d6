import { describe, expect, test } from "@jest/globals";
import { describeDelegation } from "../../sidecar/describe/delegation.js";
import { delegationCases } from "./delegation.cases.js";
import { createWorld, ec, es256, header, issuerConfig, jwk, payload, token, type Members } from "./world.js";

const k1 = ec();
const { identify } = createWorld([
  issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never, { actor_issuers: ["https://two.test"] }),
]);
const ask = (more: Members) => identify({ bearer: token(header, { ...payload, ...more }, es256(k1)) });

describe("a delegated token with", () => {
  test.each(delegationCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const outcome = await ask(one.payload);
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
  });
});

describe("the facts for policies", () => {
  const ann = { type: "user", id: "ann", issuer: "idp" } as const;
  const svc = { type: "workload", id: "svc", issuer: "idp" } as const;
  const bot = { type: "agent", id: "bot", issuer: "idp" } as const;

  test("name everyone from the principal to who calls", () => {
    expect(describeDelegation({ chain: [ann, svc, bot], scopes: ["read"] })).toEqual({
      ...{ depth: 2, principal: ann, user: ann, caller: bot, actors: [svc, bot], scopes: ["read"] },
    });
  });
  test("without an actor there is no delegation", () => {
    expect(describeDelegation({ chain: [svc] })).toEqual({
      depth: 0,
      principal: svc,
      caller: svc,
      actors: [],
    });
  });
  test("without a chain there is nothing", () => {
    expect(describeDelegation({ chain: [] })).toEqual({});
  });
  test("an empty list of scopes isn't the absence of scopes", () => {
    expect(describeDelegation({ chain: [ann], scopes: [] })).toHaveProperty("scopes", []);
    expect(describeDelegation({ chain: [ann] })).not.toHaveProperty("scopes");
  });
});
