/** Tokens that a real OpenID provider (`oidc-provider`) bound to a client's key, proofs made by another library (`jose`). */
import { randomUUID } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { parseSidecarConfig } from "../../sidecar/config.js";
import type { Json } from "../../sidecar/contract.js";
import { createMethods, type OpenMethods } from "../../sidecar/identify/create-methods.js";
import { createIdentifier, type Identifier } from "../../sidecar/identify/identify.js";
import { secret, startOidcProvider, type OidcProvider } from "./oidc-world.js";
import { codeOf, sha256, target } from "./proof-world.js";

const jwt = "https://countersign.test/jwt";
const opaque = "https://countersign.test/opaque";
let provider: OidcProvider;
let methods: OpenMethods;
let identifier: Identifier;
beforeAll(async () => {
  provider = await startOidcProvider();
  const secretFile = join(await mkdtemp(join(tmpdir(), "oidc-")), "secret");
  await writeFile(secretFile, secret);
  const shared = {
    ...{ name: "oidc", issuer: provider.issuer, tenants: ["acme"], subject_type: "workload" },
    claims: { tenant: "tenant", groups: "groups" },
  };
  const { identity } = parseSidecarConfig({
    identity: {
      issuers: [{ ...shared, audience: jwt, algorithms: ["ES256"], types: ["at+jwt"] }],
      introspection: [
        {
          ...shared,
          url: `${provider.issuer}/token/introspection`,
          ...{
            client_id: "countersign",
            client_secret_file: secretFile,
            audience: opaque,
            optional: ["sub"],
          },
        },
      ],
      dpop: {},
    },
  } as unknown as Json);
  methods = createMethods(identity, { now: Date.now, fetch, onEvent: () => undefined } as never);
  identifier = createIdentifier({ methods: methods.methods });
});
afterAll(async () => {
  methods.close();
  await provider.close();
});

async function client(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return (htm: string, htu: string, more: object = {}): Promise<string> =>
    new SignJWT({ htm, htu, jti: randomUUID(), ...more })
      .setProtectedHeader({ typ: "dpop+jwt", alg, jwk })
      .setIssuedAt()
      .sign(privateKey);
}

// what the provider takes unless told otherwise
describe.each(["ES256", "EdDSA"])("a client whose key is for %s", (alg) => {
  test.each([
    ["a JWT", jwt],
    ["an opaque token", opaque],
  ])("gets %s for its key, and is known by it", async (_, resource) => {
    const prove = await client(alg);
    const asked = await provider.token(resource, { dpop: await prove("POST", `${provider.issuer}/token`) });
    const proof = await prove(target.method, target.url, { ath: sha256(asked) });
    const dpop = { dpop: { token: asked, proof }, target };
    expect(await identifier.identify(dpop)).toMatchObject({
      identity: { tenant: "acme", assurance: "dpop" },
    });
    expect(codeOf(await identifier.identify(dpop))).toBe("dpop_replayed");
    const other = await (await client(alg))(target.method, target.url, { ath: sha256(asked) });
    const stolen = { dpop: { token: asked, proof: other }, target };
    expect(codeOf(await identifier.identify(stolen))).toBe("token_binding");
    expect(codeOf(await identifier.identify({ bearer: asked }))).toBe("token_binding");
  });
});
