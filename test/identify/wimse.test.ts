import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  accessToken,
  createProofWorld,
  holder,
  parse,
  proof,
  sha256,
  target,
  thumbprint,
} from "./proof-world.js";
import { jwk, start } from "./world.js";
import { credentialsOf, goodWit, own, prod, stage, wimse, wimseCases, wpt } from "./wimse.cases.js";

const open = (more: object = {}) => createProofWorld({ wimse, ...more });
const present = (made = wpt(), more: object = {}) => ({
  workload: { token: goodWit, proof: made },
  target: { ...target, ...more },
});

describe("a workload identity token with its proof", () => {
  const world = open();
  test.each(wimseCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const outcome = await world.identify(credentialsOf(one));
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
    if (outcome.kind === "refusal") expect(JSON.stringify(outcome)).not.toMatch(/wpt-\d|evil|gw\.example/);
    expect(world.events.filter(({ kind }) => kind === "internal_error")).toEqual([]);
  });

  test("is who calls, for the tenant of its trust domain", async () => {
    expect(await world.identify(present())).toMatchObject({
      identity: {
        type: "workload",
        id: "spiffe://prod.example/ns/agents/sa/planner",
        tenant: "acme",
        method: "wimse",
        assurance: "dpop",
        workload: { trust_domain: "prod.example", attested: false },
        credentials: [{ method: "wimse", id: "wit-1", issuer: "https://identity.prod.example" }],
      },
    });
  });

  test("isn't accepted where it isn't enabled", async () => {
    expect(await createProofWorld({}).outcome(present())).toBe("credential_unsupported");
    const off = createProofWorld({ wimse: { ...wimse, enabled: false } });
    expect(await off.outcome(present())).toBe("credential_unsupported");
    expect(await world.outcome({ workload: present().workload })).toBe("invalid_request");
  });

  test("the token alone, as a bearer's", async () => {
    expect(await world.outcome({ bearer: goodWit })).toBe("token_issuer");
  });
});

describe("a proof that was used before", () => {
  test("is refused, but for questions about the same request", async () => {
    const world = open();
    const made = wpt();
    expect(await world.outcome(present(made, { id: "exchange-1" }))).toBe("identified");
    expect(await world.outcome(present(made, { id: "exchange-1" }))).toBe("identified");
    expect(await world.outcome(present(made, { id: "exchange-2" }))).toBe("workload_proof_replayed");
    expect(await world.outcome(present(wpt({ jti: "same" })))).toBe("identified");
    expect(await world.outcome(present(wpt({ jti: "same" })))).toBe("workload_proof_replayed");
  });

  test("is remembered for as long as it lives", async () => {
    const world = open();
    const made = wpt({ exp: start / 1000 + 130 });
    expect(await world.outcome(present(made))).toBe("identified");
    world.pass(129_999);
    expect(await world.outcome(present(made))).toBe("workload_proof_replayed");
  });
});

describe("a token that was verified before", () => {
  test("ends with its time", async () => {
    const world = open();
    expect(await world.outcome(present())).toBe("identified");
    world.pass(600_000);
    expect(await world.outcome(present(wpt({ exp: start / 1000 + 660 })))).toBe("token_expired");
  });

  test("ends with the key that signed it", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "countersign-wimse-")), "keys.json");
    const write = (pair: typeof own, kid: string) =>
      writeFile(file, JSON.stringify({ keys: [jwk(pair, { kid })] }));
    await write(prod, "p1");
    const [domain] = wimse.trust_domains;
    const world = open({ wimse: { ...wimse, trust_domains: [{ ...domain, jwks: { file } }] } });
    expect(await world.outcome(present())).toBe("identified");
    expect(await world.outcome(present())).toBe("identified");
    await write(stage, "p2");
    world.pass(1_000);
    expect(await world.outcome(present())).toBe("token_key_unknown");
  });
});

describe("tokens beside it", () => {
  const bearer = accessToken();
  test("an access token counts when the proof names it", async () => {
    const world = open();
    expect(await world.outcome({ ...present(wpt({ ath: sha256(bearer) })), bearer })).toBe("identified");
    expect(await world.outcome({ ...present(), bearer })).toBe("workload_proof_invalid");
    const swapped = { ...present(wpt({ ath: sha256(bearer) })), bearer: accessToken({ sub: "another" }) };
    expect(await world.outcome(swapped)).toBe("workload_proof_invalid");
  });

  test("the user is the subject, the workload is the one that proved itself", async () => {
    const outcome = await open().identify({ ...present(wpt({ ath: sha256(bearer) })), bearer });
    expect(outcome).toMatchObject({
      identity: { method: "jwt", assurance: "bearer", workload: { trust_domain: "prod.example" } },
    });
  });

  test.each([
    ["that names it", { "x-api-key": sha256("cs_live_x") }, "verified"],
    ["without it", undefined, "workload_proof_invalid"],
    ["that names another", { "x-api-key": sha256("cs_live_y") }, "workload_proof_invalid"],
    ["under another header", { authorization: sha256("cs_live_x") }, "workload_proof_invalid"],
    ["with more", { "x-api-key": sha256("cs_live_x"), cookie: sha256("x") }, "workload_proof_invalid"],
  ])("an API key and a proof %s", async (_, oth, expected) => {
    const { workload } = open().proof.methods;
    const outcome = await workload?.(goodWit, wpt({ oth }), target, { apiKey: "cs_live_x" });
    expect(outcome?.kind === "refusal" ? outcome.code : outcome?.kind).toBe(expected);
  });

  test("a DPoP proof by another key contradicts it", async () => {
    const world = open({ dpop: {} });
    const access = accessToken({ cnf: { jkt: thumbprint(holder) } });
    const both = {
      ...present(wpt({ ath: sha256(access) })),
      dpop: { token: access, proof: proof({}, access) },
    };
    expect(await world.outcome(both)).toBe("credentials_conflict");
  });

  test("a token bound to the same key is proved by it", async () => {
    const access = accessToken({ cnf: { jkt: thumbprint(own) } });
    const world = open();
    expect(await world.outcome({ ...present(wpt({ ath: sha256(access) })), bearer: access })).toBe(
      "identified",
    );
  });
});

test("the configuration's problems name their places", () => {
  const { problems } = parse({
    wimse: {
      enabled: true,
      trust_domains: [{ name: "Not A Domain", algorithms: ["HS256"], tenants: [], nonsense: 1 }],
      proof_lifetime_seconds: 1,
    },
  });
  const text = problems.join("\n");
  for (const place of [
    "identity.wimse.trust_domains[0].name: ",
    "identity.wimse.trust_domains[0].tenants: ",
    "identity.wimse.trust_domains[0].jwks: ",
    "identity.wimse.trust_domains[0].algorithms[0]: ",
    "identity.wimse.trust_domains[0].nonsense: ",
    "identity.wimse.proof_lifetime_seconds: ",
  ])
    expect(text).toContain(place);
  expect(parse({ wimse: { enabled: true } }).problems).toEqual(["identity.wimse.trust_domains: is required"]);
});
