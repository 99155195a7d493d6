import type { TrustBundle } from "./bundle.js";
import { BundleInvalid, makeBundle, readAuthorities, readConcatenated } from "./bundle.js";
import { createHolder, type BundleFeed, type BundleHolder, type FeedParts } from "./feed.js";
import { within, type Follow } from "./follow.js";
import { readJwkSet } from "./read-jwk-set.js";
import { parseSpiffeId } from "./spiffe-id.js";
import type { BundlesMessage } from "./workload-proto.js";

/** What a trust domain's bundle is made of; the two come by streams of their own. */
type Part = Pick<TrustBundle, "authorities" | "skipped"> | Pick<TrustBundle, "keys" | "skipped">;

interface Parts {
  readonly byName: ReadonlyMap<string, Part>;
  readonly unread: ReadonlySet<string>;
}
const noParts: Parts = { byName: new Map(), unread: new Set() };

/** Follows the agent's bundles: authorities and keys come by streams of their own. */
export function followBundles(follow: Follow, now: () => number) {
  const feeds = new Map<string, BundleHolder[]>();
  let x509 = noParts;
  let jwt = noParts;
  let waited = false;

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
      if (!waited) return; // the other stream may have it
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
  void first.then(() => {
    waited = true;
    update();
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
