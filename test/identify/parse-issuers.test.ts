import { describe, expect, test } from "@jest/globals";
import { parseJson, type Json } from "../../sidecar/contract.js";
import { IssuersInvalid, parseIssuers } from "../../sidecar/identify/token/parse-issuers.js";
import { createWorld, ec, type Members } from "./world.js";

const good: Members = {
  name: "corp",
  issuer: "https://idp.corp.test",
  audience: "countersign",
  jwks: { url: "https://idp.corp.test/jwks" },
  algorithms: ["RS256", "ES256"],
  tenants: ["acme"],
};
const parse = (...issuers: Members[]) => parseIssuers(parseJson(JSON.stringify(issuers)));
function problems(...issuers: Members[]): readonly string[] {
  try {
    parse(...issuers);
  } catch (error) {
    if (error instanceof IssuersInvalid) return error.problems;
    throw error;
  }
  return [];
}

const bad: readonly [name: string, over: Members, problem: RegExp][] = [
  ["an unknown field", { audiance: "x" }, /\[0\]\.audiance: unknown field; did you mean audience\?/],
  ["an unknown field unlike any", { zzzzzzzz: 1 }, /unknown field; known are name, issuer/],
  ["an unknown claim", { claims: { tennant: "t" } }, /claims\.tennant: unknown field; did you mean tenant\?/],
  [
    "an unknown key source",
    { jwks: { uri: "https://x.test" } },
    /jwks\.uri: unknown field; did you mean url\?/,
  ],
  ["no name", { name: undefined }, /name: is missing/],
  ["a name that is no label", { name: "a b" }, /name: must be letters/],
  ["no issuer", { issuer: "" }, /issuer: must be a non-empty string/],
  ["no audience", { audience: undefined }, /audience: is missing/],
  ["an empty audience", { audience: "" }, /audience: must be a non-empty string/],
  ["no audiences", { audience: [] }, /audience: must list at least 1/],
  ["an empty audience among others", { audience: ["a", ""] }, /audience: must not list the empty string/],
  ["no algorithms", { algorithms: [] }, /algorithms: must list at least 1/],
  ["HS256", { algorithms: ["HS256"] }, /algorithms\[0\]: is refused: asymmetric algorithms only/],
  ["none", { algorithms: ["ES256", "none"] }, /algorithms\[1\]: is refused/],
  ["NONE", { algorithms: ["NONE"] }, /algorithms\[0\]: is refused/],
  ["an unknown algorithm", { algorithms: ["es256"] }, /algorithms\[0\]: is not known/],
  ["an algorithm twice", { algorithms: ["ES256", "ES256"] }, /algorithms: lists the same value twice/],
  ["no tenants", { tenants: [] }, /tenants: must list at least 1/],
  ["tenants left out", { tenants: undefined }, /tenants: is missing/],
  ["any tenant among others", { tenants: ["*", "acme"], claims: { tenant: "t" } }, /"\*" stands for any/],
  ["several tenants without a claim", { tenants: ["a", "b"] }, /claims\.tenant: is missing/],
  ["any tenant without a claim", { tenants: ["*"] }, /claims\.tenant: is missing/],
  ["tenants a string", { tenants: "acme" }, /tenants: must be a list of strings/],
  ["no keys", { jwks: undefined, discovery: false }, /jwks: is missing/],
  ["keys twice", { discovery: true }, /discovery: can't be together with jwks/],
  [
    "no trust domain",
    { trust_domains: ["spiffe://corp.test"] },
    /trust_domains\[0\]: must be a trust domain/,
  ],
  ["a trust domain in capitals", { trust_domains: ["Corp.test"] }, /trust_domains\[0\]: must be a trust/],
  [
    "a type that is never one",
    { types: ["JWT", "oauth-id-jag+jwt"] },
    /types\[1\]: is never an access token/,
  ],
  ["a proof's type", { types: ["application/DPoP+JWT"] }, /types\[0\]: is never an access token's type/],
  ["unreadable addresses", { fetch: { addresses: "inside" } }, /fetch\.addresses: must be public/],
  ["an unknown way to fetch", { fetch: { adresses: "private" } }, /did you mean addresses\?/],
  ["a test of nothing", { require: [{}] }, /require\[0\]\.claim: must be/],
  ["a test that can't hold", { require: [{ claim: "a", values: [] }] }, /require\[0\]\.values: must be/],
  ["a test by numbers", { require: [{ claim: "a", values: [1] }] }, /require\[0\]\.values: must be/],
  [
    "a test both ways",
    { require: [{ claim: "a", values: ["b"], absent: true }] },
    /can't have values together/,
  ],
  ["an unknown subject type", { subject_type: "root" }, /subject_type: must be one of/],
  ["a subject type of none", { subject_types: [{ claim: "a" }] }, /subject_types\[0\]\.type: must be one of/],
  ["an unknown preset", { preset: "oktta" }, /preset: is not known; did you mean okta\?/],
  ["id_tokens a string", { id_tokens: "yes" }, /id_tokens: must be true or false/],
  [
    "names for tenants that aren't its own",
    { tenant_names: { x: "globex" } },
    /tenant_names\.x: must be one of the issuer's tenants/,
  ],
  [
    "an issuer of all the world without a mark of ours",
    { preset: "github-actions", claims: { tenant: null } },
    /anybody gets tokens of this issuer/,
  ],
  ["two key sources", { jwks: { url: "https://x.test", file: "f" } }, /jwks: must have one of/],
  ["keys by plain HTTP", { jwks: { url: "http://idp.test/jwks" } }, /jwks\.url: must be https/],
  ["keys by a look-alike of loopback", { jwks: { url: "http://127.0.0.1.evil.test/" } }, /must be https/],
  ["keys by another scheme", { jwks: { url: "file:///etc/passwd" } }, /jwks\.url: must be https/],
  ["keys by a URL with credentials", { jwks: { url: "https://a:b@idp.test/" } }, /must not hold credentials/],
  ["keys by a URL with a user", { jwks: { url: "https://a@idp.test/" } }, /must not hold credentials/],
  ["keys by no URL", { jwks: { url: "idp" } }, /jwks\.url: must be a URL/],
  [
    "an inline symmetric key",
    { jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } },
    /keys\[0\]: a symmetric key/,
  ],
  [
    "an inline private key",
    { jwks: { keys: [ec().privateKey.export({ format: "jwk" })] } },
    /keys\[0\]: a private key/,
  ],
  ["an inline key that is none", { jwks: { keys: ["k"] } }, /keys\[0\]: a key is not an object/],
  ["an empty path", { claims: { groups: "" } }, /claims\.groups: must be/],
  ["a path with a gap", { claims: { groups: "a..b" } }, /claims\.groups: must be/],
  ["a path of numbers", { claims: { groups: [1] } }, /claims\.groups: must be/],
  [
    "a lifetime of no time",
    { max_lifetime_seconds: 0 },
    /max_lifetime_seconds: must be a whole number from 1/,
  ],
  ["a lifetime that JavaScript can't hold", { max_lifetime_seconds: 1e400 }, /max_lifetime_seconds/],
  ["a skew of an hour", { clock_skew_seconds: 3600 }, /clock_skew_seconds: .* from 0 to 300/],
  ["a skew of half a second", { clock_skew_seconds: 0.5 }, /clock_skew_seconds/],
  ["a depth of a hundred", { actor_depth: 100 }, /actor_depth: .* from 0 to 8/],
  ["no types", { types: [] }, /types: must list at least 1/],
];

describe("issuers", () => {
  test("get the defaults", () => {
    expect(parse(good)).toEqual([
      {
        ...good,
        audience: ["countersign"],
        types: ["at+jwt", "jwt"],
        claims: {},
        expose: [],
        max_lifetime_seconds: 86_400,
        clock_skew_seconds: 30,
        actor_depth: 4,
        actor_issuers: [],
        trust_domains: [],
        fetch: {},
        require: [],
        id_tokens: false,
        subject_type: "user",
        subject_types: [],
      },
    ]);
  });

  test.each<[name: string, over: Members, problem: RegExp]>([
    ["of no URL", { issuer: "corp" }, /issuer: must be a URL/],
    ["by plain HTTP", { issuer: "http://idp.corp.test" }, /issuer: must be https/],
    ["elsewhere by plain HTTP", { discovery: "http://idp.corp.test/metadata" }, /discovery: must be https/],
    ["nowhere", { discovery: 7 }, /discovery: must be true, or the metadata's URL/],
  ])("without keys, to be discovered %s, are refused", (_, over, problem) => {
    expect(problems({ ...good, jwks: undefined, ...over })[0]).toMatch(problem);
  });

  test("may stand twice, for different audiences", () => {
    expect(problems(good, { ...good, name: "two", audience: ["other"] })).toEqual([]);
    expect(problems(good, { ...good, name: "two", audience: ["other", "countersign"] })).toEqual([
      "identity.issuers[1].issuer: is taken",
    ]);
  });

  test("take what is written over what their preset says, claim by claim", () => {
    const { name, issuer, audience, tenants } = good;
    const [okta] = parse({
      ...{ name, issuer, audience, tenants, preset: "okta" },
      claims: { groups: null, roles: "permissions" },
      algorithms: ["ES256"],
    });
    expect(okta).toMatchObject({
      algorithms: ["ES256"],
      types: ["", "jwt", "at+jwt"],
      claims: { groups: null, roles: ["permissions"], scopes: ["scp"] },
    });
    expect(parseIssuers([okta] as unknown as Json)).toEqual([okta]);
  });

  test("parse again to the same", () => {
    const claims = { tenant: "a.b", groups: ["https://x.test/groups"] };
    const once = parse({ ...good, claims, types: ["application/at+jwt", ""] });
    expect(parseIssuers(once as unknown as Json)).toEqual(once);
    expect(once[0]?.claims).toEqual({ tenant: ["a", "b"], groups: ["https://x.test/groups"] });
  });

  test.each([["http://127.0.0.1:9/jwks"], ["http://[::1]:9/jwks"], ["http://localhost/jwks"]])(
    "fetch from %s",
    (url) => {
      expect(problems({ ...good, jwks: { url } })).toEqual([]);
    },
  );

  test.each(bad)("with %s are refused", (_, over, problem) => {
    const found = problems({ ...good, ...over });
    expect(found).toEqual([expect.stringMatching(problem)]);
    expect(found[0]).toMatch(/^identity\.issuers\[0\]/);
  });

  test("report all problems at once, each with its place", () => {
    const found = problems(good, { ...good, tenants: [], algorithms: ["none"] }, { nam: "x" });
    expect(found.length).toBeGreaterThan(8);
    expect(found).toContain("identity.issuers[1].name: is taken");
    expect(found).toContain("identity.issuers[1].issuer: is taken");
  });

  test.each([[null], ["x"], [{}], [[null]], [[[]]]])("that are %j are refused", (json) => {
    expect(() => parseIssuers(json as Json)).toThrow(IssuersInvalid);
  });

  test("are checked by createIdentifier too", () => {
    expect(() => createWorld([{ ...good, algorithms: ["HS256"] } as never])).toThrow(IssuersInvalid);
  });
});
