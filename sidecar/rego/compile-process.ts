/**
 * The compiler's process: OPA's Go packages as WASM under node:wasi. It lives only while there is work, because
 * memory that WASM has grown is given back by nothing but an exit.
 */
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

interface Reactor {
  readonly memory: WebAssembly.Memory;
  _initialize?(): void;
  toolchain_alloc(size: number): number;
  toolchain_free(at: number): void;
  toolchain_handle(at: number, size: number): bigint;
}

const [, , path = ""] = process.argv;
const wasi = new WASI({ version: "preview1", args: [], env: {}, preopens: {} });
const module = new WebAssembly.Module(readFileSync(path));
const instance = new WebAssembly.Instance(module, imports());
wasi.initialize(instance);
const reactor = instance.exports as unknown as Reactor;

/**
 * Gives WASI's functions behind closures: called directly, V8 takes its fast path for native functions, and Node 20
 * then crashes (segmentation fault) in builds that take some seconds: three of three with 1,000 rules.
 */
function imports(): WebAssembly.Imports {
  const { wasi_snapshot_preview1: functions = {} } = wasi.getImportObject() as Record<
    string,
    Record<string, (...args: unknown[]) => unknown>
  >;
  return {
    wasi_snapshot_preview1: Object.fromEntries(
      Object.entries(functions).map(([name, call]) => [name, (...args: unknown[]) => call(...args)]),
    ),
  };
}

/** INVARIANT: a throw that crosses the reactor leaves it unusable; the process ends and the host starts another. */
function handle(request: Uint8Array): Uint8Array {
  const at = reactor.toolchain_alloc(request.byteLength);
  new Uint8Array(reactor.memory.buffer, at, request.byteLength).set(request);
  const packed = BigInt.asUintN(64, reactor.toolchain_handle(at, request.byteLength));
  const out = Number(packed >> 32n);
  const size = Number(packed & 0xffff_ffffn);
  const response = new Uint8Array(reactor.memory.buffer, out, size).slice();
  reactor.toolchain_free(at);
  reactor.toolchain_free(out);
  return response;
}

process.on("message", ({ id, request }: { id: number; request: Uint8Array }) => {
  process.send?.({ id, response: handle(request) });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });
