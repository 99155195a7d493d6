/** The door of a PostgreSQL store: clients connect to it as to the database. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { Call, Decision } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import { createCutting } from "../../live/cutting.js";
import { noTask } from "../../tasks/carried.js";
import type { Listening } from "../../listen.js";
import { refusalOf } from "../../models/refuse.js";
import { requestObligations } from "../serve/duties.js";
import { describeAsk } from "../serve/describe.js";
import type { StoreConfig } from "../config.js";
import type { Database } from "./database.js";
import { writeFailure } from "./errors.js";
import { serverVersion } from "./local.js";
import type { Session } from "./session.js";
import { createSession } from "./session.js";
import { settingsOf } from "./settings.js";
import { loadParser } from "./sql/parse.js";
import { NotAllowed, refuseSql } from "./sql/refuse.js";
import type { Started } from "./startup.js";
import { begin } from "./startup.js";
import { BadFrame, frame, int32 } from "./wire/frames.js";
import { parameterStatus, readyForQuery } from "./wire/messages.js";

export interface PostgresDoorParts {
  /** Of the configuration in force. */
  readonly parts: () => GatewayParts;
  /** The store's name. */
  readonly name: string;
  readonly listen: string;
  readonly database: (store: StoreConfig) => Database;
  /** Absent: the gateway listens without TLS. */
  readonly startTls?: ((socket: Socket) => Promise<Socket>) | undefined;
}

/** For all up to the first statement, milliseconds. */
const startMs = 10_000;
/** What a client may take to read why its session was cut, milliseconds. */
const cutMs = 1_000;

interface Serving {
  readonly key: Buffer;
  readonly session: Session;
}

/** Listens for PostgreSQL's clients. @throws Error where the address can't be had */
export async function listenPostgres(door: PostgresDoorParts): Promise<Listening> {
  await loadParser();
  const sockets = new Set<Socket>();
  const serving = new Map<number, Serving>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    const store = door.parts().config.stores.get(door.name);
    if (store?.kind !== "postgres" || sockets.size > settingsOf(store).clients) {
      socket.end(writeFailure({ refusal: refuse("too_many_sessions"), state: "53300" }, "FATAL"));
      return;
    }
    serveClient(door, socket, serving, store)
      .catch((error: unknown) => {
        const fault = (error as { name?: unknown } | null)?.name;
        door.parts().log.error("a session of a store failed", { store: door.name, fault: String(fault) });
      })
      .finally(() => {
        socket.destroySoon();
      });
  });
  const [, host = "", port = ""] = /^(.*):([0-9]{1,5})$/.exec(door.listen) ?? [];
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      Number(port),
      host === "localhost" ? "127.0.0.1" : host.replace(/^\[|\]$/g, "") || "0.0.0.0",
      resolve,
    );
  });
  const bound = server.address();
  return {
    address:
      bound === null || typeof bound === "string"
        ? door.listen
        : `postgres://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const one of sockets) one.destroy();
      await closed;
    },
  };
}

async function serveClient(
  door: PostgresDoorParts,
  plain: Socket,
  serving: Map<number, Serving>,
  store: StoreConfig,
): Promise<void> {
  const { startTls, name } = door;
  plain.setNoDelay(true);
  const late = setTimeout(() => {
    plain.destroy();
  }, startMs);
  let socket = plain;
  try {
    const databases = [decodeURIComponent(store.upstream.url.pathname.slice(1)), name];
    const started = await begin(plain, { startTls, databases });
    if (started.kind === "gone") return;
    if (started.kind === "cancel") {
      // INVARIANT: who doesn't know a session's key stops nothing, and isn't told
      const found = serving.get(started.processId);
      if (
        found !== undefined &&
        started.key.length === found.key.length &&
        timingSafeEqual(started.key, found.key)
      )
        found.session.cancel();
      return;
    }
    socket = started.socket;
    if (socket !== plain) socket.on("error", () => undefined);
    await serveStarted(door, started, serving, { store, ready: () => clearTimeout(late) });
  } catch (error) {
    const failure =
      error instanceof NotAllowed
        ? refuseSql(error)
        : error instanceof BadFrame
          ? { refusal: refuse("invalid_request", error.message), state: "08P01" }
          : undefined;
    if (failure === undefined) throw error;
    socket.end(writeFailure(failure, "FATAL"));
  } finally {
    clearTimeout(late);
    if (socket !== plain) socket.destroySoon();
  }
}

async function serveStarted(
  door: PostgresDoorParts,
  { socket, inbox, credentials, settings: given }: Started,
  serving: Map<number, Serving>,
  { store, ready }: { readonly store: StoreConfig; readonly ready: () => void },
): Promise<void> {
  const gone = new AbortController();
  socket.on("close", () => {
    gone.abort();
  });
  const ip = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, "");
  // a connection is one task: there is nowhere to say another
  const task = noTask();
  const exchangeFor = (signal: AbortSignal): Exchange =>
    exchangeOf(door, { credentials, ip, task, signal: AbortSignal.any([signal, gone.signal]) });
  const entering = exchangeFor(gone.signal);
  entering.alive.become("database", `stores/${door.name}`);
  const own: { session?: Session } = {};
  entering.endBy({
    before(refusal, decision) {
      own.session?.cancel();
      // as PostgreSQL says it of a session that an administrator ends
      socket.end(writeFailure({ refusal, decision, state: "57P01" }, "FATAL"));
      setTimeout(() => socket.destroy(), cutMs).unref();
    },
  });
  const entered = await enter(door, store, entering);
  if (!entered.allow) {
    socket.end(writeFailure({ refusal: refusalOf(entered), decision: entered, state: "28P01" }, "FATAL"));
    return;
  }
  const settings = settingsOf(store);
  if (entering.wasCut() !== undefined) return;
  const session = (own.session = createSession({
    parts: door.parts,
    store: () => door.parts().config.stores.get(door.name),
    ...{ settings, socket, inbox, given, begin: exchangeFor },
    database: door.database(store),
    most: door.parts().config.maxBody,
  }));
  const processId = freeId(serving);
  const key = randomBytes(4);
  serving.set(processId, { key, session });
  socket.setTimeout(settings.idleMs, () => {
    socket.destroy();
  });
  ready();
  socket.write(Buffer.concat(greeting(given, processId, key)));
  try {
    await session.serve();
  } finally {
    serving.delete(processId);
  }
}

/** Asks whether the store may be spoken to at all: a client that isn't known doesn't get in. */
async function enter(
  { parts }: PostgresDoorParts,
  store: StoreConfig,
  exchange: Exchange,
): Promise<Decision> {
  const call: Call = describeAsk(store, "sql.connect", {
    action: "store.describe",
    effect: "describe",
    name: "",
  });
  const [decision] = await askAbout(parts(), exchange, [call], requestObligations);
  if (decision === undefined) throw new NotAllowed("58000", "no decision", "pdp_unavailable");
  conclude(parts(), exchange, decision, {
    ...{ kind: "retrieval", outcome: decision.allow ? "forwarded" : "denied" },
    status: decision.allow ? 200 : refusalOf(decision).status,
  });
  return decision;
}

function exchangeOf(
  { parts, name }: PostgresDoorParts,
  { credentials, ip, signal, task }: Pick<Exchange, "credentials" | "ip" | "signal" | "task">,
): Exchange {
  const { newId, clock } = parts();
  // INVARIANT: what is asked reads method and headers alone, of which there are none
  const req = { headers: {}, method: "SQL" } as unknown as IncomingMessage;
  const challenge = { metadata: (): undefined => undefined, dpopAlgorithms: [] };
  return {
    ...{ req, res: {} as unknown as ServerResponse, id: newId(), path: `/stores/${name}` },
    ...{ ...createCutting(undefined, signal), ip, credentials, challenge, started: clock(), task },
  };
}

function freeId(serving: ReadonlyMap<number, unknown>): number {
  for (;;) {
    const id = randomBytes(4).readInt32BE() & 0x7fffffff;
    if (id > 0 && !serving.has(id)) return id;
  }
}

function greeting(given: ReadonlyMap<string, string>, processId: number, key: Buffer): Buffer[] {
  const statuses = {
    ...{ server_version: serverVersion, server_encoding: "UTF8", client_encoding: "UTF8" },
    ...{ application_name: given.get("application_name") ?? "", is_superuser: "off" },
    ...{ DateStyle: given.get("datestyle") ?? "ISO, MDY", TimeZone: given.get("timezone") ?? "UTC" },
    ...{ IntervalStyle: "postgres", integer_datetimes: "on", standard_conforming_strings: "on" },
  };
  return [
    frame("R", int32(0)),
    ...Object.entries(statuses).map(([one, value]) => parameterStatus(one, value)),
    frame("K", int32(processId), key),
    readyForQuery("I"),
  ];
}
