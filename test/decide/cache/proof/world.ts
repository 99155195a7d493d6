/** Builds generated policies with the real toolchain, and asks them and their keyers. */
import { stringifyJson } from "../../../../sidecar/contract.js";
import type { Json } from "../../../../sidecar/contract.js";
import { activate } from "../../../../sidecar/bundles/activate.js";
import type { ActiveBundle } from "../../../../sidecar/bundles/active.js";
import { createPolicyData } from "../../../../sidecar/bundles/data-names.js";
import type { PolicyData } from "../../../../sidecar/bundles/data-names.js";
import { serveBuiltins } from "../../../../sidecar/decide/builtins/serve.js";
import { createKeyer } from "../../../../sidecar/decide/cache/key.js";
import type { KeyerOptions } from "../../../../sidecar/decide/cache/key.js";
import type { Patch } from "../../../../sidecar/decide/engine/engine.js";
import { loadPolicy } from "../../../../sidecar/decide/policy.js";
import type { BuiltBundle } from "../../../../sidecar/rego/bundle.js";
import { digestOf } from "../../../../sidecar/rego/digest.js";
import type { Toolchain } from "../../../../sidecar/rego/toolchain.js";
import type { Dialect, Policy } from "./policies.js";

export interface World {
  readonly policies: readonly Policy[];
  readonly bundle: ActiveBundle;
  /** What the keyer of an entrypoint was made of. */
  readonly keyers: ReadonlyMap<string, KeyerOptions>;
  /** Names data for keyers of other facts, as the bundle's own does for its. */
  readonly tracker: PolicyData;
  /** Policies that OPA's compiler refused. */
  readonly refused: readonly string[];
  decide(entrypoint: string, input: Json): string;
  patch(patches: readonly Patch[]): void;
}

/** Generated policies err now and then: those are left out. */
export async function createWorld(
  toolchain: Toolchain,
  made: readonly Policy[],
  dialect: Dialect,
  data: string,
  nowNs: () => bigint = () => 1_700_000_000_000_000_000n,
): Promise<World> {
  let policies = made;
  const refused: string[] = [];
  for (;;) {
    const outcome = await toolchain.build({
      files: { ...Object.assign({}, ...policies.map(({ files }) => files)), "data.json": data } as Record<
        string,
        string
      >,
      ...(dialect === "v0" ? { rego_version: 0 } : {}),
    });
    if (outcome.kind === "done") {
      const { wasm, ...rest } = outcome.result;
      const content = { ...rest, wasm: new Uint8Array(Buffer.from(wasm, "base64")), data };
      try {
        return { ...load({ ...content, digest: digestOf(content) }, nowNs), policies, refused };
      } catch (error) {
        // OPA's compiler makes modules that are none: for functions that stand in for built-ins, in some places
        const name = /"g0\.data\.(?:lib_)?([a-z]+\d+)\./.exec(String(error))?.[1];
        if (name === undefined) throw error;
        refused.push(`${name}: ${String(error)}`);
        policies = policies.filter((one) => one.name !== name);
        continue;
      }
    }
    const bad = new Set(outcome.errors.map(({ file }) => file?.split("/").at(0)));
    const rest = policies.filter(({ name }) => !bad.has(name));
    if (rest.length === policies.length) throw new Error(JSON.stringify(outcome.errors.slice(0, 3)));
    refused.push(...outcome.errors.map(({ file, row, message }) => `${file ?? ""}:${row ?? 0}: ${message}`));
    policies = rest;
  }
}

function load(built: BuiltBundle, nowNs: () => bigint): Omit<World, "policies" | "refused"> {
  const keyers = new Map<string, KeyerOptions>();
  const bundle = activate("proof", built, {
    loadPolicy: ({ wasm, data }) =>
      loadPolicy({ wasm, data, budget: 5_000_000, maxPages: 2_048, builtins: serveBuiltins(), nowNs }),
    createKeyer(options) {
      keyers.set(options.facts.path, options);
      return createKeyer(options);
    },
    now: () => 0,
  });
  const tracker = createPolicyData({ policy: bundle.policy, digest: built.digest, size: built.data.length });
  return {
    bundle,
    keyers,
    tracker,
    decide: (entrypoint, input) =>
      stringifyJson(bundle.policy.evaluate(entrypoint, input) as unknown as Json),
    patch(patches) {
      bundle.policy.patch(patches);
      tracker.changed(patches);
    },
  };
}
