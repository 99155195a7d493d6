/** Reads the section `limits` of the gateway's configuration (docs/limits.md). */
import type { Fields } from "../../sidecar/contract.js";

export interface LimitsConfig {
  /** What a call of a model may write where its request doesn't say: held until it is known. */
  readonly defaultOutputTokens: number;
}

export const defaultLimits: LimitsConfig = { defaultOutputTokens: 1_024 };

export function readLimitsConfig(fields: Fields): LimitsConfig {
  const defaultOutputTokens =
    fields.integer("default_output_tokens", 1, 10_000_000) ?? defaultLimits.defaultOutputTokens;
  fields.end();
  return { defaultOutputTokens };
}
