import type { EpochMatch } from "../contract.js";
import { createFetchDocument } from "../net/fetch.js";
import { createIntrospection } from "./introspection/introspection.js";
import type { IntrospectionConfig } from "./introspection/types.js";
import type { IssuerConfig } from "./token/types.js";
import { createProofMethods, type ProofEvent, type ProofMethods } from "./proof/create-proof-methods.js";
import type { ProofConfig } from "./proof/parse-proof.js";
import type { IdentifyEvent } from "./token/types.js";
import { createTokens } from "./token/tokens.js";
import type { Methods } from "./identify.js";
import { verifyKeyCertificate } from "./spiffe/key-certificates.js";
import { createSpiffe } from "./spiffe/spiffe.js";
import type { SpiffeConfig, SpiffeEvent } from "./spiffe/types.js";
import type { VerifyOutcome } from "./verified.js";

/** The `identity` section of the configuration. */
export interface IdentityConfig extends ProofConfig {
  readonly issuers: readonly IssuerConfig[];
  /** Who is asked about opaque tokens. */
  readonly introspection?: readonly IntrospectionConfig[];
  readonly spiffe?: SpiffeConfig;
  /** Whether a client certificate that names no workload proves the key of tokens bound to it (RFC 8705). */
  readonly bindCertificates?: boolean;
}

export interface MethodsParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly onEvent: (event: IdentifyEvent | ProofEvent | SpiffeEvent) => void;
}

export interface OpenMethods {
  readonly methods: Methods;
  /** Gives the nonces of DPoP proofs, where they are asked for. */
  readonly nonces?: NonNullable<ProofMethods["nonces"]>;
  /** Forgets what is remembered of callers, or of those that may be meant: each credential is looked at anew. */
  forget(about?: EpochMatch): void;
  /** Stops what runs in the background. */
  close(): void;
}

/**
 * Creates each method that is configured.
 * @throws IssuersInvalid
 */
export function createMethods(config: IdentityConfig, parts: MethodsParts): OpenMethods {
  const fetchDocument = createFetchDocument();
  const tokens = createTokens({ ...parts, fetchDocument, issuers: config.issuers });
  tokens.warm();
  const { introspection: servers = [] } = config;
  const introspection = createIntrospection({ ...parts, fetchDocument, servers });
  const proof = createProofMethods(config, { ...parts, fetchDocument });
  const keyCertificates =
    config.bindCertificates === true
      ? (chain: readonly string[]) => verifyKeyCertificate(chain, parts.now())
      : undefined;
  const spiffe =
    config.spiffe === undefined
      ? undefined
      : createSpiffe(config.spiffe, { ...parts, fetchDocument, keyCertificates });
  const certificates = spiffe?.certificates ?? keyCertificates;

  function verifyToken(token: string): VerifyOutcome | Promise<VerifyOutcome> {
    const { apiKey } = proof.methods;
    if (apiKey !== undefined && proof.takesKey(token)) return apiKey(token);
    if (introspection.takes(token)) return introspection.verify(token);
    const outcome = tokens.verify(token);
    return outcome instanceof Promise ? outcome.then((late) => orSvid(token, late)) : orSvid(token, outcome);
  }
  function orSvid(token: string, outcome: VerifyOutcome): VerifyOutcome | Promise<VerifyOutcome> {
    // a JWT-SVID's issuer is its trust domain, which its subject names: `iss` is no part of it
    const unclaimed = outcome.kind === "refusal" && outcome.code === "token_issuer";
    return unclaimed && spiffe !== undefined ? spiffe.token(token) : outcome;
  }
  return {
    ...(proof.nonces === undefined ? {} : { nonces: proof.nonces }),
    methods: {
      ...proof.methods,
      ...(certificates === undefined ? {} : { certificates }),
      ...(spiffe === undefined ? {} : { xfcc: spiffe.xfcc }),
      token: verifyToken,
    },
    forget(about) {
      tokens.forget(about);
      introspection.forget(about);
    },
    close() {
      void proof.close();
      tokens.close();
      introspection.close();
      spiffe?.close();
    },
  };
}
