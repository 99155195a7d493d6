import type { Fields, Problems } from "../../sidecar/contract.js";
import type { SecretConfig } from "../secrets/read-config.js";
import { readSecretConfig } from "../secrets/read-config.js";
import { isLoopback, readUrl } from "../upstreams/read-url.js";

/** A hook that policy may have notified, by its name. INVARIANT: where it is, is configuration: no policy and no caller says it. */
export interface HookConfig {
  readonly url: URL;
  /** `whsec_` and the key in base64, 24 to 64 bytes. */
  readonly secret: SecretConfig;
  /** For one attempt, milliseconds. */
  readonly timeoutMs: number;
}

/** Reads `notify: {NAME: {url, secret, timeout_ms}}`. */
export function readNotifyConfig(
  entries: readonly (readonly [name: string, fields: Fields])[],
  problems: Problems,
): ReadonlyMap<string, HookConfig> {
  const hooks = new Map<string, HookConfig>();
  for (const [name, fields] of entries) {
    const url = readUrl(fields.required("url"), fields.at("url"), problems);
    if (url.protocol !== "https:" && !isLoopback(url) && url.hostname !== "invalid.invalid") {
      problems.add(fields.at("url"), "must be https, but on this machine itself");
    }
    if (!fields.has("secret")) problems.add(fields.at("secret"), "is required");
    const secret = fields.has("secret") ? readSecretConfig(fields.nested("secret"), problems) : undefined;
    const timeoutMs = fields.integer("timeout_ms", 1, 30_000) ?? 3_000;
    fields.end();
    if (secret !== undefined) hooks.set(name, { url, secret, timeoutMs });
  }
  return hooks;
}
