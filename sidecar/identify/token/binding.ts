import { isObject, refuse, type JsonObject, type Refusal } from "../../contract.js";
import type { KeyNames } from "../verified.js";

/** Members of `cnf` that are understood: RFC 8705 section 3.1, RFC 9449 section 6.1. */
const members: ReadonlyMap<string, keyof KeyNames> = new Map([
  ["x5t#S256", "x5t"],
  ["jkt", "jkt"],
]);

/**
 * Reads the key that a token is bound to (RFC 7800). With two, both must be proved.
 * INVARIANT: what isn't understood refuses the token: read as nothing, it would make a bearer token of it.
 */
export function readBinding(
  payload: JsonObject,
): { readonly kind: "binding"; readonly boundTo?: KeyNames } | Refusal {
  const { cnf } = payload;
  if (cnf === undefined) return { kind: "binding" };
  const entries = isObject(cnf) ? Object.entries(cnf) : [];
  const boundTo: { x5t?: string; jkt?: string } = {};
  for (const [name, value] of entries) {
    const member = members.get(name);
    if (member === undefined || typeof value !== "string" || !isThumbprint(value)) {
      return refuse("token_binding", "cnf");
    }
    boundTo[member] = value;
  }
  return entries.length === 0 ? refuse("token_binding", "cnf") : { kind: "binding", boundTo };
}

/** SHA-256 in base64url, in its one spelling. */
function isThumbprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text) && Buffer.from(text, "base64url").toString("base64url") === text;
}
