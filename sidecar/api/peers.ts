import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Door } from "./http.js";

/** An enforcement point that may state context and present its callers' credentials. */
export interface Peer {
  /** Names it in the record. */
  readonly name: string;
  /** SHA-256 of its token. */
  readonly tokenDigest?: Buffer;
  /** Its workload identity, proven by mTLS. */
  readonly spiffeId?: string;
}

export interface PeersParts {
  readonly peers: readonly Peer[];
  /** The workload that a connection's client certificate proves; undefined where it proves none. */
  readonly workloadOf?: (req: IncomingMessage) => Promise<string | undefined>;
}

/** Tells which enforcement point asks; undefined for anybody else. */
export type FindPeer = (req: IncomingMessage, door: Door) => Promise<string | undefined> | string | undefined;

/** Creates the check of enforcement points: their own Unix socket, their token, or their certificate. */
export function createFindPeer({ peers, workloadOf }: PeersParts): FindPeer {
  const bySpiffeId = new Map(
    peers.flatMap(({ name, spiffeId }) => (spiffeId === undefined ? [] : [[spiffeId, name] as const])),
  );
  return (req, door) => {
    if (door.trusted) return door.peer ?? "unix";
    const byToken = ownerOf(req.headers.authorization, peers);
    if (byToken !== undefined || bySpiffeId.size === 0 || workloadOf === undefined) return byToken;
    return workloadOf(req).then((id) => (id === undefined ? undefined : bySpiffeId.get(id)));
  };
}

/** INVARIANT: every token is compared, in constant time. */
function ownerOf(authorization: string | undefined, peers: readonly Peer[]): string | undefined {
  const [scheme, token, ...rest] = (authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || token === undefined || rest.length > 0) return undefined;
  const digest = createHash("sha256").update(token).digest();
  let owner: string | undefined;
  for (const { name, tokenDigest } of peers) {
    if (tokenDigest !== undefined && timingSafeEqual(tokenDigest, digest)) owner = name;
  }
  return owner;
}
