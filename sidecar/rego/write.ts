import { gzipSync } from "node:zlib";
import type { BuiltBundle } from "./bundle.js";
import { metadataKey, placeOfFirst } from "./read-compiled.js";
import { digestOfModule } from "./read-facts.js";

const block = 512;

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
  const tar = Buffer.concat([
    ...entry("/data.json", Buffer.from(data)),
    ...entry(`/${placeOfFirst(bundle)}`, wasm),
    ...(more ?? []).flatMap(({ place, wasm: module }) => entry(`/${place}`, module)),
    ...entry("/.manifest", Buffer.from(JSON.stringify(described))),
    Buffer.alloc(2 * block),
  ]);
  const packed = gzipSync(tar, { level: 9 });
  // the header names the operating system; 255 is "unknown" (RFC 1952)
  packed[9] = 255;
  return packed;
}

function entry(name: string, body: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  };
  header.write(name, 0, "latin1");
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(body.byteLength, 124, 12);
  octal(0, 136, 12);
  header.write("        ", 148, "latin1");
  header.write("0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [header, body, Buffer.alloc((block - (body.byteLength % block)) % block)];
}
