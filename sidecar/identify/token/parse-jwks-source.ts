import type { Json } from "../../contract.js";
import { secretProblem } from "./key-set.js";
import { readObject, readText, type Problems } from "./read-fields.js";
import type { JwksSource } from "./types.js";

/** Reads where keys come from: exactly one of `url`, `file` and `keys`. */
export function parseJwksSource(value: Json | undefined, path: string, problems: Problems): JwksSource {
  const before = problems.length;
  const source = readObject(value, path, ["url", "file", "keys"], problems) ?? {};
  const { url, file, keys } = source;
  const given = [url, file, keys].filter((one) => one !== undefined).length;
  if (given !== 1 && problems.length === before) {
    problems.push(`${path}: must have one of url, file and keys`);
  }
  if (url !== undefined) {
    const text = readText(url, `${path}.url`, problems);
    const problem = text === "" ? undefined : urlProblem(text);
    if (problem !== undefined) problems.push(`${path}.url: ${problem}`);
    return { url: text };
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

/** Says why a URL isn't fit to fetch keys from: plain HTTP is for this machine alone. */
function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return "must be a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "must not hold credentials";
  if (url.protocol === "https:") return undefined;
  if (url.protocol === "http:" && isLoopback(url.hostname)) return undefined;
  return "must be https (http on loopback only)";
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
