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
  const bot = { type: "agent", id: "bot", issuer: "other" } as const;
  const keyed = <T extends { id: string }>(link: T, key = link.id) => ({ ...link, key });

  test("name everyone from the principal to who calls", () => {
    const [principal, service, caller] = [keyed(ann), keyed(svc), keyed(bot, "other bot")];
    expect(describeDelegation({ chain: [ann, svc, bot], scopes: ["read"] })).toEqual({
      ...{ depth: 2, principal, user: principal, caller, actors: [service, caller], scopes: ["read"] },
    });
  });
  test("an agent of another issuer isn't its namesake", () => {
    const own = { type: "agent", id: "other bot", issuer: "idp" } as const;
    const keyOf = (link: typeof own | typeof bot) =>
      (describeDelegation({ chain: [ann, link] })["caller"] as { key: string }).key;
    expect(keyOf({ ...bot, issuer: "third" } as never)).toBe("third bot");
    // a home id with a blank in it could pose as one of another issuer
    expect([keyOf(own), keyOf(bot)]).toEqual(["idp other bot", "other bot"]);
  });
  test("without an actor there is no delegation", () => {
    const principal = keyed(svc);
    expect(describeDelegation({ chain: [svc] })).toEqual({
      depth: 0,
      principal,
      caller: principal,
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
