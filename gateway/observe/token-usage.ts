import type { Json, TokenUsage } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Of the input what a cache gave or took, of the output what was thought; undefined: the provider doesn't tell. */
export interface UsageParts {
  readonly cached?: number | undefined;
  readonly written?: number | undefined;
  readonly reasoning?: number | undefined;
}

/** Makes the usage of an answer; what isn't told isn't there. */
export function tokenUsage(input: number, output: number, parts: UsageParts = {}): TokenUsage {
  const { cached, written, reasoning } = parts;
  return {
    ...{ input_tokens: input, output_tokens: output },
    ...(cached === undefined ? {} : { cached_tokens: cached }),
    ...(written === undefined ? {} : { cache_write_tokens: written }),
    ...(reasoning === undefined ? {} : { reasoning_tokens: reasoning }),
  };
}

/** Reads a count from an object that may not be one. */
export function countIn(value: Json | undefined, name: string): number | undefined {
  const count = isObject(value) ? value[name] : undefined;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
