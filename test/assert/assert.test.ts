import { describe, expect, test } from "@jest/globals";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from "jose";
import { createAssert } from "../../sidecar/assert/assert.js";
import { assertionAlgorithms } from "../../sidecar/assert/keys.js";
import { Fields, parseAssertionRequest, Problems } from "../../sidecar/contract.js";
import type { AssertionRequest, Json, JsonObject } from "../../sidecar/contract.js";
import { readChain } from "../../sidecar/identify/token/chain.js";
import type { ClaimRules } from "../../sidecar/identify/token/types.js";
import type { caller } from "./facts.js";
import { factsOf, start, startRing, type TestRing } from "./facts.js";

const issuer = "https://countersign.example";
const audience = "https://files.internal";

function signerOf(ring: TestRing, more: { audiences?: string[]; lifetime?: number } = {}) {
  return createAssert({
    issuer,
    lifetime: 60,
    ...more,
    signer: ring.signer,
    newId: () => "jti-1",
    now: () => start,
  });
}

/** Signs, then verifies as an upstream would. */
async function payloadOf(
  ring: TestRing,
  wanted: Omit<AssertionRequest, "audience">,
  facts = factsOf(),
): Promise<Record<string, unknown>> {
  const asserted = signerOf(ring)({ audience, ...wanted }, facts);
  if (asserted.kind === "refused") throw new Error(asserted.code);
  const keys = createLocalJWKSet(JSON.parse(ring.published()) as JSONWebKeySet);
  const { payload } = await jwtVerify(asserted.assertion.token, keys, {
    issuer,
    audience,
    currentDate: new Date(start),
    requiredClaims: ["exp", "nbf", "iat", "jti", "sub"],
  });
  return payload;
}

describe.each(assertionAlgorithms)("an assertion signed with %s", (algorithm) => {
  test("verifies with the published keys, says who calls for whom, and lives a minute", async () => {
    const ring = await startRing({ algorithm });
    const iat = Math.floor(start / 1000);
    expect(await payloadOf(ring, {})).toEqual({
      ...{ iss: issuer, aud: audience, iat, nbf: iat, exp: iat + 60, jti: "jti-1" },
      ...{ sub: "ann", sub_type: "user", sub_iss: "https://idp.example", tenant: "acme" },
      ...{ groups: ["staff", "ml"], decision_id: "d-1", policy_revision: "r-7" },
      act: {
        ...{ sub: "agent:helper", iss: "https://idp.example", type: "agent" },
        act: { sub: "agent:planner", iss: "https://agents.example", type: "agent" },
      },
    });
    const asserted = signerOf(ring)({ audience }, factsOf());
    const token = asserted.kind === "asserted" ? asserted.assertion.token : "";
    expect(decodeProtectedHeader(token)).toEqual({
      alg: algorithm,
      typ: "countersign-assertion+jwt",
      kid: ring.key().kid,
    });
  });

  test("changed in one byte, verifies no more", async () => {
    const ring = await startRing({ algorithm });
    const asserted = signerOf(ring)({ audience }, factsOf());
    const token = asserted.kind === "asserted" ? asserted.assertion.token : "";
    const [head = "", body = "", signature = ""] = token.split(".");
    const flip = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);
    const keys = createLocalJWKSet(JSON.parse(ring.published()) as JSONWebKeySet);
    for (const changed of [`${head}.${flip(body)}.${signature}`, `${head}.${body}.${flip(signature)}`]) {
      await expect(jwtVerify(changed, keys, { currentDate: new Date(start) })).rejects.toThrow();
    }
  });
});

describe("the claims", () => {
  test("can be named for an upstream that was built for Pomerium's assertion", async () => {
    const ring = await startRing();
    const payload = await payloadOf(ring, {
      type: "JWT",
      claims: {
        ...{ email: "claims.email", user: "subject.id", sid: "credential.id", name: "claims.name" },
        ...{ sub_type: "none", sub_iss: "none", tenant: "none", act: "none", decision_id: "none" },
        ...{ policy_revision: "none" },
      },
    });
    const { iss, aud, sub, email, user, groups, sid, ...others } = payload;
    expect({ iss, aud, sub, email, user, groups, sid }).toEqual({
      ...{ iss: issuer, aud: audience, sub: "ann", email: "ann@acme.example", user: "ann" },
      ...{ groups: ["staff", "ml"], sid: "token-1" },
    });
    expect(Object.keys(others).sort()).toEqual(["exp", "iat", "jti", "nbf"]);
  });

  test("show the groups that the upstream may know of, and no others", async () => {
    const { groups } = await payloadOf(await startRing(), { groups: ["ml", "board"] });
    expect(groups).toEqual(["ml"]);
  });

  test("end with the credential that they rest on", async () => {
    const { exp } = await payloadOf(await startRing(), {}, factsOf({ expiresAt: start + 7_999 }));
    expect(exp).toBe(Math.floor((start + 7_999) / 1000));
  });

  const chains = [1, 2, 3, 5].map((length) => ({
    length,
    chain: Array.from({ length }, (_, i) => ({
      type: i === 0 ? ("user" as const) : ("agent" as const),
      id: `party-${i}`,
      issuer: i === 0 ? issuer : `https://issuer-${i % 2}.example`,
    })),
  }));
  test.each(chains)("hold a chain of $length so that reading it gives the same", async ({ chain }) => {
    const payload = await payloadOf(await startRing(), {}, factsOf({ chain }));
    const rules: Partial<ClaimRules> = {
      issuer,
      actor_depth: 8,
      actor_issuers: ["https://issuer-0.example", "https://issuer-1.example"],
      claims: {},
      trust_domains: [],
    };
    const read = readChain(payload as JsonObject, payload["sub_type"] as "user", rules as ClaimRules);
    expect(read).toEqual({ kind: "chain", links: chain });
  });

  test("a claim that isn't there is left out, and one named __proto__ is a claim like any", async () => {
    const claims = JSON.parse('{"a": "claims.toString", "b": "claims.absent", "c": "claims.level"}') as never;
    expect(await payloadOf(await startRing(), { claims })).toMatchObject({ c: 3 });
    const payload = await payloadOf(await startRing(), { claims });
    expect("a" in payload || "b" in payload).toBe(false);
    const odd = JSON.parse('{"__proto__": "tenant"}') as never;
    expect(Object.hasOwn(await payloadOf(await startRing(), { claims: odd }), "__proto__")).toBe(true);
  });
});

describe("is refused", () => {
  const refusals: readonly (readonly [
    string,
    Parameters<typeof caller>[0],
    Partial<AssertionRequest>,
    string,
  ])[] = [
    ["for who ends within this second", { expiresAt: start + 400 }, {}, "token_expired"],
    ["for who has ended", { expiresAt: start - 5_000 }, {}, "token_expired"],
    ["without a subject", {}, { claims: { sub: "claims.absent" } }, "assertion_unavailable"],
    ["with a subject that is no text", {}, { claims: { sub: "claims.level" } }, "assertion_unavailable"],
    ["for another audience than the listed", {}, { audience: "https://other" }, "assertion_unavailable"],
    [
      "where it would not fit a header",
      { groups: Array.from({ length: 300 }, (_, i) => `a-group-with-a-long-name-${i}`) },
      {},
      "assertion_too_large",
    ],
  ];
  test.each(refusals)("%s", async (_name, who, wanted, code) => {
    const assert = signerOf(await startRing(), { audiences: [audience] });
    expect(assert({ audience, ...wanted }, factsOf(who))).toEqual({ kind: "refused", code });
  });

  test("without a key", async () => {
    const ring = await startRing();
    const assert = signerOf({ ...ring, signer: () => undefined });
    expect(assert({ audience }, factsOf())).toEqual({ kind: "refused", code: "assertion_unavailable" });
  });
});

describe("what an enforcement point may ask for", () => {
  const parse = (value: unknown): string[] => {
    const problems = new Problems();
    const fields = new Fields(value as Json, "assertion", problems);
    parseAssertionRequest(fields, problems);
    fields.end();
    return problems.list;
  };
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["a claim's value", { audience, claims: { role: "admin" } }, /claims.role: is no source/],
    ["the issuer", { audience, claims: { iss: "tenant" } }, /claims.iss: is the signer's own/],
    ["a longer life", { audience, claims: { exp: "authentication.at" } }, /claims.exp: is the signer's own/],
    ["another audience's token", { audience, claims: { aud: "tenant" } }, /claims.aud: is the signer's own/],
    ["a subject from a list", { audience, claims: { sub: "groups" } }, /claims.sub: must be/],
    ["no subject", { audience, claims: { sub: "none" } }, /claims.sub: must be/],
    ["an access token's type", { audience, type: "at+jwt" }, /type: must be one of/],
    ["no audience", {}, /audience: is required/],
    ["a field that nobody knows", { audience, value: "x" }, /unknown field/],
    ["a name with a quote", { audience, claims: { 'a"b': "tenant" } }, /a claim's name/],
    ["a source that is no text", { audience, claims: { a: 1 } }, /must be a string/],
    [
      "too many",
      { audience, claims: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`c${i}`, "tenant"])) },
      /at most 32/,
    ],
  ];
  test.each(wrong)("isn't %s", (_name, value, problem) => {
    expect(parse(value).join("\n")).toMatch(problem);
  });
  test("is where claims come from", () => {
    expect(
      parse({ audience, type: "JWT", claims: { email: "claims.email", tenant: "none" }, groups: [] }),
    ).toEqual([]);
  });
});
