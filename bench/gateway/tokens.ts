/** Signs many access tokens that differ in their id only, as quickly as can be: all of the same length. */
import type { JsonWebKey, KeyObject } from "node:crypto";
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { saveDemoIssuer } from "../../demo/issuer.js";
import type { DemoIssuer } from "../../demo/issuer.js";

export interface Tokens {
  /** One token for all requests. */
  readonly same: string;
  /** Signs so many new ones (ES256). */
  fresh(count: number): string[];
}

/** Prepares tokens of the demo's senior engineer. @param directory where the issuer's key may lie, for this run */
export async function createTokens(issuer: DemoIssuer, directory: string): Promise<Tokens> {
  const keys = join(directory, "issuer");
  await saveDemoIssuer(issuer, keys);
  const jwk: unknown = JSON.parse(await readFile(join(keys, "demo-issuer.jwk"), "utf8"));
  const key = createPrivateKey({ key: jwk as JsonWebKey, format: "jwk" });
  const same = await issuer.token("senior");
  const [header = "", claims = ""] = same.split(".");
  const values = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>;
  return {
    same,
    fresh: (count) =>
      Array.from({ length: count }, () => signed(key, header, { ...values, jti: randomUUID() })),
  };
}

function signed(key: KeyObject, header: string, claims: unknown): string {
  const text = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
