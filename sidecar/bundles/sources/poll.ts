/** Asks a source for news of one bundle, again and again, and hands on what comes. */
import { createHash } from "node:crypto";
import type { BundleCode } from "../codes.js";
import type { PollingConfig } from "../config.js";
import type { Asked } from "../status.js";
import type { Activation } from "../store.js";
import type { Downloaded, Source } from "./source.js";

/** What came of asking once. */
export type Polled =
  | { readonly kind: "activated" | "unchanged" }
  /** It came, and isn't in force. */
  | { readonly kind: "rejected"; readonly code: string; readonly message: string }
  /** It didn't come. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export interface Poller {
  /** What is in force came from here before a restart, with this ETag. Before it is asked. */
  know(etag: string): void;
  /** Begins to ask, unless it is only asked by {@link refresh}. */
  start(): void;
  /** Asks at once, and takes what was rejected before once more. Never rejects. */
  refresh(): Promise<Polled>;
  /** What is in force isn't what came from here any longer: it is asked for whole. */
  forget(): void;
  /** Ends what is under way, and waits until nothing is delivered any more. */
  close(): Promise<void>;
}

export interface PollerParts {
  readonly source: Source;
  readonly polling: PollingConfig;
  readonly trigger: "periodic" | "manual";
  /** Brings an archive into force, or says why not. */
  readonly deliver: (bytes: Uint8Array, etag: string | undefined) => Promise<Activation>;
  /** Told of each answer of the source, before what came is delivered. */
  readonly onAsked: (asked: Asked) => void;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Waits, or until the signal aborts. Never rejects. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** The first wait after a failure, milliseconds; each further one is longer, up to the longest of polling. */
const firstRetryMs = 1_000;
const retryFactor = 1.6;
/** The longest that a source is left alone because it says so, milliseconds. */
const longestRetryAfterMs = 600_000;
/** However quickly a source answers, it isn't asked again sooner than this after it was asked, milliseconds. */
const leastBetweenMs = 1_000;
/** How long what was rejected isn't tried again, milliseconds: its reason may have been of the moment. */
const rejectedForMs = 600_000;
/** Reasons that lie in what is around a bundle, so that the same bytes may be good the next time. */
const ofSurroundings: ReadonlySet<string> = new Set<BundleCode>([
  ...(["roots_overlap", "canary_unreadable", "bundle_busy", "mark_unreadable", "mark_unwritable"] as const),
  ...(["delta_base", "delta_unfit", "activation_failed"] as const),
]);

type Rejected = Extract<Polled, { readonly kind: "rejected" }>;
type Failed = Extract<Downloaded, { readonly kind: "failed" }>;

export function createPoller(parts: PollerParts): Poller {
  const { polling, now, random } = parts;
  const closed = new AbortController();
  let known: string | undefined;
  let longPoll = polling.longPollingTimeoutMs !== undefined;
  let failures = 0;
  let rejected: { readonly digest: string; readonly at: number; readonly why: Rejected } | undefined;
  /** SHA-256 (hex) of what came from here last and is in force. */
  let accepted: string | undefined;
  /** Who waits for an answer to a question that isn't asked yet. */
  let refreshers: ((polled: Polled) => void)[] = [];
  let running: Promise<void> | undefined;
  /** Ends a question, or the wait for the next one, since somebody wants to know at once. */
  let hurry = new AbortController();
  let hurried = false;

  const download = async (signal: AbortSignal, wait: boolean): Promise<Downloaded> => {
    try {
      return await parts.source.download(known, signal, wait);
    } catch {
      return unexpected;
    }
  };

  const take = async (bytes: Uint8Array, etag: string | undefined, again: boolean): Promise<Polled> => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (!again && rejected?.digest === digest && now() - rejected.at < rejectedForMs) {
      // a failure of the source in between may have hidden why
      parts.onAsked({ ...rejected.why, kind: "failed" });
      return rejected.why;
    }
    if (!again && accepted === digest) {
      // the same by another ETag: it isn't built again
      known = etag;
      rejected = undefined;
      parts.onAsked({ kind: "unchanged" });
      return { kind: "unchanged" };
    }
    const activation = await parts.deliver(bytes, etag).catch(() => notDelivered);
    if (activation.kind === "declined") return { kind: "unchanged" };
    if (activation.kind === "activated") {
      // INVARIANT: only what is in force is told as known
      known = etag;
      accepted = digest;
      rejected = undefined;
      return { kind: "activated" };
    }
    const { code, message } = activation;
    const why: Rejected = { kind: "rejected", code, message };
    // changes that don't fit are answered by asking for the whole
    if (code.startsWith("delta_")) known = undefined;
    rejected = ofSurroundings.has(code) ? undefined : { digest, at: now(), why };
    return why;
  };

  const polledOf = async (answer: Downloaded, again: boolean): Promise<Polled> => {
    if (answer.kind === "failed") {
      const { code, message, httpCode } = answer;
      parts.onAsked({
        ...{ kind: "failed", code, message },
        ...(httpCode === undefined ? {} : { httpCode }),
      });
      return { kind: "failed", code, message };
    }
    longPoll = answer.longPoll;
    if (answer.kind === "unchanged") {
      parts.onAsked({ kind: "unchanged" });
      rejected = undefined;
      return { kind: "unchanged" };
    }
    parts.onAsked({ kind: "downloaded" });
    return take(answer.bytes, answer.etag, again);
  };

  /** How long to wait until it is asked again, milliseconds. */
  const delayAfter = (polled: Polled, answer: Downloaded, spentMs: number): number => {
    if (answer.kind === "failed") {
      const most = Math.max(longestRetryAfterMs, polling.maxDelayMs);
      return Math.max(retryDelay(failures++), Math.min(answer.retryAfterMs ?? 0, most));
    }
    failures = 0;
    // who waits for news would give what was rejected again at once
    const atOnce = longPoll && polled.kind !== "rejected";
    return Math.max(atOnce ? 0 : pollDelay(), leastBetweenMs - Math.max(spentMs, 0));
  };
  const pollDelay = (): number => polling.minDelayMs + (polling.maxDelayMs - polling.minDelayMs) * random();
  /** By chance between half of it and all, so that a fleet doesn't come back in step. */
  const retryDelay = (retry: number): number =>
    (Math.min(firstRetryMs * retryFactor ** Math.min(retry, 64), polling.maxDelayMs) * (1 + random())) / 2;

  /** INVARIANT: one question at a time, and one delivery. */
  const run = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      const waiting = refreshers;
      refreshers = [];
      hurried = waiting.length > 0;
      hurry = new AbortController();
      const signal = AbortSignal.any([closed.signal, hurry.signal]);
      const from = now();
      const answer = await download(signal, !hurried);
      // what somebody's hurry has ended says nothing of the source
      if (answer.kind === "failed" && signal.aborted) {
        for (const done of waiting) done(stopped);
        continue;
      }
      const polled = await polledOf(answer, hurried);
      for (const done of waiting) done(polled);
      if (refreshers.length > 0) continue;
      if (parts.trigger === "manual") return;
      hurried = false;
      const ms = delayAfter(polled, answer, now() - from);
      if (!signal.aborted) await parts.sleep(ms, signal);
    }
  };
  const begin = (): void => {
    running ??= run().finally(() => {
      running = undefined;
      // who came while it ended
      if (refreshers.length > 0 && !closed.signal.aborted) begin();
      else for (const done of refreshers.splice(0)) done(stopped);
    });
  };

  return {
    know(etag) {
      known ??= etag;
    },
    start() {
      if (parts.trigger === "periodic") begin();
    },
    refresh() {
      if (closed.signal.aborted) return Promise.resolve(stopped);
      return new Promise((resolve) => {
        refreshers.push(resolve);
        if (!hurried) hurry.abort();
        begin();
      });
    },
    forget() {
      known = undefined;
      accepted = undefined;
    },
    async close() {
      closed.abort();
      parts.source.close();
      await running;
    },
  };
}

const stopped: Polled = { kind: "failed", code: "source_unreachable", message: "it isn't asked any longer" };
const unexpected: Failed = {
  kind: "failed",
  code: "source_unreachable",
  message: "its source can't be asked",
};
const notDelivered: Activation = {
  ...{ kind: "rejected", code: "activation_failed" },
  message: "it could not be brought into force",
};
