import { basename } from "node:path";
import type { Fields, Problems } from "../../sidecar/contract.js";
import type { VaultPlace } from "./vault/config.js";
import { readVaultPlace } from "./vault/config.js";

/** Where a credential comes from when it isn't in a vault. */
export type PlainSource = { readonly env: string } | { readonly file: string } | { readonly value: string };

/** Where a credential comes from, what the record calls it, and how its changes are met. */
export type SecretConfig = {
  readonly id: string;
  /** How long the one before stays usable after a change, milliseconds; 0: not at all. */
  readonly overlapMs?: number;
  /** Between two looks at the source, milliseconds. */
  readonly refreshMs?: number;
} & (PlainSource | { readonly vault: VaultPlace });

const day = 86_400_000;
const idForm = /^[\w.:/-]{1,128}$/;

/** Reads a credential's configuration: one of `env`, `file`, `value`, `vault`, and `id`, `overlap_ms`, `refresh_ms`. */
export function readSecretConfig(fields: Fields, problems: Problems): SecretConfig | undefined {
  const id = fields.string("id");
  const overlapMs = fields.integer("overlap_ms", 0, day);
  const refreshMs = fields.integer("refresh_ms", 10, day);
  const vault = fields.has("vault") ? readVaultPlace(fields.nested("vault"), problems) : undefined;
  const plain = readPlainSource(fields, problems, vault !== undefined ? "vault" : undefined);
  fields.end();
  if (id !== undefined && !idForm.test(id)) {
    problems.add(fields.at("id"), "must be letters, digits, _ . : / and -, at most 128");
  }
  const source = vault === undefined ? plain : { vault };
  if (source === undefined) return undefined;
  if (refreshMs !== undefined && !("file" in source || "vault" in source))
    problems.add(fields.at("refresh_ms"), "is for file and vault");
  return {
    id: id ?? nameOf(source),
    ...(overlapMs === undefined ? {} : { overlapMs }),
    ...(refreshMs === undefined ? {} : { refreshMs }),
    ...source,
  };
}

function nameOf(source: PlainSource | { readonly vault: VaultPlace }): string {
  if ("env" in source) return `env:${source.env}`;
  if ("file" in source) return `file:${basename(source.file)}`;
  return "vault" in source ? `vault:${source.vault.path}#${source.vault.field}` : "value";
}

/**
 * Reads `env`, `file` or `value`, exactly one of them.
 * @param beside what was given instead of them, where something was
 */
export function readPlainSource(
  fields: Fields,
  problems: Problems,
  beside?: string,
  known: readonly ("env" | "file" | "value" | "vault")[] = ["env", "file", "value", "vault"],
): PlainSource | undefined {
  const env = fields.string("env");
  const file = fields.string("file");
  const value = known.includes("value") ? fields.string("value") : undefined;
  const given = [env, file, value, beside].filter((source) => source !== undefined);
  if (given.length !== 1) problems.add(fields.at("env"), `give one of ${known.join(", ")}`);
  if (env !== undefined) return { env };
  if (file !== undefined) return { file };
  return value === undefined ? undefined : { value };
}
