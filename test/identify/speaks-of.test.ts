/** Which credentials are looked at anew after a bump: those that may speak of whom it names, and no others. */
import { expect, test } from "@jest/globals";
import type { EpochMatch } from "../../sidecar/contract.js";
import { speaksOf } from "../../sidecar/identify/speaks-of.js";
import type { Verified } from "../../sidecar/identify/verified.js";

const link = (id: string) => ({ type: "user", id, issuer: "https://idp" }) as const;
const base = { kind: "verified", expiresAt: 1, cached: true } as const;
const agent = {
  ...{ ...base, method: "jwt", credential: { kind: "jti", id: "k1" } },
  subject: {
    ...{
      type: "user",
      id: "agent",
      tenant: "acme",
      issuer: "https://idp",
      groups: [],
      roles: [],
      claims: {},
    },
    ...{ chain: [link("ann"), link("agent")], session: "s1", device: { id: "d1" } },
  },
} as unknown as Verified;
const workload = {
  ...{ ...base, method: "certificate", credential: { kind: "x5t", id: "k2" } },
  workload: { id: "spiffe://acme/w", trustDomain: "acme", tenants: ["acme", "globex"], attested: true },
} as unknown as Verified;

const cases: [EpochMatch, agent: boolean, workload: boolean][] = [
  [{ everything: "*" }, true, true],
  [{ tenant: "acme" }, true, true],
  [{ tenant: "globex" }, false, true],
  [{ subject: "agent" }, true, false],
  [{ subject: "ann" }, true, false],
  [{ subject: "bob" }, false, false],
  [{ tenant: "globex", subject: "ann" }, false, false],
  [{ tenant: "acme", subject: "ann" }, true, false],
  [{ workload: "spiffe://acme/w" }, false, true],
  [{ token: "k1" }, true, false],
  [{ session: "s1" }, true, false],
  [{ session: "s2" }, false, false],
  [{ device: "d1" }, true, false],
  [{ task: "t" }, false, false],
];
test.each(cases)("%j", (about, ofAgent, ofWorkload) => {
  expect([speaksOf(agent, about), speaksOf(workload, about)]).toEqual([ofAgent, ofWorkload]);
});
