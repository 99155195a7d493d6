/** The gateway's doors: where it listens for clients, for proxies, and in stores' places. */
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { ListenerTls, UpstreamTls } from "../sidecar/contract.js";
import type { GatewayConfig } from "./config.js";
import type { ConnectTls } from "./forward/forward.js";
import type { Listening } from "./listen.js";
import { listenPlain } from "./listen.js";
import type { PostgresDoorParts } from "./retrieval/postgres/listen.js";
import { listenPostgres } from "./retrieval/postgres/listen.js";

/** How the gateway listens and connects with certificates, and at Unix sockets: given by who starts it. */
export interface GatewayDoors {
  /** @throws Error where the address, or a certificate, can't be had */
  listen(address: string, listener: RequestListener, tls: ListenerTls | undefined): Promise<Listening>;
  /** Gives what puts TLS on a connection that began without. @throws Error where a certificate can't be had */
  startTls(tls: ListenerTls): Promise<(socket: Socket) => Promise<Socket>>;
  /** @throws Error where a certificate can't be had */
  connect(tls: UpstreamTls): Promise<ConnectTls>;
  close(): void;
}

/** No proxy of the configuration has this name. */
export const forwardDoor = "/forward";

/** Stands where no doors were given. */
export const noDoors = (): never => {
  throw new Error("tls and proxies need the doors that the command line gives");
};

/** Listens for the clients of databases, each at its own port. */
export async function listenDatabases(
  config: GatewayConfig,
  doors: GatewayDoors | undefined,
  stores: Map<string, string>,
  common: Pick<PostgresDoorParts, "parts" | "database">,
): Promise<Listening[]> {
  const listening: Listening[] = [];
  try {
    for (const { name, kind, listen } of config.stores.values()) {
      if (listen === undefined || kind !== "postgres") continue;
      const startTls = config.tls === undefined ? undefined : await (doors ?? noDoors()).startTls(config.tls);
      listening.push(await listenPostgres({ ...common, name, listen, startTls }));
      stores.set(name, listening.at(-1)?.address ?? listen);
    }
    return listening;
  } catch (error) {
    await Promise.all(listening.map((one) => one.close()));
    throw error;
  }
}

/** Listens for clients first, then for each proxy at a socket of its own. */
export async function listenAll(
  config: GatewayConfig,
  listenerOf: (proxy?: string) => RequestListener,
  doors: GatewayDoors | undefined,
  stores: Map<string, string>,
): Promise<Listening[]> {
  const gateway = listenerOf();
  const listening: Listening[] = [];
  try {
    if (config.tls === undefined) listening.push(await listenPlain(config.listen, gateway));
    else listening.push(await (doors ?? noDoors()).listen(config.listen, gateway, config.tls));
    for (const { name, socket } of config.proxies) {
      const listener = listenerOf(name);
      listening.push(await (doors ?? noDoors()).listen(`unix://${socket}`, listener, undefined));
    }
    if (config.forwardProxy !== undefined) {
      const { listen, tls } = config.forwardProxy;
      const listener = Object.assign(listenerOf(forwardDoor), { takesConnect: true as const });
      if (tls === undefined) listening.push(await listenPlain(listen, listener));
      else listening.push(await (doors ?? noDoors()).listen(listen, listener, tls));
    }
    for (const { name, kind, listen } of config.stores.values()) {
      if (listen === undefined || kind === "postgres") continue;
      const listener: RequestListener = (req, res) => {
        // the store's root is this door's
        req.url = `/stores/${name}${req.url ?? "/"}`;
        gateway(req, res);
      };
      if (config.tls === undefined) listening.push(await listenPlain(listen, listener));
      else listening.push(await (doors ?? noDoors()).listen(listen, listener, config.tls));
      stores.set(name, listening.at(-1)?.address ?? listen);
    }
    return listening;
  } catch (error) {
    await Promise.all(listening.map((one) => one.close()));
    throw error;
  }
}
