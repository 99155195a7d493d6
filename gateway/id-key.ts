import { randomBytes } from "node:crypto";
import type { Secrets } from "./secrets/open-secrets.js";
import type { SecretConfig } from "./secrets/read-config.js";

/** Shortest key, characters: 32 bytes in base64url. */
const shortest = 43;

/**
 * Reads the key that ids given to clients are bound with; made anew where none is configured. It stays as it is for the
 * life of the process: ids that were given out would be nobody's under another.
 * @throws Error where it is missing or too short
 */
export async function readIdKey(source: SecretConfig | undefined, secrets: Secrets): Promise<Uint8Array> {
  if (source === undefined) return randomBytes(32);
  const open = await secrets.open([source]);
  const [text] = open.of(source).values();
  open.close();
  if (text.length < shortest) throw new Error(`id_key is shorter than ${shortest} characters`);
  return Buffer.from(text);
}
