/** The gateway before a real PostgreSQL: a table of documents, and clients that know the gateway alone. */
import pg from "pg";
import type { Condition } from "../../../../sidecar/contract.js";
import type { LabObligation } from "../lab.js";
import { decideBy } from "../lab.js";
import type { World } from "../../world.js";
import { callerToken, startWorld } from "../../world.js";
import type { PostgresServer } from "./server.js";
import { startPostgres } from "./server.js";

export interface PostgresLab {
  readonly server: PostgresServer;
  readonly world: World;
  readonly port: number;
  /** A client of the gateway, connected. */
  client(more?: pg.ClientConfig): Promise<pg.Client>;
  /** Allows, with this condition on documents, and what else a test wants. */
  narrow(condition: Condition | undefined, more?: readonly LabObligation[]): void;
  close(): Promise<void>;
}

export const gatewayUser = "gateway";

/** @param setUp makes tables, as the superuser */
export async function startPostgresLab(
  setUp: string,
  store: Record<string, unknown>,
  running?: PostgresServer,
): Promise<PostgresLab> {
  const server = running ?? (await startPostgres());
  await server.owner.query(setUp);
  const world = await startWorld({
    config: {
      stores: {
        lab: {
          ...{ kind: "postgres", url: server.url, user: gatewayUser, region: "eu", environment: "prod" },
          ...{ listen: "127.0.0.1:0", api_key: { value: "unused" }, ...store },
        },
      },
    },
  });
  const port = Number(new URL(world.gateway.stores.get("lab") ?? "").port);
  const clients: pg.Client[] = [];
  return {
    ...{ server, world, port },
    async client(more = {}) {
      const config = { host: "127.0.0.1", port, user: "agent", password: callerToken, database: "lab" };
      const client = new pg.Client({ ...config, ...more });
      client.on("error", () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    narrow(condition, more = []) {
      world.sidecar.decide = decideBy(condition, more);
    },
    async close() {
      await Promise.all(clients.map((one) => one.end().catch(() => undefined)));
      await world.close();
      if (running === undefined) await server.close();
    },
  };
}
