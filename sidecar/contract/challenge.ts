/** How a policy says what a client should come back with; the same form on the wire and in a policy's reasons. */
import type { ChallengeProperties } from "./decision.js";

/** Codes of reasons that ask for a better token: scopes (RFC 6750), or stronger or later authentication (RFC 9470). */
export const challengeCodes = ["insufficient_scope", "insufficient_assurance"] as const;

/** Tokens of RFC 6749 appendix A.4 with one blank between two: what is safe within a quoted string. */
const words = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const longest = 512;

/**
 * Reads a reason's properties; `{}` for a reason that asks for nothing, undefined where they don't have the form that
 * their code asks for. The other codes have none that mean anything here.
 */
export function readChallenge(code: unknown, properties: unknown): ChallengeProperties | undefined {
  switch (code) {
    case "insufficient_scope":
      return read(properties, ["scope"], ["scope"]);
    case "insufficient_assurance":
      return read(properties, ["acr_values", "max_age", "scope"], ["acr_values", "max_age"]);
    default:
      return {};
  }
}

function read(
  value: unknown,
  known: readonly string[],
  oneOf: readonly string[],
): ChallengeProperties | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  const names = Object.keys(fields);
  if (!names.every((name) => known.includes(name)) || !oneOf.some((name) => names.includes(name)))
    return undefined;
  const wellFormed = names.every((name) => {
    const field = fields[name];
    return name === "max_age"
      ? Number.isSafeInteger(field) && (field as number) >= 0
      : typeof field === "string" && field.length <= longest && words.test(field);
  });
  return wellFormed ? (value as ChallengeProperties) : undefined;
}
