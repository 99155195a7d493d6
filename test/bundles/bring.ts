/** A bundle store with all that bundles go through, without a server around it. */
import { loadModules } from "../../sidecar/bundles/activate.js";
import type { BundleConfig } from "../../sidecar/bundles/config.js";
import type { Documents } from "../../sidecar/bundles/documents.js";
import { createKeep } from "../../sidecar/bundles/keep/keep.js";
import type { Keep } from "../../sidecar/bundles/keep/keep.js";
import type { BundleStore } from "../../sidecar/bundles/store.js";
import { createBundleStore } from "../../sidecar/bundles/store.js";
import type { Json } from "../../sidecar/contract.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Loaded } from "../../sidecar/decide/engine/load.js";
import { createModuleCache } from "../../sidecar/decide/engine/modules.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { BuiltBundle } from "../../sidecar/rego/bundle.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createLoadAside } from "../../sidecar/wire/load-aside.js";
import { wirePrepare } from "../../sidecar/wire/prepare.js";
import { tarGz } from "../rego/tar.js";

const maxPages = 4_096;
export const verifyNothing = { tests: false, version: false, expires: false };

export function configOf(name: string, more: Partial<BundleConfig> = {}): BundleConfig {
  return {
    name,
    from: { kind: "push", unsigned: true },
    polling: { minDelayMs: 1, maxDelayMs: 1 },
    trigger: "manual",
    persist: false,
    sizeLimitBytes: 2 ** 20,
    verify: verifyNothing,
    ...more,
  };
}

export interface Brought {
  readonly store: BundleStore;
  readonly rejected: [name: string, code: string][];
  readonly expires: [name: string, at: number | undefined][];
  readonly logged: { readonly level: string; readonly message: string; readonly fields?: unknown }[];
  readonly keep: Keep | undefined;
  clock: number;
  /** Gives what the bundle in force answers. */
  ask(name: string, entrypoint: string, input?: Json): unknown;
  close(): Promise<void>;
}

export function bring(parts: {
  readonly toolchain: Toolchain;
  readonly bundles: readonly BundleConfig[];
  readonly directory?: string;
  /** Where compiled bundles are kept. */
  readonly cacheDir?: string;
  readonly documents?: Documents;
  readonly clock?: number;
}): Brought {
  const { toolchain, bundles, directory, documents } = parts;
  const rejected: Brought["rejected"] = [];
  const expires: Brought["expires"] = [];
  const logged: { level: string; message: string; fields?: unknown }[] = [];
  const note =
    (level: string) =>
    (message: string, fields?: unknown): void => {
      logged.push({ level, message, fields });
    };
  const log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const now = (): number => brought.clock;
  const configured = (name: string): BundleConfig | undefined => bundles.find((one) => one.name === name);
  const keep = directory === undefined ? undefined : createKeep(directory);
  const modules = createModuleCache();
  const aside = createLoadAside({ modules, maxPages });
  const load = ({ wasm, data }: Pick<BuiltBundle, "wasm" | "data">, loaded?: Loaded): Policy =>
    loadPolicy({
      ...{ wasm, data, budget: 1_000_000, maxPages, compile: modules.compile },
      ...(loaded === undefined ? {} : { loaded }),
      builtins: serveBuiltins({ labels: {}, print: () => undefined }),
    });
  const wired = wirePrepare({
    ...{ toolchain, testing: toolchain, cacheDir: parts.cacheDir },
    ...{ now, keep, entrypoint: "app/allow", admissionOf: configured, keys: () => new Map() },
    load: async (built) => {
      const large = await aside.load(built);
      return loadModules(built, (one) => load(one, large.get(one.wasm)));
    },
  });
  const store = createBundleStore({
    ...{ sources: [], prepare: wired.prepare, foresee: wired.foresee },
    ...{ loadPolicy: load, createKeyer, now, log },
    ...(documents === undefined ? {} : { documents }),
    names: () => bundles.map(({ name }) => name),
    isSealed: (name) => configured(name)?.verify.expires === true,
    onActivated: () => undefined,
    onRejected: (name, code) => void rejected.push([name, code]),
    onExpires: (name, at) => void expires.push([name, at]),
  });
  const brought: Brought = {
    ...{ store, rejected, expires, logged, keep },
    clock: parts.clock ?? Date.parse("2026-11-22T00:00:00Z"),
    ask(name, entrypoint, input = {}) {
      const bundle = store.current().bundles.find((one) => one.name === name);
      const answer = bundle?.policy.evaluate(entrypoint, input);
      return answer?.kind === "value" ? answer.value : (answer?.kind ?? "none");
    },
    async close() {
      store.close();
      await aside.close();
      await wired.close();
    },
  };
  return brought;
}

export interface Shape {
  readonly rego?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly roots?: readonly string[];
  readonly revision?: string;
  readonly metadata?: unknown;
}

export const allowAnn = `package app

# METADATA
# entrypoint: true
default allow := false

allow if input.user == "ann"
`;

/** An archive of `package app`. */
export function bundleOf({
  rego = allowAnn,
  files = {},
  roots = ["app"],
  revision,
  metadata,
}: Shape = {}): Uint8Array {
  const manifest = {
    roots,
    ...(revision === undefined ? {} : { revision }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  const all = { ".manifest": JSON.stringify(manifest), "app/app.rego": rego, ...files };
  return tarGz(Object.entries(all).map(([name, body]) => ({ name, body })));
}
