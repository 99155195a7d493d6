/** What a refused client is told to come back with. Sources: RFC 6750, RFC 9449 section 7, RFC 9470, RFC 9728 section 5.1. */
import type { ChallengeProperties, Decision, Refusal } from "../sidecar/contract.js";
import { challengeCodes, errorTable } from "../sidecar/contract.js";

export interface ChallengeContext {
  /** Where a client that isn't identified learns whom to ask for a token. */
  readonly metadata: () => string | undefined;
  /** The algorithms of DPoP proofs that are told to clients; none: DPoP isn't offered. */
  readonly dpopAlgorithms: readonly string[];
}

type Parameter = readonly [name: string, value: string];

/** OAuth's words for refusals; every other 401 is `invalid_token`. */
const errors: Readonly<Record<string, string>> = {
  insufficient_scope: "insufficient_scope",
  insufficient_assurance: "insufficient_user_authentication",
  dpop_nonce_required: "use_dpop_nonce",
};

/**
 * Gives the headers that a refusal needs besides its body: `WWW-Authenticate` for who isn't known, or must come back
 * with more, and `DPoP-Nonce`. Descriptions are the error table's; nothing of the request is in them.
 */
export function challengeHeaders(
  { status, code }: Pick<Refusal, "status" | "code">,
  { metadata: findMetadata, dpopAlgorithms }: ChallengeContext,
  decision?: Decision,
): Record<string, string> {
  const nonce: Record<string, string> =
    decision?.dpop_nonce === undefined ? {} : { "dpop-nonce": decision.dpop_nonce };
  const asks = asksForMore(code);
  if (status !== 401 && !asks) return nonce;
  const error = errorOf(code);
  const about: Parameter[] = [
    ...(error === undefined ? [] : ([["error", error]] as const)),
    ...(error === undefined ? [] : ([["error_description", errorTable[code][1]]] as const)),
    ...(asks ? wanted(decision) : []),
  ];
  const metadata = findMetadata();
  const where: Parameter[] = metadata === undefined ? [] : [["resource_metadata", metadata]];
  // a fault of the proof isn't one of a bearer token; MCP's clients read the first scheme only where it is Bearer
  const ofProof = code.startsWith("dpop_");
  const challenges = [challenge("Bearer", [...(ofProof ? [] : about), ...where])];
  if (dpopAlgorithms.length > 0 || ofProof) {
    const algorithms: Parameter[] = dpopAlgorithms.length === 0 ? [] : [["algs", dpopAlgorithms.join(" ")]];
    challenges.push(challenge("DPoP", [...about, ...algorithms]));
  }
  return { ...nonce, "www-authenticate": challenges.join(", ") };
}

/** Tells whether a deny asks the client to come back with more: then HTTP's own status must say so. */
export function asksForMore(code: string): boolean {
  return (challengeCodes as readonly string[]).includes(code);
}

function errorOf(code: string): string | undefined {
  // no error where no credentials were presented (RFC 6750 section 3.1)
  if (code === "unauthenticated") return undefined;
  return errors[code] ?? (code.startsWith("dpop_") ? "invalid_dpop_proof" : "invalid_token");
}

/** What all reasons together want: scopes are added up; of authentications, the first reason's, and the shortest age. */
function wanted(decision: Decision | undefined): Parameter[] {
  const all: ChallengeProperties[] = (decision?.reasons ?? []).map(({ properties = {} }) => properties);
  const scopes = new Set(all.flatMap(({ scope }) => scope?.split(" ") ?? []));
  const contexts = all.find(({ acr_values }) => acr_values !== undefined)?.acr_values;
  const ages = all.flatMap(({ max_age }) => (max_age === undefined ? [] : [max_age]));
  return [
    ...(scopes.size === 0 ? [] : ([["scope", [...scopes].join(" ")]] as const)),
    ...(contexts === undefined ? [] : ([["acr_values", contexts]] as const)),
    ...(ages.length === 0 ? [] : ([["max_age", String(Math.min(...ages))]] as const)),
  ];
}

function challenge(scheme: string, parameters: readonly Parameter[]): string {
  return [scheme, parameters.map(([name, value]) => `${name}="${value}"`).join(", ")].join(" ").trim();
}
