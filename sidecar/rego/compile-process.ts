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
const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
wasi.initialize(instance);
const reactor = instance.exports as unknown as Reactor;

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
