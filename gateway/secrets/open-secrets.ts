/** Opens the credentials of a configuration. Those of two configurations that are the same are one, with its past. */
import { createHmac, randomBytes } from "node:crypto";
import type { SecretConfig } from "./read-config.js";
import type { Environment } from "./read-plain.js";
import { readPlain } from "./read-plain.js";
import type { Secret, SecretEvent, SecretRead } from "./secret.js";
import type { Vault } from "./vault/vault.js";
import { createVault } from "./vault/vault.js";
import type { VaultServer } from "./vault/config.js";
import type { WatchedSecret } from "./watch-secret.js";
import { watchSecret } from "./watch-secret.js";

export interface SecretsParts {
  readonly environment: Environment;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  readonly onEvent: (event: SecretEvent) => void;
}

/** The credentials of one configuration. */
export interface OpenSecrets {
  /** Gives an opened credential. @throws Error for one that wasn't among those opened */
  of(config: SecretConfig): Secret;
  /** Lets go of them; what another configuration holds too stays. */
  close(): void;
}

export interface Secrets {
  /** @throws Error that names every credential that can't be had, and why */
  open(configs: readonly SecretConfig[]): Promise<OpenSecrets>;
}

/** Long enough for what still holds the old one, and for upstreams that learn slowly. */
const overlapMs = 300_000;
const fileMs = 5_000;
const vaultMs = 60_000;

interface Shared<T> {
  readonly opening: Promise<T>;
  holders: number;
}

export function createSecrets({ environment, clock, onEvent }: SecretsParts): Secrets {
  const salt = randomBytes(32);
  const digest = (value: string): string =>
    createHmac("sha256", salt).update(value).digest("hex").slice(0, 12);
  const known = new Map<string, Shared<WatchedSecret>>();
  const vaults = new Map<string, Shared<Vault>>();

  const start = async (config: SecretConfig): Promise<WatchedSecret> => {
    const common = { id: config.id, overlapMs: config.overlapMs ?? overlapMs, clock, digest, onEvent };
    if ("vault" in config) {
      const { vault: place } = config;
      const vault = await hold(vaults, keyOf(place.server), () => Promise.resolve(vaultOf(place.server)));
      const read = (): Promise<SecretRead> => vault.read(place);
      const leave = (): void => {
        release(vaults, keyOf(place.server));
      };
      try {
        const watched = await watchSecret({ ...common, read, refreshMs: config.refreshMs ?? vaultMs });
        return {
          ...watched,
          close() {
            watched.close();
            leave();
          },
        };
      } catch (error) {
        leave();
        throw error;
      }
    }
    const read = (): Promise<SecretRead> => readPlain(config, environment);
    if (!("file" in config)) return watchSecret({ ...common, read, refreshMs: 0 });
    return watchSecret({ ...common, read, refreshMs: config.refreshMs ?? fileMs, file: config.file });
  };
  const vaultOf = (server: VaultServer): Vault => createVault({ server, environment, clock });

  return {
    async open(configs) {
      const held = new Map<string, WatchedSecret>();
      const problems: string[] = [];
      await Promise.all(
        [...new Map(configs.map((config) => [keyOf(config), config]))].map(async ([key, config]) => {
          try {
            held.set(key, await hold(known, key, () => start(config)));
          } catch (error) {
            problems.push(String((error as { message?: unknown } | null)?.message));
          }
        }),
      );
      const close = (): void => {
        for (const key of held.keys()) release(known, key);
        held.clear();
      };
      if (problems.length > 0) {
        close();
        throw new Error(problems.sort().join("\n"));
      }
      // a request asks by the object that its configuration holds
      const byConfig = new Map(configs.map((config) => [config, held.get(keyOf(config))]));
      return {
        of(config) {
          const secret = byConfig.get(config) ?? held.get(keyOf(config));
          if (secret === undefined) throw new Error("the credential isn't open");
          return secret;
        },
        close,
      };
    },
  };
}

function keyOf(config: SecretConfig | VaultServer): string {
  return JSON.stringify(config);
}

async function hold<T>(all: Map<string, Shared<T>>, key: string, start: () => Promise<T>): Promise<T> {
  const shared = all.get(key) ?? { opening: start(), holders: 0 };
  all.set(key, shared);
  shared.holders++;
  try {
    return await shared.opening;
  } catch (error) {
    if (all.get(key) === shared) all.delete(key);
    throw error;
  }
}

function release(all: Map<string, Shared<{ close(): void }>>, key: string): void {
  const shared = all.get(key);
  if (shared === undefined || --shared.holders > 0) return;
  all.delete(key);
  void shared.opening.then((one) => {
    one.close();
  });
}
