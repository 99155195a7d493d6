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

export interface ModuleCache {
  /** Compiles a module once while it is among the last few. */
  readonly compile: CompileModule;
  /** The same one where it is known already. */
  find(wasm: Uint8Array): WebAssembly.Module | undefined;
  /** Takes what was compiled elsewhere. */
  add(wasm: Uint8Array, module: WebAssembly.Module): void;
}

/** Keeps compiled modules: data often change when the policy doesn't. */
export function createModuleCache(most = 8): ModuleCache {
  const kept = new Map<string, WebAssembly.Module>();
  const keyOf = (wasm: Uint8Array): string => createHash("sha256").update(wasm).digest("hex");
  const put = (key: string, module: WebAssembly.Module): WebAssembly.Module => {
    kept.delete(key);
    kept.set(key, module);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return module;
  };
  return {
    compile(wasm) {
      const key = keyOf(wasm);
      return put(key, kept.get(key) ?? compileModule(wasm));
    },
    find: (wasm) => kept.get(keyOf(wasm)),
    add: (wasm, module) => void put(keyOf(wasm), module),
  };
}
