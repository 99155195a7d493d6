import type { BuiltBundle } from "./bundle.js";
import { packEntries } from "./pack.js";
import { metadataKey, placeOfFirst } from "./read-compiled.js";
import { digestOfModule } from "./read-facts.js";

/**
 * Writes a built bundle as `.tar.gz` in OPA's layout, which OPA loads, too: `/.manifest`, `/data.json`, `/policy.wasm`,
 * and its other modules at their places.
 * The manifest's `metadata.countersign` carries what only the compiler knows. The same bundle gives the same bytes.
 */
export function writeBundle(bundle: BuiltBundle): Uint8Array {
  const { wasm, more, manifest, data, entrypoints, rules, builtins } = bundle;
  const others = more?.map(({ place, wasm: module, firstRule }) => ({
    place,
    module: digestOfModule(module),
    firstRule,
  }));
  const described = {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      [metadataKey]: { module: digestOfModule(wasm), more: others, entrypoints, rules, builtins },
    },
  };
  return packEntries([
    ["data.json", Buffer.from(data)],
    [placeOfFirst(bundle), wasm],
    ...(more ?? []).map(({ place, wasm: module }) => [place, module] as const),
    [".manifest", Buffer.from(JSON.stringify(described))],
  ]);
}
