/** Gets a token of Vault's: a given one, or by a login; and keeps it alive. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { PlainSource } from "../read-config.js";
import type { SecretFault, SecretRead } from "../secret.js";
import type { VaultAnswer, VaultQuestion } from "./ask-vault.js";
import type { VaultAuth } from "./config.js";

export interface Token {
  readonly value: string;
  /** Whether it can live longer than its lease. */
  readonly renewable: boolean;
  /** Milliseconds that it lives; 0: as long as it isn't revoked. */
  readonly leaseMs: number;
}

export type TokenRead =
  { readonly kind: "token"; readonly token: Token } | { readonly kind: "failed"; readonly code: SecretFault };

export interface LogInParts {
  readonly ask: (question: Pick<VaultQuestion, "method" | "path" | "token" | "body">) => Promise<VaultAnswer>;
  readonly read: (source: PlainSource) => Promise<SecretRead>;
}

/**
 * Logs in. https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login,
 * https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle,
 * https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self
 */
export async function logIn(auth: VaultAuth, { ask, read }: LogInParts): Promise<TokenRead> {
  if (auth.kind === "token") {
    const given = await read(auth.token);
    if (given.kind === "failed") return given;
    const known = await ask({ method: "GET", path: ["auth", "token", "lookup-self"], token: given.value });
    const data = known.kind === "answered" ? known.value["data"] : undefined;
    // a token that may not look at itself is used as it is
    const [ttl, renewable] = isObject(data) ? [data["ttl"], data["renewable"]] : [];
    const leaseMs = typeof ttl === "number" && ttl > 0 ? ttl * 1_000 : 0;
    return { kind: "token", token: { value: given.value, renewable: renewable === true, leaseMs } };
  }
  const words: Record<string, string> = auth.kind === "kubernetes" ? { role: auth.role } : {};
  const sources: Record<string, PlainSource> =
    auth.kind === "kubernetes" ? { jwt: auth.jwt } : { role_id: auth.roleId, secret_id: auth.secretId };
  for (const [name, source] of Object.entries(sources)) {
    const given = await read(source);
    if (given.kind === "failed") return given;
    words[name] = given.value;
  }
  return tokenOf(
    await ask({ method: "POST", path: ["auth", ...auth.mount.split("/"), "login"], body: words }),
    "vault_login",
  );
}

/** Asks for another lease. https://developer.hashicorp.com/vault/api-docs/auth/token#renew-a-token-self */
export async function renew(token: Token, { ask }: Pick<LogInParts, "ask">): Promise<TokenRead> {
  const path = ["auth", "token", "renew-self"];
  return tokenOf(await ask({ method: "POST", path, token: token.value, body: {} }), "vault_denied");
}

function tokenOf(answer: VaultAnswer, denied: SecretFault): TokenRead {
  if (answer.kind === "failed") {
    return answer.code === "vault_denied" ? { kind: "failed", code: denied } : answer;
  }
  const auth: unknown = answer.value["auth"];
  const { client_token, renewable, lease_duration } = (auth ?? {}) as JsonObject;
  // it becomes a header
  if (typeof client_token !== "string" || !/^[\x21-\x7e]{1,4096}$/.test(client_token))
    return { kind: "failed", code: "vault_malformed" };
  const leaseMs = typeof lease_duration === "number" && lease_duration > 0 ? lease_duration * 1_000 : 0;
  return { kind: "token", token: { value: client_token, renewable: renewable === true, leaseMs } };
}
