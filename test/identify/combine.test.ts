/** What several credentials make together, and what is refused. */
import { describe, expect, test } from "@jest/globals";
import { combine } from "../../sidecar/identify/combine.js";
import type { SubjectFacts, Verified, WorkloadFacts } from "../../sidecar/identify/verified.js";

const ann: SubjectFacts = {
  type: "user",
  id: "ann",
  tenant: "acme",
  issuer: "https://issuer.test",
  groups: ["red"],
  roles: [],
  chain: [{ type: "user", id: "ann", issuer: "https://issuer.test" }],
  claims: {},
};
const agent: WorkloadFacts = {
  id: "spiffe://acme.test/agent",
  trustDomain: "acme.test",
  tenants: ["acme"],
  attested: false,
};
type Part = Partial<Verified>;
const verified = (method: Verified["method"], more: Part): Verified => ({
  kind: "verified",
  method,
  credential: { method: method === "dpop" ? "dpop" : method, id: `${method}-id` },
  expiresAt: 2_000,
  cached: false,
  ...more,
});
const jwt = (more: Part = {}): Verified => verified("jwt", { subject: ann, ...more });
const key = (more: Part = {}): Verified => verified("api_key", { subject: ann, ...more });
const svid = (more: Part = {}): Verified =>
  verified("x509_svid", { workload: agent, proves: { x5t: "cert" }, expiresAt: 1_000, ...more });
const proof = (jkt = "key"): Verified => verified("dpop", { proves: { jkt } });

const makes: readonly (readonly [name: string, credentials: readonly Verified[], identity: object])[] = [
  ["a bearer token", [jwt()], { id: "ann", method: "jwt", assurance: "bearer" }],
  ["an API key", [key()], { id: "ann", method: "api_key", assurance: "api_key" }],
  [
    "a token with its DPoP proof",
    [jwt({ boundTo: { jkt: "key" } }), proof()],
    { id: "ann", method: "jwt", assurance: "dpop" },
  ],
  [
    "a token bound to the certificate that came with it",
    [jwt({ boundTo: { x5t: "cert" } }), svid()],
    { id: "ann", assurance: "mtls", workload: { id: agent.id, trust_domain: "acme.test", attested: false } },
  ],
  [
    "the same, of an attested workload",
    [jwt({ boundTo: { x5t: "cert" } }), svid({ workload: { ...agent, attested: true } })],
    { id: "ann", assurance: "attested" },
  ],
  [
    "a token that isn't bound, over mTLS: the certificate proves the workload, not the user",
    [jwt(), svid()],
    { id: "ann", assurance: "bearer", workload: { id: agent.id } },
  ],
  [
    "a certificate alone",
    [svid()],
    {
      type: "workload",
      id: agent.id,
      tenant: "acme",
      method: "x509_svid",
      assurance: "mtls",
      chain: [{ type: "workload", id: agent.id, issuer: "acme.test" }],
    },
  ],
  [
    "a certificate of an attested workload alone",
    [svid({ workload: { ...agent, attested: true } })],
    { assurance: "attested" },
  ],
  [
    "a token, of a tenant that the workload's trust domain may speak for",
    [jwt(), svid({ workload: { ...agent, tenants: ["umbrella", "acme"] } })],
    { tenant: "acme" },
  ],
  [
    "a token, of a trust domain for any tenant",
    [jwt(), svid({ workload: { ...agent, tenants: ["*"] } })],
    { tenant: "acme" },
  ],
  [
    "a token bound to certificate and key, with both",
    [jwt({ boundTo: { x5t: "cert", jkt: "key" } }), svid(), proof()],
    { assurance: "mtls" },
  ],
];

const refuses: readonly (readonly [name: string, credentials: readonly Verified[], code: string])[] = [
  ["two subjects", [jwt(), key()], "credentials_conflict"],
  ["the same subject twice", [jwt(), jwt()], "credentials_conflict"],
  [
    "two workloads",
    [jwt(), svid(), svid({ workload: { ...agent, id: "spiffe://acme.test/other" } })],
    "credentials_conflict",
  ],
  ["two certificates of one workload", [svid(), svid({ proves: { x5t: "other" } })], "credentials_conflict"],
  ["two DPoP keys", [jwt({ boundTo: { jkt: "key" } }), proof(), proof("other")], "credentials_conflict"],
  [
    "a workload of another tenant's trust domain",
    [jwt(), svid({ workload: { ...agent, tenants: ["umbrella"] } })],
    "credentials_conflict",
  ],
  ["a bound token without proof", [jwt({ boundTo: { jkt: "key" } })], "token_binding"],
  [
    "a bound token with another key's proof",
    [jwt({ boundTo: { jkt: "key" } }), proof("other")],
    "token_binding",
  ],
  ["a certificate-bound token without the certificate", [jwt({ boundTo: { x5t: "cert" } })], "token_binding"],
  [
    "a certificate-bound token with another certificate",
    [jwt({ boundTo: { x5t: "other" } }), svid()],
    "token_binding",
  ],
  [
    "a certificate-bound token with a DPoP proof",
    [jwt({ boundTo: { x5t: "cert" } }), proof()],
    "token_binding",
  ],
  [
    "a token bound to both with one",
    [jwt({ boundTo: { x5t: "cert", jkt: "key" } }), svid()],
    "token_binding",
  ],
  ["a binding to nothing", [jwt({ boundTo: {} })], "token_binding"],
  ["a proof alone", [proof()], "unauthenticated"],
  [
    "a certificate of a domain for several tenants",
    [svid({ workload: { ...agent, tenants: ["a", "b"] } })],
    "unauthenticated",
  ],
  [
    "a certificate of a domain for any tenant",
    [svid({ workload: { ...agent, tenants: ["*"] } })],
    "unauthenticated",
  ],
  [
    "a certificate of a domain for no tenant",
    [svid({ workload: { ...agent, tenants: [] } })],
    "unauthenticated",
  ],
];

describe("together", () => {
  test.each(makes)("%s makes an identity", (_name, credentials, identity) => {
    const outcome = combine(credentials);
    expect(outcome).toMatchObject({ kind: "combined", identity });
    if (outcome.kind !== "combined") return;
    expect(outcome.identity.expiresAt).toBe(Math.min(...credentials.map(({ expiresAt }) => expiresAt)));
    expect(outcome.identity.credentials).toEqual(credentials.map(({ credential }) => credential));
    expect(Object.isFrozen(outcome.identity.credentials)).toBe(true);
  });

  test.each(refuses)("%s is refused, in any order", (_name, credentials, code) => {
    expect(combine(credentials)).toMatchObject({ kind: "refusal", code });
    expect(combine([...credentials].reverse())).toMatchObject({ kind: "refusal", code });
  });

  test("a single credential makes the same identity each time", () => {
    const one = jwt();
    const [first, second] = [combine([one]), combine([one])];
    expect(
      first.kind === "combined" && second.kind === "combined" && first.identity === second.identity,
    ).toBe(true);
  });
});
