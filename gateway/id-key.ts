import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ApiKeyConfig } from "./config.js";

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
  const text =
    "value" in source
      ? source.value
      : "env" in source
        ? environment[source.env]
        : readFileSync(source.file, "utf8").trim();
  if (text === undefined || text.length < shortest) {
    throw new Error(`id_key is missing, or shorter than ${shortest} characters`);
  }
  return Buffer.from(text);
}
