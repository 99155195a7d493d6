/** The SPIFFE Workload API as a client: bundles and our own SVID, as they change. */
import type { Client } from "@grpc/grpc-js";
import type { BundleFeed, FeedParts } from "./feed.js";
import type { Followed } from "./follow.js";
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
  // gRPC costs some 10 MB and 100 ms: only who has an agent pays for it
  const grpc = once(() => import("./follow-stream.js"));
  let client: Client | undefined;
  let closed = false;
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
    const onFailed = (status: string): void => {
      if (told !== status) onEvent({ kind: "workload_api_failed", method: name, status });
      told = status;
      settle();
    };
    let opened: Followed | undefined;
    grpc().then(
      ({ openClient, followStream }) => {
        if (closed) return;
        client ??= openClient(parts.socket);
        opened = followStream(name, {
          client,
          onMessage: (message) => {
            onMessage(message);
            told = undefined;
            settle();
          },
          onFailed,
          firstPauseMs: limits.firstPauseMs ?? 1_000,
          mostPauseMs: limits.mostPauseMs,
        });
      },
      () => {
        onFailed("INTERNAL");
      },
    );
    const stream: Followed = {
      live: () => opened?.live() ?? false,
      close: () => opened?.close(),
    };
    followed.push(stream);
    return { stream, first };
  }

  const bundles = once(() => followBundles(follow, now));
  const svids = once(() => followSvid(follow, parts));
  return {
    feed: (feedParts) => bundles().feed(feedParts, limits.firstWaitMs),
    svid: svids,
    close() {
      closed = true;
      for (const stream of followed) stream.close();
      client?.close();
    },
  };
}

function once<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined;
  return () => (created ??= { value: create() }).value;
}
