/** Records that the tests of the decision log share. */
import { denied } from "../../sidecar/contract.js";
import type { Call, CallContext, Decision, Identity, JsonObject } from "../../sidecar/contract.js";
import type { DecisionRecord } from "../../sidecar/record/decision-event.js";

export function decisionOf(overrides: Partial<Decision> = {}): Decision {
  return {
    decision_id: "01-d",
    allow: true,
    reasons: [{ code: "group_may_use_model", message: "the group may use the model", rule: "model.group" }],
    obligations: [{ id: "o1", type: "limit", properties: { max_tokens: 100 } }],
    labels: ["restricted-data"],
    ttl: 30,
    rules: ["model.group", "model.region"],
    cache: "l1",
    expires_at: "2026-01-01T00:05:00.000Z",
    bundles: { main: { revision: "r7" } },
    subject: { type: "agent", id: "agent:senior", tenant: "acme" },
    ...overrides,
  };
}

/** A decision that no subject was found for. */
export function refusedOf(): Decision {
  return denied("01-d", { code: "token_expired", message: "the token has expired" }, new Date(0));
}

/** An identity as identify would mint it; `claims` and groups are never recorded. */
export function identityOf(overrides: Partial<Identity> = {}): Identity {
  const identity: object = {
    type: "agent",
    id: "agent:senior",
    tenant: "acme",
    issuer: "https://issuer.example",
    method: "jwt",
    assurance: "bearer",
    groups: ["ml"],
    roles: ["engineer"],
    department: "research",
    device: { id: "laptop-1", managed: true, compliant: false },
    chain: [
      { type: "user", id: "user:ada", issuer: "https://issuer.example" },
      { type: "agent", id: "agent:senior", issuer: "https://issuer.example" },
    ],
    claims: {},
    credentials: [{ method: "jwt", id: "jti-1", issuer: "https://issuer.example" }],
    workload: { id: "spiffe://acme.example/agent", trust_domain: "acme.example", attested: true },
    authentication: { context: "acr-secret", methods: ["amr-secret"], at: 1 },
    scopes: ["scope-secret"],
    expiresAt: 0,
    ...overrides,
  };
  return identity as Identity;
}

export function callOf(properties: JsonObject = {}, parameters: JsonObject = {}): Call {
  return {
    kind: "tool",
    action: { name: "tool.call", properties: parameters },
    resource: { type: "tool", id: "files/read", properties },
  };
}

export const contextOf = (overrides: Partial<CallContext> = {}): CallContext => ({
  source: { ip: "10.1.2.3" },
  environment: "prod",
  request: { id: "req-1", method: "POST", path: "/mcp/files" },
  ...overrides,
});

export const decisionRecordOf = (overrides: Partial<DecisionRecord> = {}): DecisionRecord => ({
  type: "decision",
  at: Date.UTC(2026, 0, 1),
  door: "decisions",
  entrypoint: "countersign/decision",
  decision: decisionOf(),
  identity: identityOf(),
  call: callOf({ provider: "local", region: "eu", arguments: { path: "/tmp/a" } }),
  context: contextOf(),
  network: "internal",
  requestedBy: "unix",
  asserted: { id: "jti-2", audience: "https://upstream.example", kid: "k-1" },
  micros: { identify: 1, describe: 2, cache: 3, evaluate: 40, record: 0.5, total: 50 },
  ...overrides,
});
