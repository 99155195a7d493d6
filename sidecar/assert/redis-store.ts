import type { RedisLink } from "../net/redis.js";
import type { AssertionAlgorithm, SigningKey } from "./keys.js";
import { exportSigningKey, importSigningKey } from "./keys.js";
import type { KeySeal } from "./seal.js";
import type { KeyStore, Settled } from "./store.js";

export interface RedisKeyStoreParts {
  readonly redis: Pick<RedisLink, "getrange" | "set" | "disconnect">;
  readonly seal: KeySeal;
  readonly algorithm: AssertionAlgorithm;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Bytes of the largest value that is read; a sealed key has some 250. */
const maxValue = 1_024;

/**
 * Creates the store that a fleet shares. Redis is untrusted: it sees sealed keys only, and what doesn't open is
 * refused and stays where it is.
 */
export function createRedisKeyStore({ redis, seal, algorithm, now }: RedisKeyStoreParts): KeyStore {
  const read = async (name: string): Promise<Settled> => {
    // a range, so that a value of any size costs a bounded read; a key that isn't there reads as ""
    const text = await redis.getrange(name, 0, maxValue - 1);
    if (text === "") return { kind: "none" };
    const der = seal.open(name, text);
    const key = der === undefined ? undefined : await importSigningKey(der, algorithm);
    return key === undefined ? { kind: "refused" } : { kind: "key", key };
  };
  const offer = async (name: string, key: SigningKey, keepMs: number): Promise<Settled> => {
    const sealed = seal.close(name, exportSigningKey(key));
    // NX: of members that offer at once, one wins and all take its key
    const won = await redis.set(name, sealed, "PX", Math.max(1, Math.ceil(keepMs)), "NX");
    return won === null ? read(name) : { kind: "key", key };
  };
  return {
    async settle(epoch, offered, keepUntil) {
      const name = seal.nameOf(epoch);
      try {
        const found = await read(name);
        return found.kind !== "none" || offered === undefined
          ? found
          : await offer(name, offered, keepUntil - now());
      } catch {
        return { kind: "unavailable" };
      }
    },
    close() {
      redis.disconnect();
    },
  };
}
