import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** One more than is accepted, so that a longer chain is refused rather than cut. */
const mostRead = 9;
const known = new WeakMap<Socket, readonly string[]>();

/**
 * Gives the certificates that the peer of a TLS connection sent, leaf first, base64 of DER: the `certificates` of
 * {@link Credentials}. Undefined where it sent none, or the connection isn't TLS.
 *
 * INVARIANT: the handshake has proved possession of the leaf's key; nothing else about the chain is verified.
 */
export function peerCertificates(socket: Socket): readonly string[] | undefined {
  if (!isTls(socket)) return undefined;
  const before = known.get(socket);
  if (before !== undefined) return before.length === 0 ? undefined : before;
  // asked once for each connection: in Node 20 the first to ask takes the issuers out of OpenSSL's own list
  const chain: string[] = [];
  for (
    let next: X509Certificate | undefined = socket.getPeerX509Certificate();
    next !== undefined && chain.length < mostRead;
    next = next.issuerCertificate
  ) {
    chain.push(next.raw.toString("base64"));
  }
  known.set(socket, chain);
  return chain.length === 0 ? undefined : chain;
}

function isTls(socket: Socket): socket is TLSSocket {
  return (socket as Partial<TLSSocket>).encrypted === true;
}
