/** The SPIFFE Workload API as a client: bundles and our own SVID, as they change. */
import { Client, credentials } from "@grpc/grpc-js";
import type { BundleFeed, FeedParts } from "./feed.js";
import { followStream, type Followed } from "./follow-stream.js";
import { followSvid, type SvidSource } from "./own-svid.js";
import type { SpiffeEvent, SpiffeLimits } from "./types.js";
import type { StreamName } from "./workload-proto.js";
import { followBundles } from "./workload-bundles.js";

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

function once<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined;
  return () => (created ??= { value: create() }).value;
}
