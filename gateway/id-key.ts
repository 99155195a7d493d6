import { randomBytes } from "node:crypto";
import type { ApiKeyConfig } from "./config.js";
import { readSecret } from "./read-secret.js";

/** Shortest key, characters: 32 bytes in base64url. */
const shortest = 43;

/**
 * Reads the key that ids given to clients are bound with; made anew where none is configured.
 * @throws Error where it is missing or too short
 */
export function readIdKey(
  source: ApiKeyConfig | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Uint8Array {
  if (source === undefined) return randomBytes(32);
  const text = readSecret(source, environment);
  if (text === undefined || text.length < shortest) {
    throw new Error(`id_key is missing, or shorter than ${shortest} characters`);
  }
  return Buffer.from(text);
}
