import type { SigningKey } from "./keys.js";

export type Settled =
  | { readonly kind: "key"; readonly key: SigningKey }
  /** There is none, and none was offered. */
  | { readonly kind: "none" }
  /** Something is there that this fleet didn't make. */
  | { readonly kind: "refused" }
  /** The store couldn't be asked. */
  | { readonly kind: "unavailable" };

/** Where members agree on the key of each epoch. */
export interface KeyStore {
  /** Gives the epoch's key: the one that is there, else the one offered, which all members then get. Never rejects. */
  settle(epoch: number, offered: SigningKey | undefined, keepUntil: number): Promise<Settled>;
  close(): void;
}

/** A sidecar by itself: its own keys count. */
export const aloneStore: KeyStore = {
  settle: (_epoch, offered) =>
    Promise.resolve(offered === undefined ? { kind: "none" } : { kind: "key", key: offered }),
  close: () => undefined,
};
