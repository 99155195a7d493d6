/** A caller with its links to tool servers: what one session, or one caller of the stateless era, has to itself. */
import { createHash } from "node:crypto";
import type { Call, Decision, ErrorCode, Json, JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { Dropped, Reviewed } from "../definitions/definitions.js";
import type {
  Holder,
  Link,
  LinkAnswer,
  LinkCaller,
  OpenLink,
  ServerMessage,
  Subject,
} from "../links/link.js";
import type { ServerConfig } from "../server-config.js";

/** A server's tools as it last listed them. */
export interface Listing {
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  /** As the server gave them. */
  readonly raw: readonly Json[];
  /** Of what was approved when they were reviewed. */
  readonly version: object | undefined;
  readonly tools: readonly Reviewed[];
  readonly byName: ReadonlyMap<string, Reviewed>;
  readonly dropped: readonly Dropped[];
  /** What each tool is asked about and given as at a route, made once: lists are long and asked for often. */
  offered?: { readonly route: string; readonly items: readonly Offered[] };
}

/** A tool as it may be listed. */
export interface Offered {
  readonly call: Call;
  readonly given: JsonObject;
}

/** What a server says are its resources. */
export interface Claims {
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  readonly uris: ReadonlySet<string>;
  readonly templates: readonly string[];
}

/** What a peer has of one server. */
export interface Attached {
  readonly name: string;
  readonly config: ServerConfig;
  readonly link: Promise<
    Link | { readonly kind: "failed"; readonly code: ErrorCode } | { readonly kind: "aborted" }
  >;
  listing: Listing | undefined;
  /** Where several servers share a route. */
  resources: Claims | undefined;
  /** A listing under way. */
  asking: Promise<Listing | Exclude<LinkAnswer, { kind: "result" }>> | undefined;
  /** The level of logging that the server was told. */
  level: string | undefined;
  /** Resources that this caller subscribed to; by their URIs. */
  readonly subscribed: Set<string>;
  lost: boolean;
}

export interface Listener {
  /** Resources that it wants to hear of, beside those that the session subscribed to. */
  readonly resources: ReadonlySet<string>;
  take(from: Attached, message: ServerMessage): void;
}

export interface Peer {
  readonly subject: Subject;
  /** Of the client, as far as they are carried. */
  readonly capabilities: JsonObject;
  readonly attached: Map<string, Attached>;
  /** Requests under way, by their ids as JSON. */
  readonly underWay: Map<string, AbortController>;
  /** Elicitations by URL that the client was asked for. */
  readonly elicited: Set<string>;
  /** Who takes what servers say of their own accord. */
  readonly listeners: Set<Listener>;
  /** Milliseconds of a monotonic clock. */
  lastUsed: number;
  ended: boolean;
}

/** What every server is told that its client is. */
export const clientInfo: JsonObject = { name: "countersign", version: "1" };

export function createPeer(subject: Subject, capabilities: JsonObject, now: number): Peer {
  return {
    ...{ subject, capabilities, attached: new Map(), underWay: new Map(), elicited: new Set() },
    ...{ listeners: new Set(), lastUsed: now, ended: false },
  };
}

/** Gives what a peer has of a server; opens a link where it has none, or one of another configuration. */
export function attach(
  peer: Peer,
  open: OpenLink,
  name: string,
  config: ServerConfig,
  caller: LinkCaller,
  signal: AbortSignal,
): Attached {
  const known = peer.attached.get(name);
  if (known !== undefined && known.config === config && !known.lost) return known;
  if (known !== undefined) detach(known);
  const holder: Holder = {
    subject: peer.subject,
    capabilities: peer.capabilities,
    clientInfo,
    onMessage(message) {
      if (!peer.ended && peer.attached.get(name) === made) hearFrom(peer, made, message);
    },
    onLost() {
      made.lost = true;
    },
  };
  const made: Attached = {
    ...{
      name,
      config,
      listing: undefined,
      resources: undefined,
      asking: undefined,
      level: undefined,
      subscribed: new Set<string>(),
      lost: false,
    },
    link: open(config, holder, caller, signal).then((link) => {
      if ("kind" in link) made.lost = true;
      else if (peer.ended) void link.close();
      return link;
    }),
  };
  peer.attached.set(name, made);
  return made;
}

/** Takes what a server says of its own accord. */
export function hearFrom(peer: Peer, from: Attached, message: ServerMessage): void {
  if (message.method === "notifications/tools/list_changed") from.listing = undefined;
  if (message.method === "notifications/resources/list_changed") from.resources = undefined;
  for (const listener of peer.listeners) listener.take(from, message);
}

/** Gives all resources that anybody here wants to hear of. */
export function wantedResources(peer: Peer, from: Attached): string[] {
  return [
    ...new Set([...from.subscribed, ...[...peer.listeners].flatMap(({ resources }) => [...resources])]),
  ];
}

/** Lets go of a server. */
export function detach({ link }: Attached): void {
  link
    .then(
      (open) => ("kind" in open ? undefined : open.close()),
      () => undefined,
    )
    .catch(() => undefined);
}

/** Ends a peer: its requests, then its links. */
export function endPeer(peer: Peer): void {
  if (peer.ended) return;
  peer.ended = true;
  for (const request of peer.underWay.values()) request.abort();
  for (const one of peer.attached.values()) detach(one);
  peer.attached.clear();
}

/** Tells whether a decision is of whom a peer is for. */
export function isHolder({ subject: holder }: Pick<Peer, "subject">, { subject }: Decision): boolean {
  return subject !== undefined && keyOf(subject) === keyOf(holder);
}

/** Names a caller; two that could differ in anything have two names. */
export function keyOf({ tenant, type, id, chain }: Subject): string {
  return JSON.stringify([tenant, type, id, chain]);
}

/** Names a caller with what its client can do. */
export function peerKey(subject: Subject, capabilities: JsonObject): string {
  return createHash("sha256")
    .update(`${keyOf(subject)}\n${stringifyJson(capabilities)}`)
    .digest("base64url");
}
