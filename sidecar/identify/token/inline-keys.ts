import type { Json } from "../../contract.js";
import { createKeyRing, orRefuse } from "./key-ring.js";
import type { Keys, KeysParts } from "./keys.js";
import { takeOver } from "./take-over.js";
import type { Issuer } from "./types.js";

/** Keys that stand in the configuration itself; read once. */
export function createInlineKeys(keys: readonly Json[], issuer: Issuer, parts: KeysParts): Keys {
  const ring = createKeyRing();
  let loaded: Promise<boolean> | undefined;
  return {
    refresh: () => undefined,
    async find(kid, alg) {
      loaded ??= takeOver(ring, issuer, parts, () => Promise.resolve({ keys: [...keys] }));
      const ok = await loaded;
      return orRefuse(ring.pick(kid, alg), ok);
    },
  };
}
