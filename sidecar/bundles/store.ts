import { watch } from "node:fs";
import type { BuildError, BuildOutcome } from "../rego/bundle.js";
import type { Log } from "../record/log.js";
import type { ActivateParts } from "./activate.js";
import { activate, overlap } from "./activate.js";
import type { ActiveBundle, BundleSet } from "./active.js";

export interface BundleSource {
  readonly name: string;
  /** A directory or a `.tar.gz`. */
  readonly path: string;
}

export interface BundleStatus {
  readonly name: string;
  readonly active_revision?: string;
  readonly last_successful_activation?: string;
  /** Set while the newest version could not be activated; the one before it still answers. */
  readonly code?: string;
  readonly message?: string;
  readonly errors?: readonly BuildError[];
}

export interface BundleStoreParts extends ActivateParts {
  readonly sources: readonly BundleSource[];
  readonly compile: (path: string) => Promise<BuildOutcome>;
  readonly log: Log;
  readonly onActivated: (bundle: ActiveBundle) => void;
  readonly onRejected: (name: string) => void;
}

export interface BundleStore {
  /** The set in force; replaced whole, so that no request sees half of a change. */
  readonly current: () => BundleSet;
  readonly status: () => readonly BundleStatus[];
  /** Loads what changed. A bundle that can't be activated leaves the last good one in force. */
  load(): Promise<void>;
  /** Loads again on each change of a source (`--watch`). */
  watch(): void;
  close(): void;
}

/** Holds the active bundles and brings new versions into force. */
export function createBundleStore(parts: BundleStoreParts): BundleStore {
  let set: BundleSet = { bundles: [] };
  const problems = new Map<string, Pick<BundleStatus, "code" | "message" | "errors">>();
  const watchers: { close(): void }[] = [];
  let loading: Promise<void> | undefined;
  let again = false;

  const reject = (name: string, code: string, message: string, errors: readonly BuildError[] = []): void => {
    problems.set(name, { code, message, errors });
    parts.onRejected(name);
    const kept = set.bundles.find((bundle) => bundle.name === name);
    parts.log.error("bundle rejected", {
      bundle: name,
      code,
      reason: message,
      errors: errors.slice(0, 10),
      still_active: kept?.revision ?? "none",
    });
  };

  const loadOne = async ({ name, path }: BundleSource): Promise<void> => {
    const outcome = await parts.compile(path);
    if (outcome.kind === "rejected") {
      const [first] = outcome.errors;
      const place = first?.file === undefined ? "" : `${first.file}:${first.row ?? 0}: `;
      return reject(name, "build_failed", `${place}${first?.message ?? "the build failed"}`, outcome.errors);
    }
    const before = set.bundles.find((bundle) => bundle.name === name);
    if (before?.digest === outcome.bundle.digest) {
      problems.delete(name);
      return;
    }
    try {
      const bundle = activate(name, outcome.bundle, parts);
      const next = [...set.bundles.filter((other) => other.name !== name), bundle];
      const clash = overlap(next);
      if (clash !== undefined) return reject(name, "roots_overlap", `the roots of ${clash} overlap`);
      set = { bundles: next };
      problems.delete(name);
      parts.onActivated(bundle);
      parts.log.info("bundle activated", { bundle: name, revision: bundle.revision, digest: bundle.digest });
    } catch (error) {
      reject(
        name,
        "activation_failed",
        error instanceof Error ? error.message : "the policy could not be loaded",
      );
    }
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
    current: () => set,
    status: () =>
      parts.sources.map(({ name }) => {
        const active = set.bundles.find((bundle) => bundle.name === name);
        return {
          name,
          ...(active === undefined
            ? {}
            : {
                active_revision: active.revision,
                last_successful_activation: new Date(active.activatedAt).toISOString(),
              }),
          ...problems.get(name),
        };
      }),
    load,
    watch() {
      for (const { path } of parts.sources) {
        let timer: NodeJS.Timeout | undefined;
        // editors write in several steps: settle first
        watchers.push(
          watch(path, { recursive: true }, () => {
            clearTimeout(timer);
            timer = setTimeout(() => void load(), 100);
            timer.unref();
          }),
        );
      }
    },
    close() {
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };
}
