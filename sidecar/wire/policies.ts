/** Wires what policies are read, compiled, kept and evaluated by. */
import { loadModules } from "../bundles/activate.js";
import { createDocuments } from "../bundles/documents.js";
import type { Documents } from "../bundles/documents.js";
import type { BundleStore } from "../bundles/store.js";
import { createKeep } from "../bundles/keep/keep.js";
import { createBundleStore } from "../bundles/store.js";
import type { SidecarConfig } from "../config.js";
import { createNetwork } from "../decide/builtins/network/network.js";
import { serveBuiltins } from "../decide/builtins/serve.js";
import type { Outcome, Preparation, Prepared } from "../decide/cache/cache.js";
import { connectCache } from "../decide/cache/connect.js";
import { createKeyer } from "../decide/cache/key.js";
import type { Tally } from "../decide/cache/tally.js";
import { createWarm } from "../decide/cache/warm.js";
import type { Clock } from "../decide/clock.js";
import type { Loaded } from "../decide/engine/load.js";
import { createModuleCache } from "../decide/engine/modules.js";
import type { Evaluate } from "../decide/evaluate.js";
import { createEvaluate } from "../decide/evaluate.js";
import type { Policy } from "../decide/policy.js";
import { loadPolicy } from "../decide/policy.js";
import type { Epochs } from "../state/epochs/epochs.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import type { BuiltBundle } from "../rego/bundle.js";
import type { Toolchain } from "../rego/toolchain.js";
import { createToolchain } from "../rego/toolchain.js";
import type { Feeds } from "./bundles.js";
import { createFeeds } from "./bundles.js";
import { createLoadAside } from "./load-aside.js";
import { wirePrepare } from "./prepare.js";

export interface PolicyParts {
  readonly epochs: Pick<Epochs, "listening" | "subscribe">;
  /** Told that policies or data are others now. */
  readonly news: { readonly changed: () => void };
  readonly config: SidecarConfig;
  /** Paths of bundles; `name=path` names one. */
  readonly sources: readonly string[];
  readonly cacheDir?: string | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

export interface Policies {
  readonly toolchain: Toolchain;
  readonly bundles: BundleStore;
  /** Where configured bundles come from. */
  readonly feeds: Feeds;
  /**
   * Brings bundles in.
   * @throws Error where one that was given as a path can't be activated, or others may write what is kept on disk
   */
  start(): Promise<void>;
  /** Is told whenever a bundle's status may be another; gives what ends that. */
  readonly subscribe: (changed: () => void) => () => void;
  /** Where the API may write. */
  readonly documents: Documents | undefined;
  readonly evaluate: Evaluate;
  /** What became of an entrypoint's lookups; absent where there were none. */
  readonly tally: (entrypoint: string) => Tally | undefined;
  /** Adds a kind of thing that is kept with results; it is made anew each time where nothing is. */
  readonly prepare: <T>(make: (outcome: Outcome) => Prepared<T>) => Preparation<T>;
  close(): Promise<void>;
}

const pageBytes = 65_536;
/** Name of the bundle that policies written through the API make. */
export const apiBundle = "api";

/** @throws Error where a bundle has the name of the API's own */
export function openPolicies(parts: PolicyParts): Policies {
  const { config, metrics, log, clock, micros, epochs, news } = parts;
  const { now } = clock;
  const toolchain = createToolchain({});
  const maxPages = (config.decision.maxMemoryMb * 2 ** 20) / pageBytes;
  const { allowNet } = config.decision;
  const network = allowNet.length === 0 ? undefined : createNetwork({ hosts: allowNet });
  const modules = createModuleCache();
  const aside = createLoadAside({ modules, maxPages });
  const resolveBuiltin = serveBuiltins({
    labels: config.labels,
    print: (line) => {
      log.debug("print", { line });
    },
    ...(network === undefined ? {} : { network: network.builtins }),
  });
  const documents = config.api.writes ? noticed(createDocuments(), news.changed) : undefined;
  const sources = parts.sources.map(sourceOf);
  const given = [...sources, ...config.bundles.bundles].map(({ name }) => name);
  const twice = given.find((name, i) => given.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`two bundles are named ${twice}`);
  if (documents !== undefined && given.includes(apiBundle)) {
    throw new Error(`with api.writes no bundle may be named ${apiBundle}`);
  }
  const strict = config.decision.strictBuiltinErrors;
  const { enabled, warm: most } = config.cache;
  const warm = enabled && most > 0 ? createWarm(most, micros) : undefined;
  const load = ({ wasm, data }: Pick<BuiltBundle, "wasm" | "data">, loaded?: Loaded): Policy => {
    const policy = loadPolicy({
      wasm,
      data,
      budget: config.decision.budget,
      maxPages,
      builtins: resolveBuiltin,
      compile: modules.compile,
      ...(loaded === undefined ? {} : { loaded }),
      // the clock that says how long a result is kept
      nowNs: () => BigInt(now()) * 1_000_000n,
    });
    return strict ? strictly(policy) : policy;
  };
  const { persistenceDirectory } = config.bundles;
  const keep = persistenceDirectory === undefined ? undefined : createKeep(persistenceDirectory);
  const wired = wirePrepare({
    ...{ toolchain, now, keep, cacheDir: parts.cacheDir, entrypoint: config.decision.entrypoint },
    admissionOf: (name) => feeds.configOf(name),
    keys: () => feeds.keys(),
    load: async (built) => {
      const large = await aside.load(built);
      return loadModules(built, (one) => load(one, large.get(one.wasm)));
    },
    viewOf: (digest) => bundles.current().bundles.find((one) => one.digest === digest)?.policy,
  });
  const bundles = createBundleStore({
    ...{ sources, prepare: wired.prepare, foresee: wired.foresee },
    ...{ loadPolicy: load, names: () => feeds.names() },
    isSealed: (name) => feeds.configOf(name)?.verify.expires === true,
    onExpired: news.changed,
    onExpires: metrics.bundleExpires,
    ...(documents === undefined ? {} : { documents }),
    createKeyer: (keyed) => {
      const policyDigest = strict ? `strict ${keyed.policyDigest}` : keyed.policyDigest;
      const key = createKeyer({ ...keyed, policyDigest });
      // what METADATA lets be kept may be no function of its key: without news of bumps it might outlive one
      const isWished = keyed.facts.cache?.ttl !== undefined;
      if (!isWished && keyed.facts.clock === undefined) return key;
      return (input, asker) => {
        const made = isWished && !epochs.listening() ? undefined : key(input, asker);
        // what was made before the clock was set back says nothing of the time that it is now
        return made === undefined ? undefined : clock.turn() + made;
      };
    },
    now,
    log,
    onActivated: (bundle) => {
      const { name, revision, activatedAt, entrypoints } = bundle;
      news.changed();
      warm?.activated(bundle, evaluate);
      metrics.bundleActivated({ name, revision, at: activatedAt, entrypoints: [...entrypoints.keys()] });
    },
    onRejected: metrics.bundleRejected,
  });

  const told = new Set<() => void>();
  const tell = (): void => {
    for (const changed of told) changed();
  };
  const watched: BundleStore = {
    ...bundles,
    async arrive(arrival) {
      const activation = await bundles.arrive(arrival);
      tell();
      return activation;
    },
    asked(name, what) {
      bundles.asked(name, what);
      tell();
    },
    remove(name) {
      bundles.remove(name);
      news.changed();
      tell();
    },
  };
  const feeds = createFeeds({
    ...{ bundles: watched, log, now, onAsked: metrics.bundleAsked, onDamaged: metrics.bundleRejected },
    ...(keep === undefined ? {} : { keep }),
  });

  const cache = config.cache.enabled
    ? connectCache({
        ...{ config: config.cache, now, micros, log, ready: epochs.listening },
        onL2: metrics.cache.l2,
      })
    : undefined;
  if (cache !== undefined) metrics.cache.readChoices(cache.choices);
  epochs.subscribe(({ kind }) => {
    if (kind === "missed") cache?.clear();
  });
  const evaluate = createEvaluate({
    ...(cache === undefined ? {} : { cache }),
    cacheTtl: config.cache.ttl,
    denyTtl: config.cache.denyTtl,
    ...(warm === undefined ? {} : { warm }),
    now,
    micros,
  });
  return {
    toolchain,
    bundles: watched,
    feeds,
    subscribe(changed) {
      told.add(changed);
      return () => told.delete(changed);
    },
    async start() {
      await keep?.open();
      await bundles.load();
      const names = new Set(sources.map(({ name }) => name));
      const failed = bundles
        .status()
        .filter(({ name, active_revision: revision }) => names.has(name) && revision === undefined);
      if (failed.length > 0)
        throw new Error(
          failed.map(({ name, message }) => `bundle ${name}: ${message ?? "not activated"}`).join("\n"),
        );
      await feeds.configure(config.bundles);
    },
    documents,
    evaluate,
    tally: (entrypoint) => cache?.tallies().get(entrypoint),
    prepare: cache?.prepare ?? ((make) => (outcome) => make(outcome).value),
    async close() {
      await feeds.close();
      await network?.close();
      await cache?.close();
      await aside.close();
      await wired.close();
      await toolchain.close();
    },
  };
}

/** The same documents; tells of each change before it is in force, and after: what was decided in between is told of, too. */
function noticed(documents: Documents, changed: () => void): Documents {
  return {
    ...documents,
    change(operations, isObjectElsewhere) {
      const outcome = documents.change(operations, isObjectElsewhere);
      changed();
      setImmediate(changed);
      return outcome;
    },
  };
}

/** The same policy; an error of a built-in fails each evaluation. */
function strictly(policy: Policy): Policy {
  return {
    ...policy,
    evaluate: (entrypoint, input, given) =>
      policy.evaluate(entrypoint, input, { ...given, strictBuiltinErrors: true }),
  };
}

function sourceOf(text: string, index: number): { name: string; path: string } {
  const match = /^([\w.-]+)=(.+)$/.exec(text);
  const [, name, path] = match ?? [];
  return { name: name ?? (index === 0 ? "default" : `bundle-${index}`), path: path ?? text };
}
