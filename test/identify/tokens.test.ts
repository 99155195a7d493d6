import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { errorTable } from "../../sidecar/contract.js";
import { k1, r1, tokenCases, tokenOf, type TokenCase } from "./token-attacks.cases.js";
import { createWorld, es256, header, issuerConfig, issuerUrl, jwk, payload, token } from "./world.js";

const keys = [jwk(k1, { kid: "k1" }), jwk(r1, { kid: "r1", alg: "RS256", use: "sig" })];
const world = (issuer: Record<string, unknown> = {}) =>
  createWorld([issuerConfig({ keys } as never, issuer)]);

describe("a token", () => {
  test.each(tokenCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const bearer = tokenOf(one);
    const { identify, events } = world(one.issuer);
    const outcome = await identify({ bearer });
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
    // asked again, it gets the same answer, out of the cache only where it is good
    const again = await identify({ bearer });
    expect(again.kind === "refusal" ? again.code : again.kind).toBe(one.expect);
    expect(again.kind === "identified" && again.cached).toBe(one.expect === "identified");
    expect(events.filter((event) => event.kind === "internal_error")).toEqual([]);
    expectNothingOf(one, JSON.stringify([outcome.kind === "refusal" ? outcome : "", events]));
  });

  test("each token code has a case", () => {
    // the last one is an authorization server's to say
    const codes = Object.keys(errorTable).filter(
      (code) => code.startsWith("token_") && code !== "token_inactive",
    );
    expect(codes.filter((code) => !tokenCases.some((one) => one.expect === code))).toEqual([]);
  });

  test("no credentials", async () => {
    expect(await world().identify({})).toMatchObject({ code: "unauthenticated", status: 401 });
    expect(await world().identify({ bearer: "" })).toMatchObject({ code: "unauthenticated" });
  });

  test("any change to a good token's characters refuses it, without leaking or failing", async () => {
    const { identify, events } = world();
    const good = token(header, payload, es256(k1));
    expect((await identify({ bearer: good })).kind).toBe("identified");
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.string({ minLength: 1, maxLength: 3 }),
        async (at, text) => {
          const bearer = good.slice(0, at) + text + good.slice(at + 1);
          fc.pre(bearer !== good);
          const outcome = await identify({ bearer });
          expect(outcome.kind).toBe("refusal");
          expect(outcome).not.toMatchObject({ code: "internal_error" });
        },
      ),
      { numRuns: 300 },
    );
    expect(events.filter((event) => event.kind === "internal_error")).toEqual([]);
  });

  test("arbitrary claims never reject, and refuse or identify by themselves only", async () => {
    const { identify, events } = world({ expose: ["x"] });
    const claim = fc.constantFrom(
      "sub",
      "tenant",
      "groups",
      "device",
      "act",
      "aud",
      "exp",
      "typ",
      "cnf",
      "x",
      ...["scope", "scp", "acr", "amr", "auth_time", "_claim_names", "hasgroups", "may_act", "iat", "nbf"],
    );
    await fc.assert(
      fc.asyncProperty(claim, fc.jsonValue({ maxDepth: 3 }), async (name, value) => {
        const outcome = await identify({ bearer: token(header, { ...payload, [name]: value }, es256(k1)) });
        expect(outcome).not.toMatchObject({ code: "internal_error" });
        if (outcome.kind === "identified") expect(outcome.identity.issuer).toBe(issuerUrl);
      }),
      { numRuns: 200 },
    );
    expect(events.filter((event) => event.kind === "internal_error")).toEqual([]);
  });

  test("each issuer's own keys and tenants count for its tokens alone", async () => {
    const other = issuerConfig({ keys: [jwk(r1, { kid: "k1" })] } as never, {
      name: "other",
      issuer: "https://other.test",
      algorithms: ["RS256"],
      tenants: ["globex"],
    });
    const { identify } = createWorld([issuerConfig({ keys } as never), other]);
    const codes = [
      [{}, { iss: "https://other.test", tenant: "globex" }, "token_algorithm"],
      [{}, { tenant: "globex" }, "token_tenant"],
    ] as const;
    for (const [head, body, code] of codes) {
      const bearer = token({ ...header, ...head }, { ...payload, ...body }, es256(k1));
      expect(await identify({ bearer })).toMatchObject({ code });
    }
  });
});

/** INVARIANT: no part of a token stands in a refusal or event. */
function expectNothingOf(one: TokenCase, said: string): void {
  const secrets = [tokenOf(one), ...tokenOf(one).split(".")].filter((part) => part.length > 3);
  const collect = (value: unknown): void => {
    if (typeof value === "string" && value.length > 3) secrets.push(value);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
  };
  collect({ ...payload, ...one.payload });
  // words that the error table itself uses
  const own = ["agent", "JWT"];
  for (const secret of secrets) if (!own.includes(secret)) expect(said).not.toContain(secret);
}
