import { describe, expect, test } from "@jest/globals";
import { combine } from "../../sidecar/identify/combine.js";
import type { Verified } from "../../sidecar/identify/verified.js";
import { createProofWorld, parse } from "./proof-world.js";
import { presented, transaction_tokens, transactionCases, txn } from "./transaction.cases.js";
import { wimse } from "./wimse.cases.js";

const open = (more: object = {}) => createProofWorld({ wimse, transaction_tokens, ...more });

describe("a transaction token", () => {
  const world = open();
  test.each(transactionCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const outcome = await world.identify(one.credentials);
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
    expect(world.events.filter(({ kind }) => kind === "internal_error")).toEqual([]);
  });

  test("says for whom and what, while the workload is who calls", async () => {
    const outcome = await world.identify(presented(txn()));
    expect(outcome).toMatchObject({
      identity: {
        type: "workload",
        id: "spiffe://prod.example/ns/agents/sa/planner",
        method: "transaction_token",
        assurance: "dpop",
        groups: ["traders"],
        scopes: ["trade.stocks", "trade.read"],
        chain: [
          { type: "user", id: "sub-of-ann@acme.example", issuer: "https://tts.prod.example" },
          { type: "workload", id: "apigateway.prod.example", issuer: "https://tts.prod.example" },
          { type: "workload", id: "spiffe://prod.example/ns/agents/sa/planner" },
        ],
        claims: {
          txn: "txn-97053963",
          req_wl: "apigateway.prod.example",
          tctx: { action: "BUY" },
          rctx: { req_ip: "192.0.2.7" },
        },
        credentials: [{ method: "wimse" }, { method: "transaction_token", id: "txn-97053963" }],
      },
    });
  });

  test("over mTLS the assurance is the certificate's", async () => {
    const verified = await world.proof.methods.transaction?.(txn());
    if (verified?.kind !== "verified") throw new Error("not verified");
    const id = "spiffe://prod.example/ns/agents/sa/runner";
    const certificate: Verified = {
      ...{ kind: "verified", method: "x509_svid", expiresAt: verified.expiresAt + 1, cached: false },
      credential: { method: "x509_svid", id: "serial" },
      workload: { id, trustDomain: "prod.example", tenants: ["acme"], attested: true },
      proves: { x5t: "thumbprint" },
    };
    expect(combine([verified, certificate])).toMatchObject({
      identity: { id, assurance: "attested", method: "transaction_token", expiresAt: verified.expiresAt },
    });
    expect(combine([verified])).toMatchObject({ code: "transaction_alone" });
    // a trust domain that doesn't attest
    const plain = { ...certificate, workload: { ...certificate.workload, attested: false } } as Verified;
    expect(combine([verified, plain])).toMatchObject({ identity: { assurance: "mtls" } });
  });

  test("who asked for it and presents it itself stands in the chain once", async () => {
    const own = txn({ req_wl: "spiffe://prod.example/ns/agents/sa/planner" });
    const outcome = await world.identify(presented(own));
    expect(outcome.kind === "identified" && outcome.identity.chain.map(({ id }) => id)).toEqual([
      "sub-of-ann@acme.example",
      "spiffe://prod.example/ns/agents/sa/planner",
    ]);
  });

  test("the second time it comes out of the cache, until it expires", async () => {
    const here = open();
    const made = txn();
    expect(await here.outcome(presented(made))).toBe("identified");
    expect(await here.outcome(presented(made))).toBe("identified");
    here.pass(60_000);
    expect(await here.outcome({ transaction: made })).toBe("token_expired");
  });

  test("isn't accepted where it isn't enabled", async () => {
    const off = open({ transaction_tokens: { ...transaction_tokens, enabled: false } });
    expect(await off.outcome(presented(txn()))).toBe("credential_unsupported");
    expect(await createProofWorld({ wimse }).outcome(presented(txn()))).toBe("credential_unsupported");
  });

  test("its workload's trust domain must be allowed to speak for its tenant", async () => {
    const other = open({ transaction_tokens: { ...transaction_tokens, tenants: ["globex"] } });
    expect(await other.outcome(presented(txn()))).toBe("credentials_conflict");
  });
});

test("the configuration's problems name their places", () => {
  const { problems } = parse({ transaction_tokens: { enabled: true, algorithms: ["none"], nonsense: 1 } });
  const text = problems.join("\n");
  for (const name of ["audience", "tenants", "jwks", "algorithms[0]", "nonsense"])
    expect(text).toContain(`identity.transaction_tokens.${name}: `);
});
