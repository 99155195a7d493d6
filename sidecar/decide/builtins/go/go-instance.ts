/** Starts OPA's Go code, and puts the state after start-up back when a call was left in the middle of its work. */
import { fuelExport, variableExport } from "../../fuel.js";
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
  /** Those of the present instance. */
  readonly exports: GoExports;
  /** Set it before each call. */
  readonly fuel: WebAssembly.Global;
  /** Puts the state after start-up back. */
  restore(): void;
  /** Bytes of the linear memory that may have been written to. */
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

/** Memory that was written to isn't given back as long as the instance lives. */
const reusedBytes = 64 << 20;

/**
 * Starts the Go code.
 *
 * A trap leaves nothing behind but linear memory and global variables. Both are put back in place, because a new
 * instance costs some twenty times the time; one whose memory has become large is left to the garbage collector.
 * @throws Error where the module is another one
 */
export function startGo({ module, world, prepare }: StartParts): GoInstance {
  const imports = goImports(world);
  let now = create(module, imports);
  world.memory = now.exports.memory;
  now.fuel.value = startFuel;
  now.exports._initialize();
  now.exports.builtins_configure(BigInt(Math.floor(now.memory.byteLength * softLimit)));
  prepare(now.exports);

  const endAt = now.exports.builtins_heap_end();
  /** INVARIANT: all memory from there on is zero. What Go's own variable can't be is the whole memory. */
  const usedBytes = (): number => {
    const end = Number(new DataView(now.memory.buffer).getBigUint64(endAt, true));
    return end > 0 && end <= now.memory.byteLength ? end : now.memory.byteLength;
  };
  const values = now.variables.map(({ value }) => value);
  const kept = now.memory.slice(0, usedBytes());
  return {
    get exports() {
      return now.exports;
    },
    get fuel() {
      return now.fuel;
    },
    restore() {
      if (usedBytes() > reusedBytes) {
        now = create(module, imports);
        world.memory = now.exports.memory;
      } else now.memory.fill(0, kept.byteLength, Math.max(kept.byteLength, usedBytes()));
      now.memory.set(kept);
      now.variables.forEach((variable, i) => {
        variable.value = values[i] ?? 0;
      });
    },
    usedBytes,
  };
}

interface Created {
  readonly exports: GoExports;
  readonly fuel: WebAssembly.Global;
  readonly variables: readonly WebAssembly.Global[];
  readonly memory: Uint8Array;
}

function create(module: WebAssembly.Module, imports: WebAssembly.Imports): Created {
  const { exports: all } = new WebAssembly.Instance(module, imports);
  const exports = all as unknown as GoExports;
  growWhole(exports.memory);
  return {
    exports,
    fuel: all[fuelExport] as WebAssembly.Global,
    variables: Object.entries(all)
      .filter(([name]) => name.startsWith(variableExport))
      .map(([, variable]) => variable as WebAssembly.Global),
    memory: new Uint8Array(exports.memory.buffer),
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
