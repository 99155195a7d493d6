/**
 * What an assertion costs: a signature by itself, beside jose's, and what it adds to a decision that comes from the
 * cache. Microseconds of CPU, all threads, medians of interleaved rounds: `node dist/bench/identity/assert.js`.
 */
import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { createAssert } from "../../sidecar/assert/assert.js";
import { writeClaims } from "../../sidecar/assert/claims.js";
import { assertionAlgorithms, generateSigningKey, type SigningKey } from "../../sidecar/assert/keys.js";
import { createAuthorize } from "../../sidecar/pipeline/authorize.js";
import type { Asked } from "../../sidecar/pipeline/refusal.js";
import type { BundleSet } from "../../sidecar/bundles/active.js";
import type { DecisionRequest } from "../../sidecar/contract.js";
import { createDescriber } from "../../sidecar/describe/describe.js";
import { mintIdentity } from "../../sidecar/identify/mint.js";
import { interleave, timed, type Contestant } from "../engine/rounds.js";

const issuer = "https://countersign.example";
const wanted = { audience: "https://files.internal" };
const identity = mintIdentity({
  type: "agent",
  id: "agent:senior-assistant",
  tenant: "acme",
  issuer: "https://idp.example",
  method: "jwt",
  assurance: "bearer",
  groups: ["ml-engineering", "ml-senior"],
  roles: ["engineer"],
  credentials: [{ method: "jwt", id: randomUUID(), issuer: "https://idp.example" }],
  chain: [
    { type: "user", id: "sam@acme.example", issuer: "https://idp.example" },
    { type: "agent", id: "agent:senior-assistant", issuer: "https://idp.example" },
  ],
  claims: {},
  expiresAt: Date.now() + 3_600_000,
});
const facts = { identity, decisionId: randomUUID(), revision: "shipped-1" };
const now = Date.now;

const assertWith = (key: SigningKey) =>
  createAssert({ issuer, lifetime: 60, signer: () => key, newId: randomUUID, now });

/** A sidecar's decision without its doors: the caller is known, the decision comes from the cache. */
function authorizeWith(key: SigningKey | undefined) {
  const result = {
    allow: true,
    reasons: [{ code: "tier_granted", message: "the caller's groups have this tier", rule: "model.use" }],
    obligations: [],
    labels: [],
    ttl: 60,
  };
  const entrypoint = "countersign/decision";
  const bundle = { name: "default", revision: "shipped-1", entrypoints: new Map([[entrypoint, {}]]) };
  return createAuthorize({
    identifier: { identify: () => Promise.resolve({ kind: "identified", identity, cached: true }) },
    describer: createDescriber({ now, timeZone: "UTC", networks: [] }),
    evaluate: () => ({
      kind: "evaluated",
      result,
      rules: ["model.use"],
      cache: "l1",
      lookups: {},
      micros: {},
    }),
    bundles: () => ({ bundles: [bundle] }) as unknown as BundleSet,
    record: () => undefined,
    onRefused: () => undefined,
    ...(key === undefined ? {} : { assert: assertWith(key) }),
    entrypoint,
    newId: randomUUID,
    now,
    micros: () => performance.now() * 1_000,
  });
}

const request: DecisionRequest = {
  call: {
    kind: "model",
    action: { name: "model.invoke", properties: { phase: "request" } },
    resource: { type: "model", id: "gpt-4o", properties: { provider: "openai" } },
  },
  credentials: {},
  context: { source: { ip: "10.0.0.1" }, request: { id: "r", method: "POST", path: "/" } },
  obligations: [],
};
const asked: Asked = { bytes: 500, by: "unix" };

const contestants: Contestant[] = [timed("the claims alone", () => writeClaims(wanted, facts))];
for (const algorithm of assertionAlgorithms) {
  const key = await generateSigningKey(algorithm);
  const assert = assertWith(key);
  contestants.push(timed(`an assertion, ${algorithm}`, () => assert(wanted, facts)));
  contestants.push(
    timed(`the same by jose's SignJWT, ${algorithm}`, () =>
      new SignJWT({ ...writeClaims(wanted, facts) })
        .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: "countersign-assertion+jwt" })
        .setIssuer(issuer)
        .setAudience(wanted.audience)
        .setIssuedAt()
        .setNotBefore("0s")
        .setExpirationTime("60s")
        .setJti(randomUUID())
        .sign(key.privateKey),
    ),
  );
  const on = authorizeWith(key);
  contestants.push(
    timed(`a cached decision with one, ${algorithm}`, () => on({ ...request, assertion: wanted }, asked)),
  );
}
const off = authorizeWith(undefined);
contestants.push(timed("a cached decision, not configured", () => off(request, asked)));
const unasked = authorizeWith(await generateSigningKey("ES256"));
contestants.push(timed("a cached decision, configured and not asked for", () => unasked(request, asked)));

const measured = await interleave(contestants, { rounds: 15, ms: 150, warmMs: 500 });
process.stdout.write("| what | µs of CPU | fastest to slowest round |\n|---|---|---|\n");
for (const [name, { median, fastest, slowest }] of measured) {
  process.stdout.write(
    `| ${name} | ${median.toFixed(1)} | ${fastest.toFixed(1)} – ${slowest.toFixed(1)} |\n`,
  );
}
