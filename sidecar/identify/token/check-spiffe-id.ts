import { refuse, type Refusal } from "../../contract.js";
import type { ClaimRules } from "./types.js";

const form = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;

/**
 * Refuses an id that poses as a SPIFFE id of a trust domain that the issuer may not speak for.
 * @param place the claim, for the message
 */
export function checkSpiffeId(id: string, rules: ClaimRules, place: string): Refusal | undefined {
  if (!/^\s*spiffe:/i.test(id)) return undefined;
  const match = form.exec(id);
  const [, domain = "", path = ""] = match ?? [];
  if (match === null || path.split("/").some((part) => part === "." || part === "..")) {
    return refuse("token_claims", place);
  }
  return rules.trust_domains.includes(domain) ? undefined : refuse("token_trust_domain", place);
}
