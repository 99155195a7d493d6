import { chmod, lstat, mkdir, stat, unlink } from "node:fs/promises";
import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Door } from "./http.js";

/** A place to listen at, as OPA's `--addr` gives it. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Parses `host:port`, `:port`, `http://host:port` or `unix:///path`. @throws Error that says what is accepted. */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix://")) {
    const path = text.slice(7);
    if (!path.startsWith("/"))
      throw new Error(`address "${text}": a Unix socket needs an absolute path, unix:///path`);
    return { kind: "unix", path };
  }
  const match = /^(?:http:\/\/)?(\[[0-9a-fA-F:]+\]|[^:/]*):([0-9]{1,5})\/?$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new Error(`address "${text}": give host:port, :port or unix:///path`);
  }
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  return { kind: "tcp", host: host === "" ? "0.0.0.0" : host === "localhost" ? "127.0.0.1" : host, port };
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
export async function listen(address: Address, listener: RequestListener): Promise<Listening> {
  const server = createServer(
    { keepAliveTimeout: 60_000, headersTimeout: 10_000, requestTimeout: 15_000, maxHeaderSize: 32_768 },
    listener,
  );
  if (address.kind === "unix") await prepareSocket(address.path);
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
  return { address: nameOf(address, server), close: () => close(server) };
}

function nameOf(address: Address, server: Server): string {
  const bound = server.address();
  if (address.kind === "unix" || bound === null || typeof bound === "string") {
    return address.kind === "unix" ? `unix://${address.path}` : "";
  }
  return `http://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
    setTimeout(() => {
      server.closeAllConnections();
    }, 5_000).unref();
  });
}

async function prepareSocket(path: string): Promise<void> {
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
