import type { IssuerConfig } from "./token/types.js";
import type { IdentifyEvent } from "./token/types.js";
import { createTokens } from "./token/tokens.js";
import type { Methods } from "./identify.js";

/** The `identity` section of the configuration. */
export interface IdentityConfig {
  readonly issuers: readonly IssuerConfig[];
}

export interface MethodsParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  readonly onEvent: (event: IdentifyEvent) => void;
}

export interface OpenMethods {
  readonly methods: Methods;
  /** Stops what runs in the background. */
  close(): void;
}

/**
 * Creates each method that is configured.
 * @throws IssuersInvalid
 */
export function createMethods(config: IdentityConfig, parts: MethodsParts): OpenMethods {
  const tokens = createTokens({ ...parts, issuers: config.issuers });
  return {
    methods: { token: tokens.verify },
    close() {
      tokens.close();
    },
  };
}
