/** Brings upgrades to the gateway as requests like any other: they are refused, or decided, by the same code. */
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** The answer to a request whose client wants the connection to become another protocol. */
export class UpgradeResponse extends ServerResponse {
  constructor(
    req: IncomingMessage,
    readonly upgradeSocket: Duplex,
    /** What came behind the request's head. */
    readonly head: Buffer,
  ) {
    super(req);
    this.shouldKeepAlive = false;
    // node gives TLS and TCP sockets, and those of Unix sockets; all are sockets
    this.assignSocket(upgradeSocket as Socket);
    this.once("finish", () => {
      this.letGo();
      upgradeSocket.end();
      // who doesn't close is closed
      setTimeout(() => upgradeSocket.destroy(), 1_000).unref();
    });
  }

  /** Gives the connection away: it is this answer's no more, which ends when the connection does. */
  take(): void {
    this.statusCode = 101;
    this.letGo();
  }

  /** INVARIANT: `close` comes once the connection has ended, whoever it belongs to by then. */
  private letGo(): void {
    this.detachSocket(this.upgradeSocket as Socket);
    this.upgradeSocket.once("close", () => this.emit("close"));
  }
}

/** A listener that is given connections to other hosts (CONNECT), too. */
export type ConnectListener = RequestListener & { readonly takesConnect?: true };

/** Hands a server's upgrades to its listener. INVARIANT: a CONNECT gets to nobody but who takes it. */
export function attachUpgrades(server: Server, listener: ConnectListener): void {
  if (listener.takesConnect === true) {
    server.on("connect", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      listener(req, new UpgradeResponse(req, socket, head));
    });
  }
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    listener(req, new UpgradeResponse(req, socket, head));
  });
}
