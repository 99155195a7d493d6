/** Credentials opened as a gateway opens them, with what was told of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenSecrets, Secrets } from "../../../gateway/secrets/open-secrets.js";
import { createSecrets } from "../../../gateway/secrets/open-secrets.js";
import type { SecretConfig } from "../../../gateway/secrets/read-config.js";
import { readSecretConfig } from "../../../gateway/secrets/read-config.js";
import type { Secret, SecretEvent } from "../../../gateway/secrets/secret.js";
import type { Json } from "../../../sidecar/contract.js";
import { Fields, Problems } from "../../../sidecar/contract.js";

export interface SecretsWorld {
  readonly directory: string;
  readonly events: SecretEvent[];
  readonly secrets: Secrets;
  /** Milliseconds that the clock is ahead. */
  ahead: number;
  open(config: object): Promise<Secret>;
  /** The kinds of the events so far. */
  kinds(): string[];
  close(): void;
}

/** Reads a credential's section. @throws Error with its problems */
export function readSection(value: object): SecretConfig {
  const problems = new Problems();
  const config = readSecretConfig(new Fields(value as Json, "api_key", problems), problems);
  if (config === undefined || problems.list.length > 0) throw new Error(problems.list.join("\n"));
  return config;
}

export function startSecrets(environment: Record<string, string> = {}): SecretsWorld {
  const directory = mkdtempSync(join(tmpdir(), "countersign-secrets-"));
  const events: SecretEvent[] = [];
  const opened: OpenSecrets[] = [];
  const world: SecretsWorld = {
    directory,
    events,
    secrets: createSecrets({
      environment,
      clock: () => performance.now() + world.ahead,
      onEvent: (event) => events.push(event),
    }),
    ahead: 0,
    async open(value) {
      const config = readSection(value);
      const open = await world.secrets.open([config]);
      opened.push(open);
      return open.of(config);
    },
    kinds: () => events.map(({ kind }) => kind),
    close() {
      for (const one of opened) one.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return world;
}
