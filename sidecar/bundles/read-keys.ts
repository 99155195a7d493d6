/** Reads `keys`: what signatures of bundles are verified by. */
import type { Fields, Problems } from "../contract.js";
import type { KeyConfig, SignatureAlgorithm } from "./config.js";
import type { ReadRules } from "../net/read-file.js";
import { noFiles, readFile } from "../net/read-file.js";
import { readKey } from "./signature/keys.js";

const algorithms: readonly SignatureAlgorithm[] = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "HS256", "HS384", "HS512"] as const),
];

/** Reads `keys`, as they are: the end of a secret file's line is part of the secret, as in OPA. What is wrong is told without the key. */
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
    const key = text ?? readFile(file ?? "", place, problems, rules.readText);
    if (key === undefined) continue;
    const read = readKey(key, algorithm, "verify");
    if (read.kind === "unfit") problems.add(place, read.message);
    keys.set(id, { id, algorithm, key, ...(scope === undefined ? {} : { scope }) });
  }
  return keys;
}
