/** One question to Vault's HTTP API, bounded in time and size; what goes wrong is told by a code, never by its words. */
import { Buffer } from "node:buffer";
import type { Dispatcher } from "undici";
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson } from "../../../sidecar/contract.js";
import type { SecretFault } from "../secret.js";

export interface VaultQuestion {
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  readonly namespace: string | undefined;
  readonly timeoutMs: number;
  readonly method: "GET" | "POST";
  /** Segments after `/v1/`, not encoded. */
  readonly path: readonly string[];
  readonly token?: string;
  readonly body?: JsonObject;
}

export type VaultAnswer =
  | { readonly kind: "answered"; readonly value: JsonObject }
  | { readonly kind: "failed"; readonly code: SecretFault };

/** The largest answer that is read, bytes. */
const largest = 2 ** 20;

/** https://developer.hashicorp.com/vault/api-docs#http-status-codes */
const faults: Readonly<Record<number, SecretFault>> = {
  400: "vault_denied",
  401: "vault_denied",
  403: "vault_denied",
  404: "vault_not_found",
  429: "vault_throttled",
  501: "vault_sealed",
  503: "vault_sealed",
};

export async function askVault(question: VaultQuestion): Promise<VaultAnswer> {
  const { dispatcher, origin, namespace, method, path, token, body } = question;
  const failed = (code: SecretFault): VaultAnswer => ({ kind: "failed", code });
  const signal = AbortSignal.timeout(question.timeoutMs);
  try {
    const answer = await dispatcher.request({
      origin,
      method,
      path: `/v1/${path.map(encodeURIComponent).join("/")}`,
      headers: {
        accept: "application/json",
        // Vault's own proxy may insist on it
        "x-vault-request": "true",
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        ...(token === undefined ? {} : { "x-vault-token": token }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    answer.body.on("error", () => undefined);
    const { statusCode } = answer;
    if (statusCode !== 200) {
      answer.body.dump({ limit: 65_536 }).catch(() => undefined);
      // INVARIANT: a token goes to the address that is configured, and nowhere that an answer points to
      if (statusCode >= 300 && statusCode < 400) return failed("vault_redirected");
      return failed(faults[statusCode] ?? "vault_error");
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > largest) return failed("vault_malformed");
      chunks.push(chunk);
    }
    const value = parse(Buffer.concat(chunks, size));
    return value === undefined ? failed("vault_malformed") : { kind: "answered", value };
  } catch (error) {
    const code = String((error as { code?: unknown } | null)?.code);
    return failed(signal.aborted || code.includes("TIMEOUT") ? "vault_timeout" : "vault_unreachable");
  }
}

function parse(bytes: Buffer): JsonObject | undefined {
  try {
    const value = parseJson(bytes);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
