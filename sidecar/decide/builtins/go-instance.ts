/** Starts OPA's Go code, and puts the state after start-up back when a call was left in the middle of its work. */
import { fuelExport, variableExport } from "../fuel.js";
import type { GoWorld } from "./go-wasi.js";
import { goImports } from "./go-wasi.js";

export interface GoExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  builtins_buffer(size: number): number;
  builtins_configure(softLimit: bigint): void;
  builtins_set_runtime(size: number): number;
  builtins_call(nameSize: number, argsSize: number, nowNs: bigint, decision: number): bigint;
  builtins_heap_end(): number;
}

export interface GoInstance {
  readonly exports: GoExports;
  /** Set it before each call. */
  readonly fuel: WebAssembly.Global;
  /** Puts the state after start-up back. */
  restore(): void;
  /** Bytes of the linear memory that have been written to. */
  usedBytes(): number;
}

export interface StartParts {
  /** With fuel, and with its variables exported. */
  readonly module: WebAssembly.Module;
  readonly world: GoWorld;
  /** Brings the instance to the state that calls begin from. */
  readonly prepare: (exports: GoExports) => void;
}

/** Some fifty times what start-up takes. */
const startFuel = 2_000_000_000n;
/** Part of the memory from which on garbage is collected more often: the rest is for what a call leaves meanwhile. */
const softLimit = 0.75;

/**
 * Starts the Go code.
 *
 * A trap leaves nothing behind but linear memory and global variables. Both are put back in place: a new instance would
 * cost twenty times the time, and the engine's garbage collector the memory of those before it.
 * @throws Error where the module is another one
 */
export function startGo({ module, world, prepare }: StartParts): GoInstance {
  const { exports: all } = new WebAssembly.Instance(module, goImports(world));
  const exports = all as unknown as GoExports;
  const fuel = all[fuelExport] as WebAssembly.Global;
  const variables = Object.entries(all)
    .filter(([name]) => name.startsWith(variableExport))
    .map(([, variable]) => variable as WebAssembly.Global);
  world.memory = exports.memory;
  growWhole(exports.memory);
  fuel.value = startFuel;
  exports._initialize();
  const memory = new Uint8Array(exports.memory.buffer);
  exports.builtins_configure(BigInt(Math.floor(memory.byteLength * softLimit)));
  prepare(exports);
  const words = new DataView(exports.memory.buffer);
  const endAt = exports.builtins_heap_end();
  /** INVARIANT: all memory from there on is zero. What Go's own variable can't be is the whole memory. */
  const heapEnd = (): number => {
    const end = Number(words.getBigUint64(endAt, true));
    return end > 0 && end <= memory.byteLength ? end : memory.byteLength;
  };

  const values = variables.map(({ value }) => value);
  const kept = memory.slice(0, heapEnd());
  return {
    exports,
    fuel,
    restore() {
      memory.fill(0, kept.byteLength, Math.max(kept.byteLength, heapEnd()));
      memory.set(kept);
      variables.forEach((variable, i) => {
        variable.value = values[i] ?? 0;
      });
    },
    usedBytes: heapEnd,
  };
}

/**
 * Takes all addresses that the module may have, which costs no memory until they are written to: Go's heap can't be
 * made smaller again, and so a memory that grew would grow anew after each fault.
 */
function growWhole(memory: WebAssembly.Memory): void {
  for (let pages = 1 << 16; pages > 0;) {
    try {
      memory.grow(pages);
    } catch {
      pages >>= 1;
    }
  }
}
