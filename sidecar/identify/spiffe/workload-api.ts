/** The SPIFFE Workload API as a client: bundles and our own SVID, as they change. */
import { Client, credentials } from "@grpc/grpc-js";
import type { TrustBundle } from "./bundle.js";
import { BundleInvalid, makeBundle, readAuthorities, readConcatenated, readJwkSet } from "./bundle.js";
import { createHolder, type BundleFeed, type BundleHolder, type FeedParts } from "./feed.js";
import { followStream, type Followed } from "./follow-stream.js";
import { parseSpiffeId } from "./spiffe-id.js";
import { readSvid, type Svid } from "./svid.js";
import type { SpiffeEvent, SpiffeLimits } from "./types.js";
import type { BundlesMessage, StreamName, X509SvidMessage } from "./workload-proto.js";

export interface WorkloadApiParts {
  /** Absolute path of the Unix socket. */
  readonly socket: string;
  /** Which of our ids to use; the first that is given unless told. */
  readonly spiffeId?: string;
  readonly now: () => number;
  readonly onEvent: (event: SpiffeEvent) => void;
  readonly limits: Pick<SpiffeLimits, "mostPauseMs" | "firstWaitMs"> & { readonly firstPauseMs?: number };
}

export interface WorkloadApi {
  /** The bundle of one trust domain, as the agent says. Asks for bundles from the first call on. */
  feed(parts: FeedParts): BundleFeed;
  /** Our own SVID. Asks for it from the first call on. */
  svid(): SvidSource;
  close(): void;
}

export interface SvidSource {
  /** Undefined before the first one, and after the last one's end. */
  current(): Svid | undefined;
  /** Waits for the first one, no longer than a start may take. */
  ready(): Promise<void>;
  onChange(listener: () => void): void;
}

/** What a trust domain's bundle is made of; the two come by streams of their own. */
type Part = Pick<TrustBundle, "authorities" | "skipped"> | Pick<TrustBundle, "keys" | "skipped">;

interface Parts {
  readonly byName: ReadonlyMap<string, Part>;
  readonly unread: ReadonlySet<string>;
}
const noParts: Parts = { byName: new Map(), unread: new Set() };

/** Creates the client of one agent. INVARIANT: without `close`, its streams keep the process alive. */
export function createWorkloadApi(parts: WorkloadApiParts): WorkloadApi {
  const { now, onEvent, limits } = parts;
  const client = new Client(`unix://${parts.socket}`, credentials.createInsecure(), {
    "grpc.keepalive_time_ms": 360_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.enable_http_proxy": 0,
  });
  const followed: Followed[] = [];

  /** Follows a stream; the promise settles with its first message or failure. */
  function follow(
    name: StreamName,
    onMessage: (message: object) => void,
  ): { stream: Followed; first: Promise<void> } {
    let settle: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      settle = resolve;
    });
    let told: string | undefined;
    const stream = followStream(name, {
      client,
      onMessage: (message) => {
        onMessage(message);
        told = undefined;
        settle();
      },
      onFailed: (status) => {
        if (told !== status) onEvent({ kind: "workload_api_failed", method: name, status });
        told = status;
        settle();
      },
      firstPauseMs: limits.firstPauseMs ?? 1_000,
      mostPauseMs: limits.mostPauseMs,
    });
    followed.push(stream);
    return { stream, first };
  }

  const bundles = once(() => followBundles(follow, now));
  const svids = once(() => followSvid(follow, parts));
  return {
    feed: (feedParts) => bundles().feed(feedParts, limits.firstWaitMs),
    svid: svids,
    close() {
      for (const stream of followed) stream.close();
      client.close();
    },
  };
}

type Follow = (
  name: StreamName,
  onMessage: (message: object) => void,
) => { stream: Followed; first: Promise<void> };

function followBundles(follow: Follow, now: () => number) {
  const feeds = new Map<string, BundleHolder[]>();
  let x509 = noParts;
  let jwt = noParts;

  const isUnread = (name: string): boolean => x509.unread.has(name) || jwt.unread.has(name);
  function update(): void {
    for (const [name, holders] of feeds) {
      for (const holder of holders) give(holder, name);
    }
  }
  function give(holder: BundleHolder, name: string): void {
    const parts = [x509.byName.get(name), jwt.byName.get(name)];
    const authorities = parts.flatMap((part) =>
      part !== undefined && "authorities" in part ? part.authorities : [],
    );
    const keys = parts.flatMap((part) => (part !== undefined && "keys" in part ? part.keys : []));
    const skipped = parts.reduce((sum, part) => sum + (part?.skipped ?? 0), 0);
    try {
      holder.take(makeBundle({ authorities, keys, skipped }), now());
      if (isUnread(name)) holder.failed("invalid");
    } catch (error) {
      if (!(error instanceof BundleInvalid)) throw error;
      // each message says all: a trust domain that it leaves out is no longer to be trusted
      holder.drop();
      holder.failed("absent");
    }
  }
  const byX509 = follow("FetchX509Bundles", (message) => {
    x509 = readParts(message as BundlesMessage, x509, (bytes) => readAuthorities(readConcatenated(bytes)));
    update();
  });
  const byJwt = follow("FetchJWTBundles", (message) => {
    jwt = readParts(message as BundlesMessage, jwt, (bytes) => {
      const { keys, skipped } = readKeys(bytes);
      return { keys, skipped };
    });
    update();
  });
  const first = Promise.all([byX509.first, byJwt.first]);
  let waited = false;
  void first.then(() => {
    waited = true;
  });
  return {
    feed(parts: FeedParts, waitMs: number): BundleFeed {
      const holder = createHolder(parts);
      feeds.set(parts.trustDomain, [...(feeds.get(parts.trustDomain) ?? []), holder]);
      if (x509.byName.size + jwt.byName.size > 0) give(holder, parts.trustDomain);
      return {
        current(at) {
          if (byX509.stream.live() && !isUnread(parts.trustDomain)) holder.confirm(at);
          return holder.current(at);
        },
        refresh: () => (waited ? undefined : within(first, waitMs)),
      };
    },
  };
}

/** A domain may have no JWT keys: then its document is an empty set. */
function readKeys(bytes: Uint8Array): Pick<TrustBundle, "keys" | "skipped"> {
  try {
    return readJwkSet(bytes);
  } catch (error) {
    if (error instanceof BundleInvalid && error.message === "nothing in it") return { keys: [], skipped: 0 };
    throw error;
  }
}

/**
 * Reads what a message says of each trust domain. One that can't be read keeps its part of before, and is named in
 * `unread`: it harms no other, and isn't heard of either.
 */
function readParts({ bundles }: BundlesMessage, before: Parts, read: (bytes: Uint8Array) => Part): Parts {
  const byName = new Map<string, Part>();
  const unread = new Set<string>();
  for (const [key, bytes] of Object.entries(bundles)) {
    const id = parseSpiffeId(key);
    if (id === undefined || id.path !== "") continue;
    const { trustDomain } = id;
    try {
      byName.set(trustDomain, read(bytes));
    } catch (error) {
      if (!(error instanceof BundleInvalid)) throw error;
      unread.add(trustDomain);
      const last = before.byName.get(trustDomain);
      if (last !== undefined) byName.set(trustDomain, last);
    }
  }
  return { byName, unread };
}

function followSvid(follow: Follow, { spiffeId, now, onEvent, limits }: WorkloadApiParts): SvidSource {
  const listeners: (() => void)[] = [];
  let svid: Svid | undefined;
  const { first } = follow("FetchX509SVID", (message) => {
    const next = readSvid(message as X509SvidMessage, spiffeId);
    if (next === undefined || next.version === svid?.version) return;
    svid = next;
    const expires_at = new Date(next.expiresAt).toISOString();
    onEvent({ kind: "svid_changed", spiffe_id: next.spiffeId, expires_at });
    for (const listener of listeners) listener();
  });
  return {
    current: () => (svid === undefined || now() > svid.expiresAt ? undefined : svid),
    ready: () => within(first, limits.firstWaitMs),
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

/** Waits for a promise, but no longer than this. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}

function once<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined;
  return () => (created ??= { value: create() }).value;
}
