import { createKeyRing, orRefuse } from "./key-ring.js";
import { passed, type Keys, type KeysParts } from "./keys.js";
import { readKeysFile } from "./read-keys-file.js";
import { takeOver } from "./take-over.js";
import type { Issuer } from "./types.js";

/** Keys in a file, looked at each second of use at most; a bad or missing file leaves the last good keys. */
export function createFileKeys(path: string, issuer: Issuer, parts: KeysParts): Keys {
  const ring = createKeyRing();
  let version: string | undefined;
  let healthy = false;
  let checkedAt = -Infinity;
  let running: Promise<void> | undefined;

  async function check(): Promise<void> {
    let seen = version;
    healthy = await takeOver(ring, issuer, parts, async () => {
      const file = await readKeysFile(path, version, parts.limits.jwksBytes);
      seen = file?.version ?? version;
      return file?.bytes;
    });
    // A refused file doesn't count as seen: each look reads it again, and says so.
    if (healthy) version = seen;
    running = undefined;
  }
  function refresh(now: number): Promise<void> | undefined {
    if (running === undefined && passed(checkedAt, now, parts.limits.fileCheckMs)) {
      checkedAt = now;
      running = check();
    }
    return running;
  }
  return {
    refresh,
    async find(kid, alg) {
      await refresh(parts.now());
      return orRefuse(ring.pick(kid, alg), healthy);
    },
  };
}
