import { open } from "node:fs/promises";
import { KeyListInvalid, parseKeyList, type ApiKey } from "./key-list.js";

/** What an operator may want to see of the file. */
export type KeyFileEvent =
  | { readonly kind: "api_keys_read"; readonly keys: number }
  | {
      readonly kind: "api_keys_failed";
      readonly fault: "unreadable" | "too_large" | "writable_by_others" | "invalid";
    };

export interface KeyFileParts {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onEvent?: (event: KeyFileEvent) => void;
  /** A change takes effect after this, milliseconds. */
  readonly checkMs?: number;
}

/** The keys in force; undefined while the file can't be read. */
export type KnownKeys = ReadonlyMap<string, ApiKey> | undefined;

export interface KeyFile {
  /** Gives the keys; a promise where it is time to look at the file. Never rejects. */
  keys(): KnownKeys | Promise<KnownKeys>;
}

const most = 16 * 2 ** 20;
const writableByOthers = 0o022;

class Unusable extends Error {
  constructor(readonly fault: "unreadable" | "too_large" | "writable_by_others") {
    super(fault);
  }
}

/**
 * Follows a file of keys. INVARIANT: no key is taken from a state of the file that was seen more than `checkMs` ago; a
 * file that is gone, broken or open to others' writing holds no keys, as it can't say which were revoked.
 */
export function createKeyFile({ path, now, onEvent, checkMs = 250 }: KeyFileParts): KeyFile {
  let keys: KnownKeys;
  let version = "";
  let lookedAt = -Infinity;
  let fault = "";
  let looking: Promise<KnownKeys> | undefined;

  const look = async (): Promise<KnownKeys> => {
    try {
      const file = await readIfChanged(path, version);
      if (file !== undefined) {
        const list = parseKeyList(file.bytes);
        keys = new Map(list.map((key) => [key.id, key]));
        version = file.version;
        onEvent?.({ kind: "api_keys_read", keys: list.length });
      }
      fault = "";
    } catch (error) {
      keys = undefined;
      version = "";
      const found =
        error instanceof Unusable ? error.fault : error instanceof KeyListInvalid ? "invalid" : "unreadable";
      // told once, not at each look
      if (found !== fault) onEvent?.({ kind: "api_keys_failed", fault: found });
      fault = found;
    }
    looking = undefined;
    return keys;
  };
  return {
    keys() {
      if (looking !== undefined) return looking;
      const at = now();
      // a clock that was set back counts as passed
      if (at - lookedAt < checkMs && at >= lookedAt) return keys;
      lookedAt = at;
      looking = look();
      return looking;
    },
  };
}

/** Reads the file where it is another than the one known (by inode, size and times). @throws Unusable */
async function readIfChanged(
  path: string,
  known: string,
): Promise<{ readonly version: string; readonly bytes: Uint8Array } | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) throw new Unusable("unreadable");
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, mode } = await file.stat({ bigint: true });
    if ((Number(mode) & writableByOthers) !== 0) throw new Unusable("writable_by_others");
    const version = [dev, ino, size, mtimeNs, ctimeNs].join(":");
    if (version === known) return undefined;
    if (size > most) throw new Unusable("too_large");
    return { version, bytes: await file.readFile() };
  } finally {
    await file.close();
  }
}
