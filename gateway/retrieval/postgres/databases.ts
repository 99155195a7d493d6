/** The databases of stores, each opened when it is first needed. */
import { readFileSync } from "node:fs";
import type { UpstreamTls } from "../../../sidecar/contract.js";
import type { SecretConfig } from "../../secrets/read-config.js";
import type { UpstreamConfig } from "../../upstreams/upstream.js";
import type { StoreConfig } from "../config.js";
import type { Database } from "./database.js";
import { openDatabase } from "./database.js";
import { settingsOf } from "./settings.js";

export interface Databases {
  of(store: StoreConfig): Database;
  close(): Promise<void>;
}

/** @param readSecret reads an open credential as it is now */
export function createDatabases(readSecret: (source: SecretConfig) => string): Databases {
  const open = new Map<UpstreamConfig, Database>();
  return {
    of(store) {
      const { upstream } = store;
      const known = open.get(upstream);
      if (known !== undefined) return known;
      const { apiKey, tls } = upstream;
      const settings = settingsOf(store);
      const database = openDatabase({
        ...{ url: upstream.url, user: settings.user, connections: settings.connections },
        password: () => (apiKey === undefined ? undefined : readSecret(apiKey)),
        connectMs: upstream.connectTimeoutMs,
        ...(tls === undefined ? {} : { tls: readTls(tls) }),
      });
      open.set(upstream, database);
      return database;
    },
    async close() {
      await Promise.all([...open.values()].map((one) => one.close()));
      open.clear();
    },
  };
}

/** @throws Error where a file can't be read, or an agent would have to be asked */
function readTls(tls: UpstreamTls): { ca?: string; cert?: string; key?: string } {
  if (tls.kind !== "files") throw new Error("a database takes certificates from files");
  const { caFile, own } = tls;
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") }),
    ...(own === undefined
      ? {}
      : { cert: readFileSync(own.certFile, "utf8"), key: readFileSync(own.keyFile, "utf8") }),
  };
}
