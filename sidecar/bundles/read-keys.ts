/** Reads `keys`: what signatures of bundles are verified by. */
import { createPublicKey } from "node:crypto";
import type { Fields, Problems } from "../contract.js";
import type { KeyConfig, SignatureAlgorithm } from "./config.js";
import type { ReadRules } from "../net/read-file.js";
import { noFiles, readFile } from "../net/read-file.js";

const algorithms: readonly SignatureAlgorithm[] = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "HS256", "HS384", "HS512"] as const),
];
const curves: Readonly<Record<string, string>> = {
  ES256: "prime256v1",
  ES384: "secp384r1",
  ES512: "secp521r1",
};
const leastSecret = 16;
const leastModulus = 2_048;

/** Reads `keys`. What is wrong is told without the key. */
export function readKeys(top: Fields, problems: Problems, rules: ReadRules): Map<string, KeyConfig> {
  const keys = new Map<string, KeyConfig>();
  for (const [id, fields] of top.entries("keys")) {
    const algorithm = fields.oneOf("algorithm", algorithms) ?? "RS256";
    const scope = fields.string("scope");
    const text = fields.string("key");
    const file = fields.string("key_file");
    fields.refuse({
      private_key: "a sidecar verifies and never signs; give the public key as key or key_file",
    });
    fields.end();
    if ((text === undefined) === (file === undefined)) {
      if (!fields.has("private_key")) problems.add(fields.at("key"), "give key or key_file, one of the two");
      continue;
    }
    const place = fields.at(text === undefined ? "key_file" : "key");
    if (file !== undefined && !rules.files) {
      problems.add(place, noFiles);
      continue;
    }
    const key = text ?? readFile(file ?? "", place, problems, rules.readText)?.trim();
    if (key === undefined) continue;
    const wrong = faultOf(key, algorithm);
    if (wrong !== undefined) problems.add(place, wrong);
    keys.set(id, { id, algorithm, key, ...(scope === undefined ? {} : { scope }) });
  }
  return keys;
}

function faultOf(key: string, algorithm: SignatureAlgorithm): string | undefined {
  const secret = algorithm.startsWith("HS");
  if (secret) {
    if (key.includes("-----BEGIN")) return `is a key in PEM; ${algorithm} needs a secret`;
    return key.length < leastSecret ? `must be at least ${leastSecret} characters` : undefined;
  }
  if (key.includes("PRIVATE KEY-----")) return "is a private key; give the public one";
  let details;
  try {
    details = createPublicKey(key);
  } catch {
    return "must be a public key or a certificate in PEM";
  }
  const curve = curves[algorithm];
  if (curve !== undefined) {
    const fits = details.asymmetricKeyType === "ec" && details.asymmetricKeyDetails?.namedCurve === curve;
    return fits ? undefined : `must be an EC key of ${curve} for ${algorithm}`;
  }
  if (details.asymmetricKeyType !== "rsa") return `must be an RSA key for ${algorithm}`;
  const bits = details.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < leastModulus ? `must be an RSA key of at least ${leastModulus} bits` : undefined;
}
