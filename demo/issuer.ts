import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from "jose";
import type { IssuerConfig } from "../sidecar/identify/token/types.js";
import { identities, type IdentityName } from "./identities.js";
import { assertPrivate, savePrivately } from "./private-file.js";

export const demoIssuer = "https://issuer.countersign.demo";
export const demoAudience = "countersign";

export interface DemoIssuerParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** An issuer that exists for one run of the demo. */
export interface DemoIssuer {
  /** What a sidecar must be configured with to trust it; holds the public key only. */
  issuerConfig(): IssuerConfig;
  /** Signs an hour's access token; `overrides` replace claims, `undefined` leaves one out. */
  token(name: IdentityName, overrides?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Signs the security event (RFC 8417) that the sessions of somebody's user ended. */
  revocation(name: IdentityName): Promise<string>;
}

/** The private key of each issuer, for {@link saveDemoIssuer} alone. */
const privateKeys = new WeakMap<DemoIssuer, JWK>();

/** Creates the demo's issuer with a fresh ES256 key. */
export async function createDemoIssuer(parts: DemoIssuerParts): Promise<DemoIssuer> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return fromPrivateKey(await exportJWK(privateKey), parts);
}

/**
 * Saves the issuer's key so that another process of the same user can issue its tokens.
 * @param dir made if missing (0700); must be fit for secrets if it exists
 * @throws Error when the directory is another's, a link, or open to others
 */
export async function saveDemoIssuer(issuer: DemoIssuer, dir: string): Promise<void> {
  const key = privateKeys.get(issuer);
  if (key === undefined) throw new TypeError("not an issuer of this process");
  await savePrivately(dir, keyFile, JSON.stringify(key));
}

/**
 * Opens the issuer that a running demo saved.
 * @throws Error when there is none, or when anybody else could have read or replaced its key
 */
export async function openDemoIssuer(dir: string, parts: DemoIssuerParts): Promise<DemoIssuer> {
  await assertPrivate(dir, "directory");
  const path = join(dir, keyFile);
  await assertPrivate(path, "file");
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await fromPrivateKey(JSON.parse(await file.readFile("utf8")) as JWK, parts);
  } finally {
    await file.close();
  }
}

const keyFile = "demo-issuer.jwk";

async function fromPrivateKey(key: JWK, parts: DemoIssuerParts): Promise<DemoIssuer> {
  const { kty, crv, x, y } = key;
  if (kty !== "EC" || crv !== "P-256" || x === undefined || y === undefined || key.d === undefined) {
    throw new Error("the demo issuer's key file does not hold an ES256 private key");
  }
  const signer = await importJWK(key, "ES256");
  const kid = await calculateJwkThumbprint(key);
  const issuer: DemoIssuer = {
    issuerConfig: () => ({
      name: "demo",
      issuer: demoIssuer,
      audience: demoAudience,
      jwks: { keys: [{ kty, crv, x, y, kid, alg: "ES256", use: "sig" }] },
      algorithms: ["ES256"],
      tenants: ["acme", "globex"],
      types: ["at+jwt"],
      claims: {
        tenant: "tenant",
        groups: "groups",
        roles: "roles",
        department: "department",
        device: "device",
        type: "sub_type",
      },
      expose: ["purpose"],
      max_lifetime_seconds: 3600,
    }),
    token(name, overrides = {}) {
      const iat = Math.floor(parts.now() / 1000);
      const claims = {
        iss: demoIssuer,
        aud: demoAudience,
        iat,
        exp: iat + 3600,
        jti: randomUUID(),
        client_id: "countersign-demo",
        ...identities[name],
        ...overrides,
      };
      return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" }).sign(signer);
    },
    revocation(name) {
      const iat = Math.floor(parts.now() / 1000);
      const set = {
        ...{ iss: demoIssuer, aud: demoAudience, iat, jti: randomUUID() },
        sub_id: { format: "iss_sub", iss: demoIssuer, sub: identities[name].sub },
        events: {
          "https://schemas.openid.net/secevent/caep/event-type/session-revoked": { event_timestamp: iat },
        },
      };
      return new SignJWT(set).setProtectedHeader({ alg: "ES256", kid, typ: "secevent+jwt" }).sign(signer);
    },
  };
  privateKeys.set(issuer, key);
  return issuer;
}
