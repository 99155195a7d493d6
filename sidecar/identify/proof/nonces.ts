import { createHmac, timingSafeEqual } from "node:crypto";

/** Nonces that a server gives out and recognizes (RFC 9449 section 8). */
export interface Nonces {
  /** Gives the nonce of the moment: the value of the `DPoP-Nonce` header. */
  issue(): string;
  /** Tells whether it is one of ours and young enough. */
  accepts(nonce: string): boolean;
}

export interface NoncesParts {
  /** Shared by the fleet, or random for one process. */
  readonly secret: string | Uint8Array;
  /** How long a nonce is accepted, milliseconds. */
  readonly lifeMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Creates nonces out of the clock and a secret: nothing is stored. One nonce serves all for a third of its life; the
 * one before and the one before that are still accepted.
 */
export function createNonces({ secret, lifeMs, now }: NoncesParts): Nonces {
  const step = Math.max(1, Math.floor(lifeMs / 3));
  const write = (turn: number): string =>
    `${turn.toString(36)}.${createHmac("sha256", secret).update(`dpop-nonce:${turn}`).digest().subarray(0, 18).toString("base64url")}`;
  let known = { turn: -1, nonce: "" };
  const issue = (): string => {
    const turn = Math.floor(now() / step);
    if (known.turn !== turn) known = { turn, nonce: write(turn) };
    return known.nonce;
  };
  return {
    issue,
    accepts(nonce) {
      const turn = parseInt(/^([0-9a-z]{1,11})\.[\w-]{24}$/.exec(nonce)?.[1] ?? "", 36);
      const current = Math.floor(now() / step);
      if (!(turn <= current && turn > current - 3)) return false;
      const ours = turn === current ? issue() : write(turn);
      return nonce.length === ours.length && timingSafeEqual(Buffer.from(nonce), Buffer.from(ours));
    },
  };
}
