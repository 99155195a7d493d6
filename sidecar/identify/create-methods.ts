import { createFetchDocument } from "../net/fetch.js";
import { createIntrospection } from "./introspection/introspection.js";
import type { IntrospectionConfig } from "./introspection/types.js";
import type { IssuerConfig } from "./token/types.js";
import { createProofMethods, type ProofEvent, type ProofMethods } from "./proof/create-proof-methods.js";
import type { ProofConfig } from "./proof/parse-proof.js";
import type { IdentifyEvent } from "./token/types.js";
import { createTokens } from "./token/tokens.js";
import type { Methods } from "./identify.js";

/** The `identity` section of the configuration. */
export interface IdentityConfig extends ProofConfig {
  readonly issuers: readonly IssuerConfig[];
  /** Who is asked about opaque tokens. */
  readonly introspection?: readonly IntrospectionConfig[];
}

export interface MethodsParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly onEvent: (event: IdentifyEvent | ProofEvent) => void;
}

export interface OpenMethods {
  readonly methods: Methods;
  /** Gives the nonces of DPoP proofs, where they are asked for. */
  readonly nonces?: NonNullable<ProofMethods["nonces"]>;
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
  const { introspection: servers = [] } = config;
  const introspection = createIntrospection({ ...parts, fetchDocument, servers });
  const proof = createProofMethods(config, { ...parts, fetchDocument });
  return {
    ...(proof.nonces === undefined ? {} : { nonces: proof.nonces }),
    methods: {
      ...proof.methods,
      token: (token) => (introspection.takes(token) ? introspection : tokens).verify(token),
    },
    close() {
      void proof.close();
      tokens.close();
      introspection.close();
    },
  };
}
