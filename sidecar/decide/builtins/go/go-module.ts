/** The reactor's module: metered when it was built, or else when it is loaded. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addFuel, hasFuel } from "../../fuel.js";
import { withMemoryLimit } from "../../limit-memory.js";

/** Where `make build` puts it. */
export const builtinsWasm = fileURLToPath(new URL("../../../rego/toolchain/builtins.wasm", import.meta.url));
/** As metered: 256 MiB. */
const builtPages = 4_096;

/** Adds fuel, a memory maximum, and names for its variables. */
export function meter(wasm: Uint8Array): Uint8Array {
  return addFuel(wasm, { maxPages: builtPages, variables: true });
}

/** Compiles the reactor. @throws Error where the file is missing or holds another module */
export function loadGoModule(path = builtinsWasm, maxPages = builtPages): WebAssembly.Module {
  const read = readFileSync(path);
  const wasm = hasFuel(read) ? read : meter(read);
  return new WebAssembly.Module(maxPages === builtPages ? wasm : withMemoryLimit(wasm, maxPages));
}
