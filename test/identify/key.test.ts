/** Which key an identity is known by: what task tokens are bound to. */
import { expect, test } from "@jest/globals";
import { combine } from "../../sidecar/identify/combine.js";
import type { Verified } from "../../sidecar/identify/verified.js";

const link = { type: "agent", id: "a", issuer: "i" } as const;
const subject = { ...link, tenant: "t", groups: [], roles: [], chain: [link], claims: {} } as const;
const base = { kind: "verified", expiresAt: 1, cached: false } as const;
const bearer = (boundTo?: Verified["boundTo"]): Verified => ({
  ...{ ...base, method: "jwt", credential: { method: "jwt", id: "1" }, subject },
  ...(boundTo === undefined ? {} : { boundTo }),
});
const proof = (proves: NonNullable<Verified["proves"]>, more: Partial<Verified> = {}): Verified => ({
  ...{ ...base, method: "dpop", credential: { method: "dpop", id: "2" }, proves },
  ...more,
});
const workload = { id: "spiffe://t/w", trustDomain: "t", tenants: ["t"], attested: true } as const;

test.each<{ name: string; given: readonly Verified[]; key: string | undefined }>([
  { name: "bearer", given: [bearer()], key: undefined },
  { name: "DPoP", given: [bearer({ jkt: "k" }), proof({ jkt: "k" })], key: "jkt:k" },
  { name: "a certificate", given: [bearer({ x5t: "c" }), proof({ x5t: "c" })], key: "x5t:c" },
  {
    name: "a workload's certificate, which is renewed",
    given: [bearer({ x5t: "c" }), proof({ x5t: "c" }, { method: "x509_svid", workload })],
    key: undefined,
  },
  { name: "a key that nothing is bound to", given: [bearer(), proof({ jkt: "k" })], key: undefined },
])("$name: $key", ({ given, key }) => {
  const combined = combine(given);
  expect(combined.kind === "combined" && combined.identity.key).toBe(key);
});
