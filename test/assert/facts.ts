/** Callers and logs for tests of assertions. */
import { mintIdentity, type IdentityFields } from "../../sidecar/identify/mint.js";
import type { AssertionFacts } from "../../sidecar/assert/claims.js";
import type { AssertionAlgorithm, SigningKey } from "../../sidecar/assert/keys.js";
import type { KeyRing, RingEvent } from "../../sidecar/assert/ring.js";
import { createKeyRing } from "../../sidecar/assert/ring.js";
import type { KeyStore } from "../../sidecar/assert/store.js";
import { aloneStore } from "../../sidecar/assert/store.js";

export const hour = 3_600_000;
/** Within an epoch of an hour. */
export const start = 400_000 * hour + 60_000;

export function caller(more: Partial<IdentityFields> = {}): IdentityFields {
  return {
    type: "agent",
    id: "agent:helper",
    tenant: "acme",
    issuer: "https://idp.example",
    method: "jwt",
    assurance: "bearer",
    groups: ["staff", "ml"],
    roles: ["reader"],
    credentials: [{ method: "jwt", id: "token-1", issuer: "https://idp.example" }],
    chain: [
      { type: "user", id: "ann", issuer: "https://idp.example" },
      { type: "agent", id: "agent:planner", issuer: "https://agents.example" },
      { type: "agent", id: "agent:helper", issuer: "https://idp.example" },
    ],
    claims: { email: "ann@acme.example", level: 3 },
    expiresAt: start + hour,
    ...more,
  };
}

export function factsOf(more: Partial<IdentityFields> = {}): AssertionFacts {
  return { identity: mintIdentity(caller(more)), decisionId: "d-1", revision: "r-7" };
}

export interface TestRing extends KeyRing {
  readonly events: RingEvent[];
  /** Sets its clock, epoch milliseconds. */
  at(time: number): void;
  key(): SigningKey;
}

/** A ring with a clock of its own, brought up to date once. */
export async function startRing({
  algorithm = "ES256",
  store = aloneStore,
  time = start,
}: { algorithm?: AssertionAlgorithm; store?: KeyStore; time?: number } = {}): Promise<TestRing> {
  const events: RingEvent[] = [];
  let clock = time;
  const ring = createKeyRing({
    algorithm,
    rotateMs: hour,
    store,
    now: () => clock,
    onEvent: (event) => events.push(event),
  });
  await ring.refresh();
  return {
    ...ring,
    events,
    at(next) {
      clock = next;
    },
    key() {
      const key = ring.signer();
      if (key === undefined) throw new Error("there is no key to sign with");
      return key;
    },
  };
}

export function kids(ring: KeyRing): string[] {
  return (JSON.parse(ring.published()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
}
