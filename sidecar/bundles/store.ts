import type { BuiltBundle } from "../rego/bundle.js";
import type { Log } from "../record/log.js";
import type { ActivateParts } from "./activate.js";
import { activate, overlap } from "./activate.js";
import type { ActiveBundle, BundleSet } from "./active.js";
import type { Arrival, InForce, Prepare, Prepared } from "./arrival.js";
import { createExpiry, seal } from "./expire.js";
import type { Preparing } from "./prepare.js";
import type { Activation, Rejection } from "./activation.js";
import { factsOf, rejectionOf } from "./activation.js";
import { activateDelta, changedBy, lateDelta } from "./delta/activate.js";
import type { Applied } from "./delta/apply.js";
import type { Documents } from "./documents.js";
import { eraseUnder, spread } from "./spread.js";
export type { Activation } from "./activation.js";
export type { BundleStatus } from "./status.js";
import type { Asked, BundleStatus, Ledger } from "./status.js";
import { createLedger } from "./status.js";
import { inLine } from "./in-line.js";
import { watchPath } from "./watch-path.js";

export interface BundleSource {
  readonly name: string;
  /** A directory or a `.tar.gz`. */
  readonly path: string;
}

export interface BundleStoreParts extends ActivateParts {
  /** Where the API may write data: they lie over each policy's own. */
  readonly documents?: Documents;
  /** Those that lie at a path. */
  readonly sources: readonly BundleSource[];
  /** Names of those that come by {@link BundleStore.arrive} and are waited for. */
  readonly names?: () => readonly string[];
  readonly prepare: Prepare;
  /** Prepares what may arrive soon; see {@link BundleStore.foresee}. */
  readonly foresee?: Preparing["foresee"];
  readonly log: Log;
  readonly onActivated: (bundle: ActiveBundle) => void;
  readonly onRejected: (name: string, code: string) => void;
  /** Told until when what is in force holds, epoch milliseconds; undefined: for ever. */
  readonly onExpires?: (name: string, at: number | undefined) => void;
  /** Whether a bundle answers nothing any more once it has expired. */
  readonly isSealed?: (name: string) => boolean;
  /** Told once a bundle is over. */
  readonly onExpired?: (name: string) => void;
}

export interface BundleStore {
  /** The set in force; replaced whole, so that no request sees half of a change. */
  readonly current: () => BundleSet;
  readonly status: () => readonly BundleStatus[];
  /** Loads what changed. A bundle that can't be activated leaves the last good one in force. */
  load(): Promise<void>;
  /** Loads again on each change of a source (`--watch`). */
  watch(): void;
  /**
   * Brings what arrived into force, in the place of the one of its name; those of one name come one after the other. Never
   * rejects: what is wrong is told by a code of `codes.ts`, in the status, too.
   */
  arrive(arrival: Arrival): Promise<Activation>;
  /** Has an archive verified and compiled that may arrive soon; nothing else comes of it. Never rejects. */
  foresee(name: string, bytes: Uint8Array): Promise<void>;
  /** Takes down what a source was asked, and what came of it. */
  asked(name: string, what: Asked): void;
  /**
   * Brings a bundle that has no source into force, in the place of the one of its name; gives the reason where it
   * can't be.
   */
  put(name: string, built: BuiltBundle): Activation;
  remove(name: string): void;
  /** Looks at what arrives next as if it were new, though it may be in force: it is to be verified by other rules. */
  forget(name: string): void;
  /** Loads a bundle's policy again: it was left in the middle of a change of its data, and answers failures. */
  repair(name: string): void;
  close(): void;
}

/** Arrivals of one name that may wait for their turn. */
const mostWaiting = 8;

/** Holds the active bundles and brings new versions into force. */
export function createBundleStore(parts: BundleStoreParts): BundleStore {
  const { documents, names = () => [] } = parts;
  const ledger: Ledger = createLedger(parts.now);
  let set: BundleSet = { bundles: [] };
  /** What is in force, for what is made of it: changes, and the same loaded again. */
  const held = new Map<string, InForce>();
  const watchers: { close(): void }[] = [];
  let loading: Promise<void> | undefined;
  let again = false;
  let closed = false;

  const reject = (name: string, rejection: Rejection): Activation => {
    const { code, message, errors = [] } = rejection;
    ledger.rejected(name, { code, message, errors });
    parts.onRejected(name, code);
    const active = set.bundles.find((bundle) => bundle.name === name);
    parts.log.error("bundle rejected", {
      bundle: name,
      code,
      reason: message,
      errors: errors.slice(0, 10),
      still_active: active?.revision ?? "none",
    });
    return rejection;
  };

  const othersThan = (name: string): ActiveBundle[] => set.bundles.filter((other) => other.name !== name);
  const clashOf = (bundle: ActiveBundle): Activation | undefined => {
    const clash = overlap([...othersThan(bundle.name), bundle]);
    return clash === undefined
      ? undefined
      : { kind: "rejected", code: "roots_overlap", message: `the roots of ${clash} overlap` };
  };

  /** INVARIANT: nothing waits in here, so that decisions and changes of data see the set before or after, whole. */
  const bringIn = (bundle: ActiveBundle): Activation => {
    const { name } = bundle;
    const clash = clashOf(bundle);
    if (clash !== undefined) return clash;
    const others = othersThan(name);
    const erased = documents === undefined ? undefined : eraseUnder(documents, bundle.roots, others);
    const patches = documents?.patchesFor(bundle.roots) ?? [];
    if (spread(patches, [bundle]).length > 0) {
      erased?.undo();
      return {
        kind: "rejected",
        code: "activation_failed",
        message: "the data written through the API don't fit",
      };
    }
    set = { bundles: [...others, bundle] };
    if (erased !== undefined) {
      parts.log.warn("data written through the API gave way to a bundle", { bundle: name });
      for (const broken of spread(erased.patches, others)) repair(broken);
    }
    parts.onActivated(bundle);
    parts.log.info("bundle activated", { bundle: name, revision: bundle.revision, digest: bundle.digest });
    return { kind: "activated", changed: true };
  };

  /** Changes the data of what is in force where they lie. INVARIANT: as {@link bringIn}. */
  const changeInPlace = (name: string, changes: Applied): Activation => {
    const active = set.bundles.find((bundle) => bundle.name === name);
    const outcome = active === undefined ? undefined : activateDelta(active, changes, parts.now);
    // what was left half changed is loaded whole
    if (outcome === undefined || outcome.kind === "broken") return bringBuilt(name, changes.bundle);
    if (outcome.kind === "rejected") return rejectionOf(outcome);
    const { bundle } = outcome;
    set = { bundles: set.bundles.map((one) => (one.name === name ? bundle : one)) };
    parts.onActivated(bundle);
    parts.log.info("bundle changed", { bundle: name, revision: bundle.revision, digest: bundle.digest });
    return { kind: "activated", changed: true };
  };

  /** Brings in what was built, as it is. */
  const bringBuilt = (name: string, built: BuiltBundle): Activation => {
    try {
      return bringIn(activate(name, built, parts));
    } catch (error) {
      const message = error instanceof Error ? error.message : "the policy could not be loaded";
      return { kind: "rejected", code: "activation_failed", message };
    }
  };

  const expiry = createExpiry({
    now: parts.now,
    onSoon(name, left) {
      const hours = Math.ceil(left / 3_600_000);
      parts.log.warn("bundle expires soon", { bundle: name, code: "bundle_expired", hours });
    },
    onExpired(name, at) {
      const isSealed = parts.isSealed?.(name) === true;
      if (isSealed)
        set = { bundles: set.bundles.map((bundle) => (bundle.name === name ? seal(bundle) : bundle)) };
      const message = `it expired at ${new Date(at).toISOString()}, and ${isSealed ? "answers nothing any more" : "still answers"}: give a newer one`;
      ledger.warn(name, { code: "bundle_expired", message });
      parts.log.error("bundle expired", { bundle: name, code: "bundle_expired", answers: !isSealed });
      parts.onExpired?.(name);
    },
  });

  /** INVARIANT: two bundles are kept and brought in one after the other, so that what is kept is what may be in force. */
  const commit = inLine();
  const bringPrepared = (arrival: Arrival, prepared: Prepared): Promise<Activation> =>
    commit(async () => {
      const { name, origin } = arrival;
      const { built, policy, changes } = prepared;
      const inPlace = policy === undefined && !expiry.isExpired(name) ? changes : undefined;
      const before = set.bundles.find((one) => one.name === name);
      const bundle =
        inPlace !== undefined && before !== undefined
          ? changedBy(before, inPlace, parts.now)
          : activate(name, built, parts, policy);
      if (inPlace !== undefined && before?.digest !== inPlace.base) return rejectionOf(lateDelta);
      const clash = clashOf(bundle);
      if (clash !== undefined) return clash;
      if (!prepared.isCurrent()) return outdated;
      if ((await arrival.confirm?.(prepared)) === false) return { kind: "declined" };
      const kept = await prepared.keep();
      if (kept.kind === "rejected") return rejectionOf(kept);
      const bringKept = (): Activation => {
        if (closed) return stopping;
        // INVARIANT: what a key verified that was taken away meanwhile, or what isn't configured any more, doesn't come
        if (!prepared.isCurrent()) return outdated;
        return inPlace === undefined ? bringIn(bundle) : changeInPlace(name, inPlace);
      };
      const activation = bringKept();
      if (activation.kind !== "activated") {
        // INVARIANT: what isn't in force marks no version, and isn't what a restart finds
        await kept.undo();
        return activation;
      }
      const facts = factsOf(prepared);
      held.set(name, { ...facts, digest: built.digest, ...(origin === "path" ? {} : { built }) });
      const { override, tests } = prepared;
      ledger.activated(name, { ...facts, origin, ...(override === undefined ? {} : { override }) });
      expiry.set(name, facts.expires);
      parts.onExpires?.(name, facts.expires);
      if (override !== undefined) {
        const version = facts.version ?? "none";
        parts.log.warn("an operator's word let an older bundle in", { bundle: name, version, ...override });
      }
      if (kept.kind === "unkept") {
        ledger.warn(name, { code: "keep_failed", message: kept.message });
        parts.log.error("bundle not kept", { bundle: name, code: "keep_failed", reason: kept.message });
      }
      await kept.done();
      const { revision } = bundle;
      return { ...activation, facts: { ...facts, revision, ...(tests === undefined ? {} : { tests }) } };
    });

  const turns = new Map<string, ReturnType<typeof inLine>>();
  const waiting = new Map<string, number>();
  const arrive = async (arrival: Arrival, force = false): Promise<Activation> => {
    const { name } = arrival;
    const before = waiting.get(name) ?? 0;
    if (before >= mostWaiting)
      return reject(name, {
        kind: "rejected",
        code: "bundle_busy",
        message: "too many wait already: try later",
      });
    waiting.set(name, before + 1);
    let turn = turns.get(name);
    if (turn === undefined) turns.set(name, (turn = inLine()));
    try {
      return await turn(() => arriveNow(arrival, force));
    } finally {
      waiting.set(name, (waiting.get(name) ?? 1) - 1);
    }
  };
  const arriveNow = async (arrival: Arrival, force: boolean): Promise<Activation> => {
    const { name } = arrival;
    const prepared = await parts.prepare(arrival, force ? undefined : held.get(name));
    if (prepared.kind === "rejected") return reject(name, rejectionOf(prepared));
    if (prepared.kind === "unchanged") {
      if (!expiry.isExpired(name)) ledger.settled(name);
      return { kind: "activated", changed: false };
    }
    const activation = await bringPrepared(arrival, prepared);
    return activation.kind === "rejected" ? reject(name, activation) : activation;
  };
  const loadOne = ({ name, path }: BundleSource, force = false): Promise<Activation> =>
    arrive({ name, origin: "path", content: { path } }, force);

  const repair = (name: string): void => {
    parts.log.error("a policy's data were left half changed: it answers failures until it is loaded again", {
      bundle: name,
    });
    const built = held.get(name)?.built;
    const source = parts.sources.find((one) => one.name === name);
    if (built !== undefined) {
      const activation = bringBuilt(name, built);
      if (activation.kind === "rejected") reject(name, activation);
    } else if (source !== undefined) void loadOne(source, true);
  };

  const load = async (): Promise<void> => {
    if (loading !== undefined) {
      again = true;
      return loading;
    }
    loading = (async () => {
      do {
        again = false;
        for (const source of parts.sources) await loadOne(source);
      } while (again);
    })();
    try {
      await loading;
    } finally {
      loading = undefined;
    }
  };

  return {
    current() {
      expiry.check();
      return set;
    },
    status: () =>
      [...new Set([...parts.sources.map(({ name }) => name), ...names()])].map((name) =>
        ledger.statusOf(
          name,
          set.bundles.find((bundle) => bundle.name === name),
        ),
      ),
    load,
    watch() {
      for (const { path } of parts.sources) watchers.push(watchPath(path, () => void load()));
    },
    arrive: (arrival) => arrive(arrival),
    foresee: (name, bytes) => parts.foresee?.(name, { bytes }, held.get(name)) ?? Promise.resolve(),
    asked: ledger.asked,
    put(name, built) {
      const activation = bringBuilt(name, built);
      if (activation.kind === "activated")
        held.set(name, { ...unknown, built, digest: built.digest, contentDigest: built.digest });
      return activation;
    },
    remove(name) {
      held.delete(name);
      expiry.set(name, undefined);
      set = { bundles: set.bundles.filter((bundle) => bundle.name !== name) };
    },
    forget(name) {
      const before = held.get(name);
      if (before === undefined) return;
      const { archiveDigest: _known, ...rest } = before;
      held.set(name, { ...rest, contentDigest: "" });
    },
    repair,
    close() {
      closed = true;
      expiry.close();
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };
}

const stopping: Activation = {
  kind: "rejected",
  code: "activation_failed",
  message: "the sidecar is stopping",
};
const outdated: Activation = {
  kind: "rejected",
  code: "activation_failed",
  message: "its configuration changed while it was looked at: it has to come again",
};
const unknown = { verified: { signed: false }, type: "snapshot", size: 0 } as const;
