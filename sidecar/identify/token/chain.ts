import {
  isObject,
  refuse,
  type ChainLink,
  type Json,
  type JsonObject,
  type Refusal,
} from "../../contract.js";
import { checkChain } from "../delegation/check-chain.js";
import { checkSpiffeId } from "./check-spiffe-id.js";
import { lookUp } from "./look-up.js";
import type { ClaimRules } from "./types.js";

export const subjectTypes: ReadonlySet<unknown> = new Set<ChainLink["type"]>(["user", "agent", "workload"]);

/** Tells whether a value can name a party: text of sane length without control characters. */
export function isName(value: Json | undefined): value is string {
  return (
    typeof value === "string" &&
    value !== "" &&
    value.length <= 512 &&
    !/[\u0000-\u001f\u007f-\u009f]/.test(value)
  );
}

/**
 * Reads the delegation chain (RFC 8693 section 4.1): the subject first, then the actors from the oldest
 * (the innermost `act`) to the one who calls now (the outermost).
 */
export function readChain(
  payload: JsonObject,
  subjectType: ChainLink["type"],
  issuer: ClaimRules,
): { kind: "chain"; links: readonly [ChainLink, ...ChainLink[]] } | Refusal {
  const sub = lookUp(payload, issuer.claims.id ?? ["sub"]);
  if (!isName(sub)) return refuse("token_claims", "sub");
  const posing = checkSpiffeId(sub, issuer, "sub");
  if (posing !== undefined) return posing;
  const actors: ChainLink[] = [];
  for (let act: Json | undefined = payload["act"]; act !== undefined; act = act["act"]) {
    if (actors.length >= issuer.actor_depth || !isObject(act)) return refuse("token_claims", "act");
    const link = readActor(act, issuer);
    if (link === undefined) return refuse("token_claims", "act");
    // whoever is said to vouch for the actor, it is this issuer who says so
    const actor = checkSpiffeId(link.id, issuer, "act");
    if (actor !== undefined) return actor;
    actors.unshift(link);
  }
  const links = [{ type: subjectType, id: sub, issuer: issuer.issuer }, ...actors] as const;
  return checkChain(payload, links) ?? { kind: "chain", links };
}

function readActor(act: JsonObject, issuer: ClaimRules): ChainLink | undefined {
  const { sub, iss = issuer.issuer, type = "agent" } = act;
  if (!isName(sub) || typeof iss !== "string" || !subjectTypes.has(type)) return undefined;
  // INVARIANT: an issuer can't put words in the mouth of one that it isn't configured to speak for.
  if (iss !== issuer.issuer && !issuer.actor_issuers.includes(iss)) return undefined;
  return { type: type as ChainLink["type"], id: sub, issuer: iss };
}
