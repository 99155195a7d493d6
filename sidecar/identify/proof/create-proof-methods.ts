import { randomBytes } from "node:crypto";
import { createApiKeys } from "../api-keys/api-keys.js";
import type { KeyFileEvent } from "../api-keys/key-file.js";
import type { Methods } from "../identify.js";
import { defaultLimits, type IdentifyEvent } from "../token/types.js";
import type { KeysParts } from "../token/keys.js";
import { createTransactions } from "../transaction/transaction.js";
import { connectReplay, type ReplayEvent } from "./connect-replay.js";
import { createDpop } from "./dpop.js";
import { createNonces, type Nonces } from "./nonces.js";
import type { ProofConfig } from "./parse-proof.js";
import { createSignatureCheck } from "./proof-key.js";
import { createWimse } from "./wimse.js";
import { createWorkloadTokens } from "./workload-token.js";

export type ProofEvent = KeyFileEvent | ReplayEvent;

export interface ProofParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetchDocument: KeysParts["fetchDocument"];
  readonly onEvent: (event: IdentifyEvent | ProofEvent) => void;
}

export interface ProofMethods {
  readonly methods: Pick<Methods, "dpop" | "apiKey" | "workload" | "transaction">;
  /** Tells whether a bearer token is an API key. */
  takesKey(token: string): boolean;
  /** Gives the nonces of proofs, where they are asked for: what the `DPoP-Nonce` header is to say. */
  readonly nonces?: Nonces;
  close(): Promise<void>;
}

/** Creates the methods of {@link ProofConfig} that are configured. */
export function createProofMethods(config: ProofConfig, parts: ProofParts): ProofMethods {
  const { dpop, api_keys, transaction_tokens, wimse } = config;
  const { now, fetchDocument, onEvent } = parts;
  const closing = new AbortController();
  const trust: KeysParts = { now, fetchDocument, onEvent, limits: defaultLimits, closed: closing.signal };
  // as long as a proof of either kind is accepted, and clocks of a fleet apart by the skew
  const keepSeconds = Math.max(
    dpop === undefined ? 0 : dpop.max_age_seconds + 2 * dpop.clock_skew_seconds,
    wimse === undefined ? 0 : wimse.proof_lifetime_seconds + 20,
  );
  const replay =
    keepSeconds === 0
      ? undefined
      : connectReplay({ ...config.replay, keepMs: keepSeconds * 1_000, now, onEvent });
  const signatures = createSignatureCheck();
  const apiKeys = api_keys === undefined ? undefined : createApiKeys({ config: api_keys, now, onEvent });
  const nonces =
    dpop?.nonce === true
      ? createNonces({
          secret: dpop.nonce_secret ?? randomBytes(32),
          lifeMs: dpop.nonce_seconds * 1_000,
          now,
        })
      : undefined;
  return {
    methods: {
      ...(dpop === undefined || replay === undefined
        ? {}
        : {
            dpop: createDpop({
              config: dpop,
              signatures,
              replay,
              now,
              ...(nonces === undefined ? {} : { nonces }),
            }),
          }),
      ...(apiKeys === undefined ? {} : { apiKey: apiKeys.verify }),
      ...(wimse === undefined || replay === undefined
        ? {}
        : {
            workload: createWimse({
              ...{ config: wimse, signatures, replay, now },
              verifyToken: createWorkloadTokens(wimse.trust_domains, trust),
            }),
          }),
      ...(transaction_tokens === undefined
        ? {}
        : { transaction: createTransactions({ ...trust, config: transaction_tokens }) }),
    },
    takesKey: (token) => apiKeys?.takes(token) ?? false,
    ...(nonces === undefined ? {} : { nonces }),
    async close() {
      closing.abort();
      await replay?.close();
    },
  };
}
