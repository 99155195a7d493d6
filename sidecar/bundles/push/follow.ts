/** Brings into force what was pushed elsewhere in the fleet, or before this sidecar started. */
import type { PushedBundles, PushedEntry } from "../../state/bundles/pushed.js";
import type { Activation, BundleStore } from "../store.js";

export interface FollowParts {
  /** Of bundles that may be pushed here. */
  readonly names: () => readonly string[];
  readonly bundles: Pick<BundleStore, "arrive" | "asked">;
  readonly pushed: PushedBundles;
}

type Rejection = Extract<Activation, { kind: "rejected" }>;

export interface Follow {
  /** Brings the heads that are known into force; resolves once each was tried. Again where names are others. Never rejects. */
  start(): Promise<void>;
  /** Brings the head of a bundle into force, if it isn't; gives why it isn't. Never rejects. */
  settle(name: string): Promise<Rejection | undefined>;
  /** Tries again also what was refused before. Never rejects. */
  refresh(name: string): Promise<Rejection | undefined>;
  /** Told that a generation came into force here, by another way. */
  took(name: string, entry: PushedEntry, bytes: Uint8Array): Promise<void>;
  /** Told that a generation of the fleet's can't come into force here. */
  failed(name: string, entry: PushedEntry, why: Rejection): void;
  /** The generation that is in force here. */
  inForce(name: string): number | undefined;
  close(): void;
}

/** Milliseconds until content is looked for again that could not be had: at first, and at most. */
const firstWaitMs = 250;
const longestWaitMs = 10_000;
/** Milliseconds until one is tried again that was refused here: at first, and at most. */
const firstAgainMs = 5_000;
const longestAgainMs = 300_000;

const missing: Rejection = {
  kind: "rejected",
  code: "source_unreachable",
  message: "what was pushed can't be had from Redis now: it is asked again",
};

export function createFollow({ names, bundles, pushed }: FollowParts): Follow {
  const inForce = new Map<string, number>();
  /** By name: a generation that was refused here, and why. It is tried again ever less often. */
  const refused = new Map<
    string,
    { readonly generation: number; readonly why: Rejection; readonly waitMs: number }
  >();
  const running = new Map<string, Promise<Rejection | undefined>>();
  const timers = new Map<string, NodeJS.Timeout>();
  let closed = false;

  const headOf = (name: string): PushedEntry | undefined => pushed.record(name)?.entries[0];

  const later = (name: string, waitMs: number): void => {
    if (closed) return;
    clearTimeout(timers.get(name));
    const timer = setTimeout(() => void settle(name, Math.min(waitMs * 2, longestWaitMs)), waitMs);
    timers.set(name, timer.unref());
  };

  /** What is wrong may lie with this sidecar, and may pass: a compiler that ran out of time or memory. */
  const refuse = (name: string, { generation }: PushedEntry, why: Rejection): void => {
    const before = refused.get(name);
    const waitMs =
      before?.generation === generation ? Math.min(before.waitMs * 2, longestAgainMs) : firstAgainMs;
    refused.set(name, { generation, why, waitMs });
    if (closed) return;
    clearTimeout(timers.get(name));
    timers.set(name, setTimeout(() => void settle(name, firstWaitMs, true), waitMs).unref());
  };

  const bring = async (name: string, entry: PushedEntry, bytes: Uint8Array): Promise<Activation> => {
    const { override = false, reason = "", by, generation, tests } = entry;
    const activation = await bundles.arrive({
      ...{ name, origin: "push", content: { bytes } },
      ...(override ? { override: { reason, by } } : {}),
      // INVARIANT: what says who made it and how old it is, each sidecar looks at itself; whether it is good was seen once
      ...(tests === undefined ? {} : { tested: tests }),
      // one that is newer by then waits behind this one; nobody need see both
      confirm: () => Promise.resolve((inForce.get(name) ?? 0) < generation),
    });
    if (activation.kind === "activated") await took(name, entry, bytes);
    return activation;
  };

  const took = async (name: string, entry: PushedEntry, bytes: Uint8Array): Promise<void> => {
    if ((inForce.get(name) ?? 0) > entry.generation) return;
    inForce.set(name, entry.generation);
    refused.delete(name);
    clearTimeout(timers.get(name));
    await pushed.settled(name, entry, bytes);
  };

  const settleAll = async (name: string, waitMs: number, again: boolean): Promise<Rejection | undefined> => {
    let isAgain = again;
    for (;;) {
      const head = headOf(name);
      if (closed || head === undefined || (inForce.get(name) ?? 0) >= head.generation) return undefined;
      const before = refused.get(name);
      if (before?.generation === head.generation && !isAgain) return before.why;
      isAgain = false;
      const bytes = await pushed.content(name, head);
      if (bytes === undefined) {
        if (headOf(name)?.generation !== head.generation) continue;
        bundles.asked(name, { ...missing, kind: "failed" });
        later(name, waitMs);
        return missing;
      }
      const activation = await bring(name, head, bytes);
      if (activation.kind !== "rejected") continue;
      // too many came at once: that says nothing of this one
      if (activation.code === "bundle_busy") later(name, waitMs);
      else refuse(name, head, activation);
      if (headOf(name)?.generation === head.generation) return activation;
    }
  };

  const settle = (name: string, waitMs = firstWaitMs, again = false): Promise<Rejection | undefined> => {
    const before = running.get(name);
    const run = (before ?? Promise.resolve(undefined))
      .then(() => settleAll(name, waitMs, again))
      .finally(() => {
        if (running.get(name) === run) running.delete(name);
      });
    running.set(name, run);
    return run;
  };

  /** Where the head can't come into force here, the one that was before the start stays. */
  const startOne = async (name: string): Promise<void> => {
    await pushed.load(name);
    // by what is configured now it may be another matter; what is unchanged costs nothing
    inForce.delete(name);
    if ((await settle(name)) === undefined) return;
    const last = pushed.last(name);
    if (last === undefined || inForce.has(name)) return;
    const bytes = await pushed.content(name, last);
    if (bytes !== undefined) await bring(name, last, bytes);
  };

  pushed.subscribe((name) => void settle(name));

  return {
    async start() {
      await Promise.all(names().map(startOne));
    },
    settle: (name) => settle(name),
    refresh: (name) => settle(name, firstWaitMs, true),
    took,
    failed: refuse,
    inForce: (name) => inForce.get(name),
    close() {
      closed = true;
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
