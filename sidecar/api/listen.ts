import { chmod, lstat, mkdir, stat, unlink } from "node:fs/promises";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import type { ServeTls } from "../net/serve-tls.js";
import type { Door } from "./http.js";

/** A place to listen at, as OPA's `--addr` gives it. */
export type Address =
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      /** Whether its scheme asks for TLS; without a scheme it has TLS where there is a certificate. */
      readonly tls?: boolean;
    }
  | { readonly kind: "unix"; readonly path: string };

/** Parses `host:port`, `:port`, `http://host:port`, `https://host:port` or `unix:///path`. @throws Error that says what is accepted. */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix://")) {
    const path = text.slice(7);
    if (!path.startsWith("/"))
      throw new Error(`address "${text}": a Unix socket needs an absolute path, unix:///path`);
    return { kind: "unix", path };
  }
  const match = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:]+\]|[^:/]*):([0-9]{1,5})\/?$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new Error(`address "${text}": give host:port, :port or unix:///path`);
  }
  const host = (match[2] ?? "").replace(/^\[|\]$/g, "");
  return {
    kind: "tcp",
    host: host === "" ? "0.0.0.0" : host === "localhost" ? "127.0.0.1" : host,
    port,
    ...(match[1] === undefined ? {} : { tls: match[1] === "https" }),
  };
}

export interface ListenOptions {
  /** For TCP addresses that don't say http://. */
  readonly tls?: ServeTls | undefined;
  /** For a whole request to come. */
  readonly requestTimeoutMs?: number;
  /** Looks after what isn't a request. */
  readonly attend?: (server: Server) => void;
  /** Another process holds the address, and has looked after the socket's place. */
  readonly prepared?: boolean;
  /** Takes connections whose client asks for another protocol; absent: they're told in HTTP, as if they hadn't asked. */
  readonly upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface Listening {
  /** The address in force: the port that was given where 0 was asked for. */
  readonly address: string;
  close(): Promise<void>;
}

/** Makes the door that an address is: only a Unix socket is trusted to be a PEP's own. */
export function doorOf(address: Address): Door {
  const loopback = address.kind === "tcp" && /^(?:127\.|::1$)/.test(address.host);
  return { name: address.kind, trusted: address.kind === "unix", loopback };
}

/**
 * Listens. A Unix socket is made 0600 in a directory that must be 0700 (made so if it isn't there).
 * @throws Error where the directory is open to others or the socket is in use.
 */
export async function listen(
  address: Address,
  listener: RequestListener,
  { tls, requestTimeoutMs = 15_000, attend, upgrade, prepared = false }: ListenOptions = {},
): Promise<Listening> {
  const serve = tlsFor(address, tls);
  const limits = {
    ...{ keepAliveTimeout: 60_000, headersTimeout: 10_000, requestTimeout: requestTimeoutMs },
    // the second is how often these times are looked at
    ...{ maxHeaderSize: 32_768, connectionsCheckingInterval: 2_000 },
  };
  const server =
    serve === undefined
      ? createServer(limits, listener)
      : createTlsServer({ ...limits, ...serve.options() }, listener);
  // no header is left out silently: what isn't looked at can't contradict; the size of a head is limited
  server.maxHeadersCount = 0;
  if (serve !== undefined) serve.attend(server as TlsServer);
  attend?.(server);
  const upgraded = new Set<Duplex>();
  if (upgrade !== undefined) {
    server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgraded.add(socket);
      socket.on("close", () => upgraded.delete(socket));
      upgrade(req, socket, head);
    });
  }
  if (address.kind === "unix" && !prepared) await prepareSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const ready = (): void => {
      server.off("error", reject);
      resolve();
    };
    if (address.kind === "tcp") server.listen(address.port, address.host, ready);
    else server.listen(address.path, ready);
  });
  if (address.kind === "unix") await chmod(address.path, 0o600);
  return {
    address: nameOf(address, server, serve === undefined ? "http" : "https"),
    close: () => close(server, upgraded),
  };
}

/** @throws Error where TLS is asked for without a certificate */
function tlsFor(address: Address, tls: ServeTls | undefined): ServeTls | undefined {
  if (address.kind === "unix" || address.tls === false) return undefined;
  if (address.tls === true && tls === undefined) {
    throw new Error(
      `https on port ${address.port} needs a certificate: --tls-cert-file and --tls-private-key-file`,
    );
  }
  return tls;
}

function nameOf(address: Address, server: Server, scheme: "http" | "https"): string {
  const bound = server.address();
  if (address.kind === "unix" || bound === null || typeof bound === "string") {
    return address.kind === "unix" ? `unix://${address.path}` : "";
  }
  return `${scheme}://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function close(server: Server, upgraded: ReadonlySet<Duplex>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
    setTimeout(() => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    }, 5_000).unref();
  });
}

/** Makes room for a socket. @throws Error where its directory is open to others, or it is in use */
export async function prepareSocket(path: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await stat(directory);
  if ((mode & 0o077) !== 0) {
    throw new Error(`the socket's directory ${directory} is open to others; run: chmod 700 ${directory}`);
  }
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await answers(path)) throw new Error(`${path} is in use by another process`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => {
      resolve(false);
    });
  });
}
