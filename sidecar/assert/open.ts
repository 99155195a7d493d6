import type { Log } from "../record/log.js";
import type { Assert } from "./assert.js";
import { createAssert } from "./assert.js";
import type { AssertionConfig } from "./config.js";
import type { OpenedRing } from "./open-ring.js";
import { openRing } from "./open-ring.js";

export interface OpenParts {
  readonly config: AssertionConfig;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
}

export interface Assertions {
  readonly assert: Assert;
  /** The keys that sign: other tokens of the fleet may be signed with them, too. */
  readonly ring: OpenedRing;
  /** The public keys, as a JSON Web Key Set. */
  readonly keys: () => string;
  close(): void;
}

/**
 * Opens the signing of assertions. Until there are keys, what needs an assertion is denied.
 * @throws Error where the secret's file can't be read or is too short
 */
export async function openAssertions({ config, newId, now, log }: OpenParts): Promise<Assertions> {
  const ring = await openRing({ config, now, log });
  const { issuer, lifetimeSeconds: lifetime, audiences } = config;
  return {
    assert: createAssert({
      ...{ issuer, lifetime, newId, now, signer: ring.signer },
      ...(audiences === undefined ? {} : { audiences }),
    }),
    ring,
    keys: ring.published,
    close: ring.close,
  };
}
