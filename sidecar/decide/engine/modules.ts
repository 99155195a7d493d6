import { createHash } from "node:crypto";
import { instead } from "../builtins/instead/functions.js";
import { addFuel } from "../fuel.js";
import { addInstead, moduleFunctions } from "./instead.js";
import { addOrder } from "./order.js";
import { guardUpsert } from "./upsert.js";

/** Makes a module that the engine can load out of what the compiler wrote. */
export type CompileModule = (wasm: Uint8Array) => WebAssembly.Module;

/** Adds what the engine needs, and compiles. @throws WasmRefused, WebAssembly.CompileError */
export const compileModule: CompileModule = (wasm) =>
  new WebAssembly.Module(addFuel(addOrder(addInstead(guardUpsert(wasm), new Set(instead.keys())))));

/** The same for `strict-builtin-errors`: all that can fail is served by the host, as the module's code tells no errors. */
export const compileStrict: CompileModule = (wasm) =>
  new WebAssembly.Module(
    addFuel(addOrder(addInstead(guardUpsert(wasm), new Set(Object.keys(moduleFunctions))))),
  );

/** Compiles a module once while it is among the last few: data often change when the policy doesn't. */
export function createModuleCache(most = 8): CompileModule {
  const kept = new Map<string, WebAssembly.Module>();
  return (wasm) => {
    const key = createHash("sha256").update(wasm).digest("hex");
    const module = kept.get(key) ?? compileModule(wasm);
    kept.delete(key);
    kept.set(key, module);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return module;
  };
}
