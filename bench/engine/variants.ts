/** The engine as it is shipped, and with parts left out, to tell what each of them costs. */
import { instead } from "../../sidecar/decide/builtins/instead/functions.js";
import { addInstead } from "../../sidecar/decide/engine/instead.js";
import type { CompileModule } from "../../sidecar/decide/engine/modules.js";
import { compileModule } from "../../sidecar/decide/engine/modules.js";
import { addOrder } from "../../sidecar/decide/engine/order.js";
import { addFuel } from "../../sidecar/decide/fuel.js";
import { bytesOf, concat, createReader, unsigned } from "../../sidecar/decide/wasm-binary.js";

const codeSection = 10;
const ordered = (wasm: Uint8Array): Uint8Array => addOrder(replaced(wasm));
const replaced = (wasm: Uint8Array): Uint8Array => addInstead(wasm, new Set(instead.keys()));

/** Ways to make a module ready, by what is left out. */
export const variants = {
  full: compileModule,
  /** The fuel is there and is never taken. */
  withoutFuel: (wasm) => new WebAssembly.Module(unburnt(ordered(wasm))),
  /** Objects and sets are gone through in the module's own order. */
  withoutOrder: (wasm) => new WebAssembly.Module(addFuel(replaced(wasm))),
  /** The module's own built-ins, also where they differ from OPA's. */
  withoutInstead: (wasm) => new WebAssembly.Module(addFuel(addOrder(wasm))),
  /** As the compiler wrote it. */
  bare: (wasm) => new WebAssembly.Module(unburnt(wasm)),
} satisfies Record<string, CompileModule>;

/** Adds the global that the engine expects, and leaves the code as it was. */
function unburnt(wasm: Uint8Array): Uint8Array {
  const [, code] = sections(wasm).find(([id]) => id === codeSection) ?? [];
  if (code === undefined) throw new Error("a module without code");
  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  for (const [id, body] of sections(addFuel(wasm))) {
    const kept = id === codeSection ? code : body;
    out.push(bytesOf(id), unsigned(kept.byteLength), kept);
  }
  return concat(out);
}

function sections(wasm: Uint8Array): [id: number, body: Uint8Array][] {
  const reader = createReader(wasm, 8);
  const out: [number, Uint8Array][] = [];
  while (!reader.done()) out.push([reader.byte(), reader.take(reader.unsigned())]);
  return out;
}
