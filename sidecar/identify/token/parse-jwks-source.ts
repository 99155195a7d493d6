import type { Json } from "../../contract.js";
import { secretProblem } from "./key-set.js";
import { parseUrl } from "./parse-fetch.js";
import { readObject, readText, type Problems } from "./read-fields.js";
import type { FetchConfig, JwksSource } from "./types.js";

/** Reads where keys come from: exactly one of `url`, `file` and `keys`. */
export function parseJwksSource(
  value: Json | undefined,
  path: string,
  fetch: FetchConfig,
  problems: Problems,
): JwksSource {
  const before = problems.length;
  const source = readObject(value, path, ["url", "file", "keys"], problems) ?? {};
  const { url, file, keys } = source;
  const given = [url, file, keys].filter((one) => one !== undefined).length;
  if (given !== 1 && problems.length === before) {
    problems.push(`${path}: must have one of url, file and keys`);
  }
  if (url !== undefined) {
    return { url: parseUrl(url, `${path}.url`, fetch, problems) };
  }
  if (file !== undefined) return { file: readText(file, `${path}.file`, problems) };
  if (!Array.isArray(keys)) {
    if (keys !== undefined) problems.push(`${path}.keys: must be a list of JWKs`);
    return { keys: [] };
  }
  keys.forEach((jwk, i) => {
    const problem = secretProblem(jwk);
    if (problem !== undefined) problems.push(`${path}.keys[${i}]: ${problem}`);
  });
  return { keys };
}
