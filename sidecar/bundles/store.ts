import type { BuildError, BuildOutcome, BuiltBundle } from "../rego/bundle.js";
import type { Log } from "../record/log.js";
import type { ActivateParts } from "./activate.js";
import { activate, overlap } from "./activate.js";
import type { ActiveBundle, BundleSet } from "./active.js";
import type { Documents } from "./documents.js";
import { eraseUnder, spread } from "./spread.js";
import { watchPath } from "./watch-path.js";

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
  /** Where the API may write data: they lie over each policy's own. */
  readonly documents?: Documents;
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
  /**
   * Brings a bundle that has no source into force, in the place of the one of its name; gives the reason where it
   * can't be.
   */
  put(name: string, built: BuiltBundle): Activation;
  remove(name: string): void;
  /** Loads a bundle's policy again: it was left in the middle of a change of its data, and answers failures. */
  repair(name: string): void;
  close(): void;
}

export type Activation =
  | { readonly kind: "activated" }
  | {
      readonly kind: "rejected";
      readonly code: string;
      readonly message: string;
      readonly errors?: readonly BuildError[];
    };

/** Holds the active bundles and brings new versions into force. */
export function createBundleStore(parts: BundleStoreParts): BundleStore {
  const { documents } = parts;
  let set: BundleSet = { bundles: [] };
  const problems = new Map<string, Pick<BundleStatus, "code" | "message" | "errors">>();
  /** Bundles without a source, to be loaded again from. */
  const kept = new Map<string, BuiltBundle>();
  const watchers: { close(): void }[] = [];
  let loading: Promise<void> | undefined;
  let again = false;

  const reject = (name: string, code: string, message: string, errors: readonly BuildError[] = []): void => {
    problems.set(name, { code, message, errors });
    parts.onRejected(name);
    const active = set.bundles.find((bundle) => bundle.name === name);
    parts.log.error("bundle rejected", {
      bundle: name,
      code,
      reason: message,
      errors: errors.slice(0, 10),
      still_active: active?.revision ?? "none",
    });
  };

  /** INVARIANT: nothing waits in here, so that decisions and changes of data see the set before or after, whole. */
  const bringIn = (name: string, built: BuiltBundle): Activation => {
    try {
      const bundle = activate(name, built, parts);
      const others = set.bundles.filter((other) => other.name !== name);
      const clash = overlap([...others, bundle]);
      if (clash !== undefined)
        return { kind: "rejected", code: "roots_overlap", message: `the roots of ${clash} overlap` };
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
      return { kind: "activated" };
    } catch (error) {
      const errors = missingBuiltins(error, built);
      const [first] = errors;
      const place = first?.file === undefined ? "" : `${first.file}:${first.row ?? 0}: `;
      const message = error instanceof Error ? error.message : "the policy could not be loaded";
      return { kind: "rejected", code: "activation_failed", message: place + message, errors };
    }
  };

  const loadOne = async ({ name, path }: BundleSource, force = false): Promise<void> => {
    const outcome = await parts.compile(path);
    if (outcome.kind === "rejected") {
      const [first] = outcome.errors;
      const place = first?.file === undefined ? "" : `${first.file}:${first.row ?? 0}: `;
      return reject(name, "build_failed", `${place}${first?.message ?? "the build failed"}`, outcome.errors);
    }
    const before = set.bundles.find((bundle) => bundle.name === name);
    if (!force && before?.digest === outcome.bundle.digest) {
      problems.delete(name);
      return;
    }
    const activation = bringIn(name, outcome.bundle);
    if (activation.kind === "rejected") reject(name, activation.code, activation.message, activation.errors);
    else problems.delete(name);
  };

  const repair = (name: string): void => {
    parts.log.error("a policy's data were left half changed: it answers failures until it is loaded again", {
      bundle: name,
    });
    const built = kept.get(name);
    const source = parts.sources.find((one) => one.name === name);
    if (built !== undefined) {
      const activation = bringIn(name, built);
      if (activation.kind === "rejected")
        reject(name, activation.code, activation.message, activation.errors);
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
      for (const { path } of parts.sources) watchers.push(watchPath(path, () => void load()));
    },
    put(name, built) {
      const activation = bringIn(name, built);
      if (activation.kind === "activated") kept.set(name, built);
      return activation;
    },
    remove(name) {
      kept.delete(name);
      set = { bundles: set.bundles.filter((bundle) => bundle.name !== name) };
    },
    repair,
    close() {
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };
}

/** Says where the policy calls the built-ins for whose lack it was refused. */
function missingBuiltins(error: unknown, { builtins = [] }: BuiltBundle): BuildError[] {
  const missing = (error as { missing?: unknown } | null)?.missing;
  if (!Array.isArray(missing)) return [];
  return builtins
    .filter(({ name }) => missing.includes(name))
    .map(({ name, file, row, col }) => ({
      code: "builtin_unavailable",
      message: `${name} is not available`,
      file,
      row,
      col,
    }));
}
