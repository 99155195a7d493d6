/** What stands in answers of Vault's KV engine, versions 1 and 2. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { SecretRead } from "../secret.js";
import { faultOf } from "../secret.js";
import type { VaultPlace } from "./config.js";

/** Gives the path of the question, after `/v1/`. */
export function kvPath({ mount, path, kvVersion }: VaultPlace): string[] {
  return [...mount.split("/"), ...(kvVersion === 2 ? ["data"] : []), ...path.split("/")];
}

/**
 * Reads the field out of an answer.
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version,
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1#read-secret
 */
export function readKv(answer: JsonObject, { kvVersion, field }: VaultPlace): SecretRead {
  const { data, lease_duration: lease } = answer;
  if (!isObject(data)) return { kind: "failed", code: "vault_malformed" };
  if (kvVersion === 1) {
    const read = readField(data, field);
    // version 1 has no versions; the lease says how often it should be looked at
    return read.kind === "value" && typeof lease === "number" && lease > 0
      ? { ...read, leaseMs: lease * 1_000 }
      : read;
  }
  const { data: fields, metadata } = data;
  if (!isObject(metadata)) return { kind: "failed", code: "vault_malformed" };
  if (metadata["destroyed"] === true || fields === null || isText(metadata["deletion_time"]))
    return { kind: "failed", code: "vault_not_found" };
  if (!isObject(fields)) return { kind: "failed", code: "vault_malformed" };
  const { version } = metadata;
  const read = readField(fields, field);
  return read.kind === "value" && typeof version === "number" ? { ...read, version } : read;
}

function readField(fields: JsonObject, field: string): SecretRead {
  const given = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (typeof given !== "string") return { kind: "failed", code: "vault_field" };
  const value = given.trim();
  const code = faultOf(value);
  return code === undefined ? { kind: "value", value } : { kind: "failed", code };
}

function isText(value: Json | undefined): boolean {
  return typeof value === "string" && value !== "";
}
