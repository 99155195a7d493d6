import { refuse, type JsonObject, type Refusal } from "../../contract.js";
import { readBinding } from "../token/binding.js";
import { isName } from "../token/chain.js";
import { checkAudience, checkLifetime } from "../token/check-token.js";
import { readSubject } from "../token/claims.js";
import { holds, keysOf } from "../token/look-up.js";
import { idTokens, otherTokens } from "../token/token-types.js";
import type { Verified, VerifyOutcome } from "../verified.js";
import type { IntrospectionServer } from "./types.js";

/**
 * Judges what a server says of an active token, as strictly as a token that is read here.
 * @param now epoch milliseconds
 * @param digest names the token where the answer has no `jti`
 */
export function readAnswer(
  answer: JsonObject,
  server: IntrospectionServer,
  now: number,
  digest: string,
): VerifyOutcome {
  const { iss, jti, exp } = answer;
  if (iss !== undefined && iss !== server.issuer) return refuse("token_issuer");
  const refusal = checkKind(answer, server) ?? checkAudienceOf(answer, server);
  if (refusal !== undefined) return refusal;
  // INVARIANT: nothing that rests on an answer outlives it, so that a revocation counts everywhere at the same time.
  const known = now + Math.max(1, server.cache_seconds) * 1000;
  // an answer without an end of its own ends with that
  const lifetime = checkLifetime(exp === undefined ? { ...answer, exp: known / 1000 } : answer, server, now);
  if (lifetime.kind === "refusal") return lifetime;
  const binding = readBinding(answer);
  if (binding.kind === "refusal") return binding;
  const read = readParty(answer, server, now);
  if (read.kind === "refusal") return read;
  const { boundTo } = binding;
  const verified: Verified = {
    kind: "verified",
    method: "introspection",
    credential: {
      method: "introspection",
      id: isName(jti) ? jti : `sha256:${digest}`,
      issuer: server.issuer,
    },
    subject: read.subject,
    ...(boundTo === undefined ? {} : { boundTo }),
    ...(lifetime.issuedAt === undefined ? {} : { issuedAt: lifetime.issuedAt }),
    expiresAt: Math.min(lifetime.expiresAt, known),
    cached: false,
  };
  return verified;
}

/** Reads whom a token is for; without a `sub`, where that may be, the client by itself. */
function readParty(answer: JsonObject, server: IntrospectionServer, now: number) {
  const { sub, client_id } = answer;
  const alone = sub === undefined && client_id !== undefined && server.optional.includes("sub");
  if (!alone) return readSubject(answer, server, now);
  return readSubject({ ...answer, sub: client_id }, { ...server, ...clientRules }, now);
}

const clientRules = { subject_type: "workload", subject_types: [] } as const;

/** INVARIANT: a refresh token is active, too; only one that is said to be for access counts. */
function checkKind(answer: JsonObject, server: IntrospectionServer): Refusal | undefined {
  const { token_type: type } = answer;
  if (type === undefined ? !server.optional.includes("token_type") : !isAccess(type)) {
    return refuse("token_type");
  }
  for (const [claim, is] of [...otherTokens, ...idTokens]) {
    const value = answer[claim];
    if (value !== undefined && is(value)) return refuse("token_type");
  }
  const { token_use: use } = answer;
  if (use !== undefined && use !== "access_token" && use !== "access") return refuse("token_type");
  const lacking = server.require.find((one) => !holds(answer, one));
  return lacking === undefined ? undefined : refuse("token_claims", keysOf(lacking.claim).join("."));
}

function isAccess(type: unknown): boolean {
  return typeof type === "string" && /^(?:bearer|dpop)$/i.test(type);
}

function checkAudienceOf(answer: JsonObject, server: IntrospectionServer): Refusal | undefined {
  if (answer["aud"] === undefined && server.optional.includes("aud")) return undefined;
  return checkAudience(answer, server);
}
