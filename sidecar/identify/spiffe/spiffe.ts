import type { FetchDocument } from "../../net/fetch.js";
import type { VerifyOutcome } from "../verified.js";
import { createCertificates, type VerifyCertificates } from "./certificates.js";
import { createEndpointFeed } from "./endpoint-feed.js";
import type { BundleFeed, FeedParts } from "./feed.js";
import { fetchBySpiffe, fetchByWeb, type FetchBundleParts } from "./fetch-bundle.js";
import { createFileFeed } from "./file-feed.js";
import { createForwarded } from "./forwarded.js";
import { createJwtSvids } from "./jwt-svid.js";
import { parseWorkloadId } from "./spiffe-id.js";
import { createTrustDomains } from "./trust-domains.js";
import {
  defaultSpiffeLimits,
  type SpiffeConfig,
  type SpiffeEvent,
  type SpiffeLimits,
  type TrustDomain,
} from "./types.js";
import { createWorkloadApi, type WorkloadApi } from "./workload-api.js";

export interface SpiffeParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetchDocument: FetchDocument;
  readonly onEvent: (event: SpiffeEvent) => void;
  /** Takes certificates that name no workload; absent: nobody does. */
  readonly keyCertificates?: ((certificates: readonly string[]) => VerifyOutcome) | undefined;
  readonly limits?: Partial<SpiffeLimits> & { readonly firstPauseMs?: number };
}

/** The methods for SPIFFE's identity documents. */
export interface Spiffe {
  readonly certificates: VerifyCertificates;
  readonly xfcc: (value: string, proxy: string) => Promise<VerifyOutcome>;
  /** Verifies a JWT-SVID; refuses any other token with `token_issuer`. */
  readonly token: (token: string) => Promise<VerifyOutcome>;
  /** Ends streams and fetches under way, and forgets all credentials. */
  close(): void;
}

/** Creates the methods of the configured trust domains; their bundles are had when first needed. */
export function createSpiffe(config: SpiffeConfig, parts: SpiffeParts): Spiffe {
  const { now, onEvent } = parts;
  const limits = { ...defaultSpiffeLimits, ...parts.limits };
  const closing = new AbortController();
  const agents = new Map<string, WorkloadApi>();
  const agentOf = (socket: string): WorkloadApi => {
    const agent = agents.get(socket) ?? createWorkloadApi({ socket, now, onEvent, limits });
    agents.set(socket, agent);
    return agent;
  };
  const believed = config.trustDomains.map((domain) => {
    const feedParts: FeedParts = {
      ...{ trustDomain: domain.name, now, onEvent, limits },
      surviveMs: config.surviveSeconds * 1_000,
      closed: closing.signal,
    };
    return { domain, feed: createFeed(domain, agentOf, feedParts, parts) };
  });
  const trustDomains = createTrustDomains(believed);
  const { cacheEntries } = limits;
  const certificates = createCertificates({ trustDomains, now, cacheEntries });
  const tokens = createJwtSvids({ trustDomains, config, now, cacheEntries });
  const verify: VerifyCertificates = async (chain) => {
    const outcome = await certificates.verify(chain);
    const nobody = outcome.kind === "refusal" && outcome.code === "certificate_identity";
    return nobody ? (parts.keyCertificates?.(chain) ?? outcome) : outcome;
  };
  return {
    certificates: verify,
    xfcc: createForwarded(verify, config.forwardedBy),
    token: tokens.verify,
    close() {
      closing.abort();
      for (const agent of agents.values()) agent.close();
      certificates.clear();
      tokens.clear();
    },
  };
}

function createFeed(
  { name, bundle }: TrustDomain,
  agentOf: (socket: string) => WorkloadApi,
  feedParts: FeedParts,
  { fetchDocument }: SpiffeParts,
): BundleFeed {
  const { now, limits, closed } = feedParts;
  const fetching: FetchBundleParts = { fetchDocument, now, limits, closed };
  switch (bundle.kind) {
    case "file":
      return createFileFeed(bundle.path, feedParts);
    case "workload_api":
      return agentOf(bundle.socket).feed(feedParts);
    case "https_web":
      return createEndpointFeed(fetchByWeb(bundle, fetching), feedParts);
    case "https_spiffe": {
      // an endpoint of another trust domain is known by that domain's bundle, which is the one in the file
      const isOwn = parseWorkloadId(bundle.endpointId)?.trustDomain === name;
      const feed: BundleFeed = createEndpointFeed(
        fetchBySpiffe(bundle, () => (isOwn ? feed.current(now()) : undefined), fetching),
        feedParts,
      );
      return feed;
    }
  }
}
