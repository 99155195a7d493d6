import type { TLSSocket } from "node:tls";
import type { buildConnector } from "undici";
import { peerCertificates } from "../../contract.js";
import { loadUndici } from "../../net/load.js";
import type { KeyPair } from "./svid.js";

export interface SpiffeConnectorParts {
  /** Tells whether the server's chain, leaf first, is whom we mean to speak to. */
  readonly verify: (chain: readonly Buffer[]) => boolean;
  /** What we present ourselves. */
  readonly own?: Pick<KeyPair, "cert" | "key">;
  readonly timeoutMs: number;
}

/** A server that isn't whom we mean. */
export class PeerUntrusted extends Error {
  override readonly name = "PeerUntrusted";
  readonly code = "PEER_UNTRUSTED";
}

/**
 * Creates a way to connect over TLS that knows the server by its SPIFFE id, whatever its host is called.
 * INVARIANT: no byte of a request is sent before `verify` has said yes to the very handshake.
 */
export function createSpiffeConnector({
  verify,
  own,
  timeoutMs,
}: SpiffeConnectorParts): buildConnector.connector {
  const connect = loadUndici().buildConnector({
    ...own,
    minVersion: "TLSv1.2",
    // the chain is judged by `verify`, which knows trust domains; a resumed session would bring none
    rejectUnauthorized: false,
    maxCachedSessions: 0,
    timeout: timeoutMs,
  });
  return (options, callback) => {
    if (options.protocol !== "https:") {
      callback(new PeerUntrusted("not TLS"), null);
      return;
    }
    connect(options, (...[error, socket]) => {
      if (error !== null || socket === null) {
        callback(error ?? new PeerUntrusted("no connection"), null);
        return;
      }
      const chain = (peerCertificates(socket as TLSSocket) ?? []).map((one) => Buffer.from(one, "base64"));
      if (chain.length > 0 && verify(chain)) callback(null, socket);
      else {
        socket.destroy();
        callback(new PeerUntrusted("the server is another one"), null);
      }
    });
  };
}
