import { constants } from "node:crypto";
import type { ServerOptions } from "node:https";
import type { Server, TLSSocket } from "node:tls";
import { peerCertificates } from "../contract.js";
import type { KeyPairSource } from "./key-pair.js";

/** How a listener does TLS, as its certificate changes. */
export interface ServeTls {
  /** What to create the server with. @throws Error where there is no certificate */
  options(): ServerOptions;
  /** Sees to a server: its certificate is renewed, its clients' certificates are asked for. */
  attend(server: Server): void;
}

export interface ServeTlsParts {
  readonly own: KeyPairSource;
  readonly clientCertificates: "none" | "optional" | "required";
  /** PEM of the CAs that a client's certificate must come from; undefined: who listens judges it. */
  readonly ca?: () => string | undefined;
}

const { SSL_OP_NO_TICKET, SSL_OP_NO_RENEGOTIATION } = constants;

/**
 * Creates the TLS of a listener: 1.3, or 1.2 with forward secrecy and authenticated encryption.
 * INVARIANT: each connection has a handshake of its own, in which the client's key is seen in use: no session is
 * resumed and none renegotiated, so the certificates of a connection never change and are never remembered ones.
 */
export function createServeTls({ own, clientCertificates: wanted, ca }: ServeTlsParts): ServeTls {
  const options = (): ServerOptions => {
    const pair = own.current();
    if (pair === undefined) throw new Error("there is no certificate to listen with");
    const authorities = ca?.();
    return {
      ...{ cert: pair.cert, key: pair.key },
      ...(authorities === undefined ? {} : { ca: authorities }),
      minVersion: "TLSv1.2",
      ciphers: [
        "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
      ].join(":"),
      honorCipherOrder: true,
      secureOptions: SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: 10_000,
      requestCert: wanted !== "none",
      // a certificate of a trust domain is unknown to OpenSSL; what it can judge is judged in `admits`
      rejectUnauthorized: false,
    };
  };
  return {
    options,
    attend(server) {
      own.onChange(() => {
        // a pair that is gone leaves the last one: clients tell its end themselves
        if (own.current() !== undefined) server.setSecureContext(options());
      });
      server.prependListener("secureConnection", (socket: TLSSocket) => {
        if (!admits(socket, wanted, ca !== undefined)) socket.destroy();
      });
    },
  };
}

function admits(socket: TLSSocket, wanted: ServeTlsParts["clientCertificates"], byCa: boolean): boolean {
  if (wanted === "none") return true;
  if (peerCertificates(socket) === undefined) return wanted !== "required";
  return !byCa || socket.authorized;
}
