/** Connections to the database itself: `pg` opens and authenticates them, then the protocol is spoken as it comes. */
import type { Duplex } from "node:stream";
import pg from "pg";
import type { Frame } from "./wire/frames.js";
import { Inbox, readFrame } from "./wire/frames.js";

export interface DatabaseParts {
  readonly url: URL;
  readonly user: string;
  /** As it is now. */
  readonly password: () => string | undefined;
  /** Absent: without TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly connections: number;
  readonly connectMs: number;
}

export interface Database {
  /** @throws Error where none can be had */
  connect(): Promise<Connection>;
  /** Asks the database to stop what a connection does. */
  cancel(processId: number): Promise<void>;
  close(): Promise<void>;
}

export interface Connection {
  readonly processId: number;
  /**
   * Sends messages that end with Sync, and hears all until the database is ready.
   * @returns the transaction's state: `I`, `T` or `E`
   * @throws Error where the connection is lost; it can't be used any more then
   */
  run(messages: readonly Buffer[], hear: (frame: Frame) => void): Promise<string>;
  /** Gives it back; `broken`: it is closed. INVARIANT: never within a transaction. */
  release(broken?: boolean): void;
}

/** Of one message of the database. */
const mostBytes = 64 * 2 ** 20;

/** What `pg` has beside its types: the stream below. */
interface Opened {
  readonly connection: { readonly stream: Duplex };
  readonly processID: number;
}

export function openDatabase(parts: DatabaseParts): Database {
  const { url, user, password, tls, connections, connectMs } = parts;
  const taken = new WeakMap<pg.PoolClient, Inbox>();
  const config = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 5432 : Number(url.port),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...{ user, password: () => password() ?? "", connectionTimeoutMillis: connectMs },
    ...{ application_name: "countersign", client_encoding: "UTF8" },
    ...(tls === undefined ? {} : { ssl: { ...tls, rejectUnauthorized: true } }),
  };
  const pool = new pg.Pool({ ...config, max: connections, idleTimeoutMillis: 60_000 });
  // an idle connection that is lost is of the past
  pool.on("error", () => undefined);
  return {
    async connect() {
      const client = await pool.connect();
      const { connection, processID } = client as unknown as Opened;
      const { stream } = connection;
      const feed = taken.get(client) ?? new Inbox(stream);
      if (!taken.has(client)) {
        // INVARIANT: from here on nobody but this reads what the database says
        for (const one of stream.listeners("data").slice(0, -1)) stream.off("data", one as () => void);
        // who uses it sees that it is gone
        client.on("error", () => undefined);
        taken.set(client, feed);
      }
      let over = false;
      return {
        processId: processID,
        async run(messages, hear) {
          stream.write(Buffer.concat(messages));
          for (;;) {
            const frame = await readFrame(feed, mostBytes);
            if (frame === undefined) throw new Error("the database is gone");
            if (frame.type === "Z") return frame.body.toString("latin1");
            hear(frame);
          }
        },
        release(broken = false) {
          if (over) return;
          over = true;
          client.release(broken);
        },
      };
    },
    async cancel(processId) {
      // all others may be waiting for what is to be stopped
      const client = new pg.Client(config);
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.query("SELECT pg_catalog.pg_cancel_backend($1)", [processId]);
      } finally {
        await client.end();
      }
    },
    close: () => pool.end(),
  };
}
