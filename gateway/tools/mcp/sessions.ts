/** The sessions of clients up to 2025-11-25, and the callers of the stateless era, as long as they are used. */
import { randomBytes } from "node:crypto";
import type { Decision, JsonObject } from "../../../sidecar/contract.js";
import { callerHandles } from "../../live/handles.js";
import type { Alive, Live } from "../../live/live.js";
import type { Subject } from "../links/link.js";
import type { ServerConfig } from "../server-config.js";
import type { Channel } from "./channel.js";
import type { McpConfig } from "./config.js";
import type { Pending } from "./inputs.js";
import type { Peer } from "./peer.js";
import { createPeer, detach, endPeer, keyOf, peerKey } from "./peer.js";

export interface Session extends Peer {
  readonly id: string;
  readonly route: string;
  readonly version: string;
  level: string | undefined;
  /** What servers say of their own accord. */
  own: Channel | undefined;
  /** All streams that a client may come back to, by key. */
  readonly channels: Map<string, Channel>;
  /** What the client is asked, by the id that it was asked under. */
  readonly pending: Map<string, Pending>;
  /** In the register of what is live. */
  readonly alive: Alive;
}

export interface Sessions {
  /** Begins a session; undefined where there are too many. */
  begin(what: Begin): Session | undefined;
  /** Finds a session of the route's; whose it is must be held against the caller's decision. */
  find(id: string, route: string): Session | undefined;
  end(session: Session): void;
  /** Gives the caller's own peer of the stateless era; undefined where there are too many. */
  peer(subject: Subject, capabilities: JsonObject): Peer | undefined;
  /** Ends what other servers than these are needed for: links to them, and sessions on routes that are no more. */
  keepOnly(servers: ReadonlySet<ServerConfig>, routes: (route: string) => boolean): void;
  /** Ends what nobody used for too long. */
  sweep(): void;
  readonly count: number;
  close(): void;
}

export interface Begin {
  readonly route: string;
  readonly version: string;
  readonly subject: Subject;
  readonly capabilities: JsonObject;
  /** The one that allowed it. */
  readonly decision: Decision;
  /** The servers that it is for. */
  readonly servers: readonly string[];
}

const sweepMs = 5_000;
const peerIdleMs = 5 * 60_000;

/** Creates the register. */
export function createSessions({
  clock,
  limits,
  live,
}: {
  readonly live: Live;
  readonly clock: () => number;
  readonly limits: () => McpConfig;
}): Sessions {
  const sessions = new Map<string, Session>();
  const peers = new Map<string, Peer & { readonly alive: Alive }>();
  const perCaller = new Map<string, number>();
  const peersPerCaller = new Map<string, number>();
  const countOf = (subject: Subject, by: number, counts = perCaller): void => {
    const key = keyOf(subject);
    const count = (counts.get(key) ?? 0) + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  };
  const end = (session: Session): void => {
    if (!sessions.delete(session.id)) return;
    session.alive.release();
    countOf(session.subject, -1);
    for (const one of session.pending.values()) one.abandon();
    // a stream ends with its request, which has still to be told why
    endPeer(session);
    session.own?.end();
  };
  const endOfPeer = (key: string, peer: Peer & { readonly alive: Alive }): void => {
    if (peers.delete(key)) countOf(peer.subject, -1, peersPerCaller);
    peer.alive.release();
    endPeer(peer);
  };
  const sweep = (): void => {
    const now = clock();
    const { sessionIdleMs } = limits();
    for (const session of sessions.values()) {
      const busy = session.underWay.size > 0 || session.own?.attached === true;
      if (busy) session.lastUsed = now;
      else if (now - session.lastUsed > sessionIdleMs) end(session);
    }
    for (const [key, peer] of peers) {
      if (peer.underWay.size > 0) peer.lastUsed = now;
      else if (now - peer.lastUsed > peerIdleMs) endOfPeer(key, peer);
    }
  };
  const timer = setInterval(sweep, sweepMs).unref();
  return {
    begin({ route, version, subject, capabilities, decision, servers }) {
      const { maxSessions, maxSessionsPerCaller } = limits();
      const has = perCaller.get(keyOf(subject)) ?? 0;
      if (sessions.size >= maxSessions || has >= maxSessionsPerCaller) return undefined;
      const alive = live.begin({
        ...{ kind: "session", route: `mcp${route.slice("/mcp".length)}` },
        cut() {
          end(session);
        },
      });
      const session: Session = {
        ...createPeer(subject, capabilities, clock()),
        ...{
          id: randomBytes(24).toString("base64url"),
          route,
          version,
          alive,
          level: undefined,
          own: undefined,
        },
        ...{ channels: new Map(), pending: new Map() },
      };
      sessions.set(session.id, session);
      countOf(subject, 1);
      const handles = callerHandles(decision);
      // what one of several servers is fenced off from goes on with the others
      if (servers.length === 1) handles.add(`server:${servers[0] ?? ""}`);
      if (alive.under(decision, handles) !== undefined) {
        end(session);
        return undefined;
      }
      return session;
    },
    find(id, route) {
      const found = sessions.get(id);
      return found?.route === route ? found : undefined;
    },
    end,
    peer(subject, capabilities) {
      const key = peerKey(subject, capabilities);
      const known = peers.get(key);
      if (known !== undefined) {
        known.lastUsed = clock();
        return known;
      }
      // one caller has one for each set of capabilities that its clients name
      const { maxSessions, maxSessionsPerCaller } = limits();
      const has = peersPerCaller.get(keyOf(subject)) ?? 0;
      if (peers.size >= maxSessions || has >= maxSessionsPerCaller) return undefined;
      const alive = live.begin({
        kind: "session",
        cut() {
          endOfPeer(key, made);
        },
      });
      const made = { ...createPeer(subject, capabilities, clock()), alive };
      peers.set(key, made);
      countOf(subject, 1, peersPerCaller);
      const allowed = { decision_id: "", subject, bundles: {} };
      if (alive.under(allowed, callerHandles(allowed)) !== undefined) {
        endOfPeer(key, made);
        return undefined;
      }
      return made;
    },
    keepOnly(servers, routes) {
      for (const session of sessions.values()) if (!routes(session.route)) end(session);
      for (const peer of [...sessions.values(), ...peers.values()]) {
        for (const [name, one] of peer.attached) {
          if (servers.has(one.config)) continue;
          peer.attached.delete(name);
          detach(one);
        }
      }
    },
    sweep,
    get count() {
      return sessions.size;
    },
    close() {
      clearInterval(timer);
      for (const session of sessions.values()) end(session);
      for (const [key, peer] of peers) endOfPeer(key, peer);
    },
  };
}
