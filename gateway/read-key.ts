import { basename } from "node:path";
import type { Fields, Problems } from "../sidecar/contract.js";

/** Where a credential comes from, and what the record calls it. */
export type ApiKeyConfig = { readonly id: string } & (
  { readonly env: string } | { readonly file: string } | { readonly value: string }
);

/** Reads where a credential comes from: one of `env`, `file`, `value`, and `id`. */
export function readKey(fields: Fields, problems: Problems): ApiKeyConfig | undefined {
  const id = fields.string("id");
  const env = fields.string("env");
  const file = fields.string("file");
  const value = fields.string("value");
  fields.end();
  if (id !== undefined && !/^[\w.:/-]{1,128}$/.test(id)) {
    problems.add(fields.at("id"), "must be letters, digits, _ . : / and -, at most 128");
  }
  if ([env, file, value].filter((source) => source !== undefined).length !== 1) {
    problems.add(fields.at("env"), "give one of env, file, value");
  }
  if (env !== undefined) return { id: id ?? `env:${env}`, env };
  if (file !== undefined) return { id: id ?? `file:${basename(file)}`, file };
  return value === undefined ? undefined : { id: id ?? "value", value };
}
