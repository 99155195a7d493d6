import { describe, expect, test } from "@jest/globals";
import type { Identity } from "../../sidecar/contract.js";
import {
  createWorld,
  ec,
  ed,
  eddsa,
  es256,
  header,
  issuerConfig,
  issuerUrl,
  jwk,
  payload,
  rs256,
  rsa,
  start,
  token,
  type Members,
} from "./world.js";

const k1 = ec();

async function identity(claims: Members, issuer: Members = {}): Promise<Identity> {
  const { identify } = createWorld([issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never, issuer)]);
  const outcome = await identify({ bearer: token(header, { ...payload, ...claims }, es256(k1)) });
  if (outcome.kind !== "identified") throw new Error(outcome.code);
  return outcome.identity;
}

const link = (type: string, id: string, issuer = issuerUrl) => ({ type, id, issuer });
const cases: readonly { name: string; claims: Members; issuer?: Members; expect: Members }[] = [
  {
    name: "all that is mapped",
    claims: {},
    expect: {
      type: "user",
      id: "sub-of-ann@acme.example",
      tenant: "acme",
      issuer: issuerUrl,
      method: "jwt",
      assurance: "bearer",
      groups: ["group-red", "group-blue"],
      roles: ["role-reader"],
      department: "dept-research",
      device: { id: "device-7", managed: true, compliant: false },
      chain: [link("user", "sub-of-ann@acme.example")],
      expiresAt: start + 600_000,
    },
  },
  {
    name: "the outermost actor calls; the chain runs from the subject by the oldest actor to it",
    claims: { act: { sub: "now", act: { sub: "before", type: "workload", act: { sub: "first" } } } },
    expect: {
      type: "agent",
      id: "now",
      chain: [
        link("user", "sub-of-ann@acme.example"),
        link("agent", "first"),
        link("workload", "before"),
        link("agent", "now"),
      ],
    },
  },
  {
    name: "an actor of another issuer keeps it",
    claims: { act: { sub: "a", iss: "https://two.test" } },
    issuer: { actor_issuers: ["https://two.test"] },
    expect: {
      issuer: issuerUrl,
      chain: [link("user", "sub-of-ann@acme.example"), link("agent", "a", "https://two.test")],
    },
  },
  {
    name: "a workload by its own name",
    claims: { sub: "job:1", sub_type: "workload" },
    expect: { type: "workload", id: "job:1", chain: [link("workload", "job:1")] },
  },
  {
    name: "nested and dotted paths",
    claims: { realm: { roles: ["r"] }, "https://x.test/groups": ["g"] },
    issuer: { claims: { tenant: "tenant", roles: "realm.roles", groups: ["https://x.test/groups"] } },
    expect: { roles: ["r"], groups: ["g"], department: undefined, device: undefined },
  },
  {
    name: "the one tenant of an issuer without a tenant claim",
    claims: { tenant: "globex" },
    issuer: { claims: {} },
    expect: { tenant: "acme", groups: [], roles: [] },
  },
  {
    name: "exposed claims only",
    claims: { a: { b: [1] }, c: "c", __proto__x: 1 },
    issuer: { expose: ["a", "absent"] },
    expect: { claims: { a: { b: [1] } } },
  },
];

describe("an identity", () => {
  test.each(cases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const found = await identity(one.claims, one.issuer);
    expect(JSON.parse(JSON.stringify(found))).toMatchObject(
      JSON.parse(JSON.stringify(one.expect)) as Record<string, unknown>,
    );
    for (const [name, value] of Object.entries(one.expect))
      if (value === undefined) expect(found).not.toHaveProperty(name);
  });

  test("holds no claim that isn't exposed", async () => {
    expect(Object.keys((await identity({ secret: "s" })).claims)).toEqual([]);
  });

  test("is frozen all the way down", async () => {
    const found = await identity({ a: { b: [{}] }, act: { sub: "x" } }, { expose: ["a"] });
    const loose: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) loose.push(path);
      for (const [key, member] of Object.entries(value)) walk(member, `${path}.${key}`);
    };
    walk(found, "identity");
    expect(loose).toEqual([]);
  });

  test.each([
    ["RS256", rsa(), rs256],
    ["EdDSA", ed(), eddsa],
    ["Ed25519", ed(), eddsa],
    ["ES256", ec(), es256],
  ] as const)("comes of %s", async (alg, pair, signer) => {
    const config = issuerConfig({ keys: [jwk(pair, { kid: "k1", alg })] } as never, { algorithms: [alg] });
    const bearer = token({ ...header, alg }, payload, signer(pair));
    expect((await createWorld([config]).identify({ bearer })).kind).toBe("identified");
  });
});
