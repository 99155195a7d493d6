import type { AssertionAlgorithm, PublishedKey, SigningKey } from "./keys.js";
import { generateSigningKey } from "./keys.js";
import type { KeyStore } from "./store.js";

export type RingEvent =
  | { readonly kind: "assertion_key_rotated"; readonly kid: string }
  /** The store holds something that isn't this fleet's. */
  | { readonly kind: "assertion_key_refused"; readonly epoch: number }
  | { readonly kind: "assertion_keys_unavailable" };

export interface RingParts {
  readonly algorithm: AssertionAlgorithm;
  /** Milliseconds that a key signs. */
  readonly rotateMs: number;
  readonly store: KeyStore;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: RingEvent) => void;
}

export interface KeyRing {
  /** The key that signs now; undefined while none may. */
  signer(): SigningKey | undefined;
  /** What verifies, as a JSON Web Key Set: the last keys, this one, and the next. */
  published(): string;
  /** Agrees with the store on this epoch's key and the next one's, and drops what has had its time. Never rejects. */
  refresh(): Promise<void>;
}

/**
 * Creates the ring of signing keys. Time is cut into epochs of `rotateMs`; each has one key, the same for a fleet.
 *
 * INVARIANT: a key is published an epoch before it signs, or, where the ring is new, together with the one before it;
 * it stays published for a whole epoch after. So a verifier that knows any key of the ring can learn of the others in time.
 */
export function createKeyRing({ algorithm, rotateMs, store, now, onEvent }: RingParts): KeyRing {
  const signing = new Map<number, SigningKey>();
  const published = new Map<string, { readonly epoch: number; readonly key: PublishedKey }>();
  let jwks = '{"keys":[]}';
  let current: { readonly epoch: number; readonly key: SigningKey } | undefined;
  let underWay: Promise<void> | undefined;
  const epochOf = (at: number): number => Math.floor(at / rotateMs);

  /** The newest key whose time has come; late by one epoch at most. After a clock was set back, the oldest. */
  const pick = (epoch: number): SigningKey | undefined => {
    for (const at of [epoch, epoch - 1, epoch + 1]) {
      const key = signing.get(at);
      if (key !== undefined) return key;
    }
    return undefined;
  };

  /** INVARIANT: called before a key may sign. */
  const publish = (): void => {
    const keys = [...published.values()].sort((a, b) => b.epoch - a.epoch).map(({ key }) => key);
    jwks = JSON.stringify({ keys });
  };

  /** Tells whether the store could be asked. */
  const settle = async (epoch: number, now: number): Promise<boolean> => {
    const held = signing.get(epoch);
    const past = epoch < now;
    if (past && [...published.values()].some((one) => one.epoch === epoch)) return true;
    const offered = past ? undefined : (held ?? (await generateSigningKey(algorithm)));
    const settled = await store.settle(epoch, offered, (epoch + 2) * rotateMs);
    switch (settled.kind) {
      case "key":
        // one that this member signed with stays published, though the fleet has another
        published.set(settled.key.kid, { epoch, key: settled.key.publicKey });
        publish();
        if (!past && settled.key.kid !== held?.kid) signing.set(epoch, settled.key);
        return true;
      case "refused":
        onEvent({ kind: "assertion_key_refused", epoch });
        return true;
      case "unavailable":
        onEvent({ kind: "assertion_keys_unavailable" });
        return false;
      case "none":
        return true;
    }
  };

  const bringUpToDate = async (): Promise<void> => {
    const epoch = epochOf(now());
    for (const one of [epoch, epoch + 1, epoch - 1]) if (!(await settle(one, epoch))) break;
    for (const [kid, one] of published) if (one.epoch < epoch - 1) published.delete(kid);
    for (const one of signing.keys()) {
      // a private key goes once there is one after it
      if (one < epoch - 1 || (one < epoch && signing.has(epoch))) signing.delete(one);
    }
    current = undefined;
    publish();
  };

  const refresh = (): Promise<void> => {
    underWay ??= bringUpToDate()
      .catch(() => {
        onEvent({ kind: "assertion_keys_unavailable" });
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };

  let last: string | undefined;
  return {
    signer() {
      const epoch = epochOf(now());
      if (current?.epoch === epoch) return current.key;
      const key = pick(epoch);
      if (key === undefined) {
        // a machine that slept through its epochs need not wait for the next turn
        void refresh();
        return undefined;
      }
      current = { epoch, key };
      if (last !== undefined && last !== key.kid) {
        onEvent({ kind: "assertion_key_rotated", kid: key.kid });
        void refresh();
      }
      last = key.kid;
      return key;
    },
    published: () => jwks,
    refresh,
  };
}
