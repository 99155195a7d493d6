import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { randomUUID, sign } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSidecarConfig } from "../../sidecar/config.js";
import { createMethods } from "../../sidecar/identify/create-methods.js";
import { createIdentifier } from "../../sidecar/identify/identify.js";
import { secret, startOidcProvider, type OidcProvider } from "./oidc-world.js";
import { createWorld, token, type Members, type World } from "./world.js";
import { makeKeyPair } from "../key-pair.js";

const jwt = "https://countersign.test/jwt";
const opaque = "https://countersign.test/opaque";
let provider: OidcProvider;
let secretFile: string;
let world: World | undefined;

beforeAll(async () => {
  provider = await startOidcProvider();
  secretFile = join(await mkdtemp(join(tmpdir(), "oidc-")), "secret");
  await writeFile(secretFile, secret);
});
afterEach(() => world?.close());
afterAll(() => provider.close());

function open(): World {
  const shared = {
    issuer: provider.issuer,
    tenants: ["acme"],
    claims: { tenant: "tenant", groups: "groups" },
    subject_type: "workload",
  };
  world = createWorld(
    [{ name: "oidc", ...shared, audience: jwt, algorithms: ["ES256"], types: ["at+jwt"] } as never],
    {},
    {
      from: Date.now(),
      introspection: [
        {
          name: "oidc",
          ...shared,
          url: `${provider.issuer}/token/introspection`,
          client_id: "countersign",
          client_secret_file: secretFile,
          audience: opaque,
          // by client credentials nobody but the client is meant
          optional: ["sub"],
        } as never,
      ],
    },
  );
  return world;
}
const codeOf = async (identifier: World, bearer: string): Promise<string> => {
  const outcome = await identifier.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.cached ? "cached" : outcome.kind;
};

describe("a real OpenID provider", () => {
  test("its JWT access token for our resource is identified, by keys that are discovered", async () => {
    const identifier = open();
    const bearer = await provider.token(jwt);
    expect(await identifier.identify({ bearer })).toMatchObject({
      kind: "identified",
      identity: {
        ...{ type: "workload", id: "agent", tenant: "acme", method: "jwt", assurance: "bearer" },
        groups: ["ml-engineers"],
        scopes: ["models:use"],
      },
    });
    expect(await codeOf(identifier, bearer)).toBe("cached");
  });

  test("the same through the sidecar's own configuration and wiring", async () => {
    const shared = { issuer: provider.issuer, tenants: ["acme"], claims: { tenant: "tenant" } };
    const config = parseSidecarConfig({
      identity: {
        issuers: [{ name: "oidc", ...shared, audience: jwt, algorithms: ["ES256"] }],
        introspection: [
          {
            name: "oidc",
            ...shared,
            url: `${provider.issuer}/token/introspection`,
            client_id: "countersign",
            client_secret_file: secretFile,
            audience: opaque,
            optional: ["sub"],
          },
        ],
      },
    });
    const opened = createMethods(config.identity, { now: Date.now, fetch, onEvent: () => undefined });
    const { identify } = createIdentifier({ methods: opened.methods });
    for (const [resource, method] of [
      [jwt, "jwt"],
      [opaque, "introspection"],
    ] as const) {
      const bearer = await provider.token(resource);
      expect(await identify({ bearer })).toMatchObject({ identity: { id: "agent", method } });
    }
    opened.close();
  });

  test("its token for another resource is refused", async () => {
    expect(await codeOf(open(), await provider.token("https://elsewhere.test/jwt"))).toBe("token_audience");
  });

  test("its opaque token is asked about, until it is revoked", async () => {
    const identifier = open();
    const bearer = await provider.token(opaque);
    expect(await identifier.identify({ bearer })).toMatchObject({
      kind: "identified",
      identity: { id: "agent", method: "introspection", scopes: ["models:use"] },
    });
    await provider.revoke(bearer);
    expect(await codeOf(identifier, bearer)).toBe("cached");
    identifier.pass(30_000);
    expect(await codeOf(identifier, bearer)).toBe("token_inactive");
    expect(await codeOf(identifier, "made-up")).toBe("token_inactive");
  });

  test("its token that is bound to a key is refused without a proof", async () => {
    const identifier = open();
    for (const resource of [jwt, opaque]) {
      const bearer = await provider.token(resource, { dpop: proof(`${provider.issuer}/token`) });
      expect(await codeOf(identifier, bearer)).toBe("token_binding");
    }
  });

  test("one changed byte is refused, wherever it is", async () => {
    const identifier = open();
    const bearer = await provider.token(jwt);
    expect(await codeOf(identifier, bearer)).toBe("identified");
    for (let at = 0; at < bearer.length; at += 7) {
      const other = bearer[at] === "A" ? "B" : "A";
      const changed = `${bearer.slice(0, at)}${other}${bearer.slice(at + 1)}`;
      expect(["identified", "cached"]).not.toContain(await codeOf(identifier, changed));
    }
  });

  test("keys rotate under load without one wrong refusal; what a dropped key signed is refused", async () => {
    const identifier = open();
    const codes: string[] = [];
    let old = "";
    for (let round = 0; round < 4; round++) {
      const tokens = await Promise.all(Array.from({ length: 10 }, () => provider.token(jwt)));
      old = tokens[0] ?? "";
      const before = Promise.all(tokens.map((bearer) => codeOf(identifier, bearer)));
      provider.rotate();
      const rotated = await Promise.all(Array.from({ length: 10 }, () => provider.token(jwt)));
      codes.push(...(await before));
      codes.push(...(await Promise.all([...rotated, ...tokens].map((bearer) => codeOf(identifier, bearer)))));
      // an unknown key is asked for once in thirty seconds
      identifier.pass(30_000);
    }
    expect(new Set(codes)).toEqual(new Set(["identified", "cached"]));
    provider.rotate({ drop: true });
    identifier.pass(30_000);
    expect(await codeOf(identifier, await provider.token(jwt))).toBe("identified");
    expect(await codeOf(identifier, old)).toBe("token_key_unknown");
  });
});

/** A DPoP proof (RFC 9449 section 4.2) for the token endpoint. */
function proof(htu: string): string {
  const { privateKey, publicKey } = makeKeyPair("ec");
  const header: Members = { typ: "dpop+jwt", alg: "ES256", jwk: publicKey.export({ format: "jwk" }) };
  const claims: Members = { jti: randomUUID(), htm: "POST", htu, iat: Math.floor(Date.now() / 1000) };
  return token(header, claims, (data) =>
    sign("sha256", Buffer.from(data), { key: privateKey, dsaEncoding: "ieee-p1363" }),
  );
}
